"""What the parts of a cluster cost a month: list prices of one region, of one day, kept beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from seaway.model.bill import Bill, Item
from seaway.providers.eks.auto import DISK as AUTO_DISK
from seaway.providers.eks.auto import Standing
from seaway.providers.eks.control import ControlPlane, NodeGroup
from seaway.providers.eks.network import Address, Nat
from seaway.providers.eks.parts import Part
from seaway.providers.eks.repositories import Repository

#: Hours of a month, as AWS counts them in its own estimates.
HOURS: Final = 730
#: Gigabytes of a node's own disk, where nothing else is said (EKS: CreateNodegroup, diskSize).
DISK: Final = 20


def bill(
    region: str, parts: Iterable[Part], volumes: Mapping[str, float], zones: int = 0, added: int = 0
) -> Bill:
    """Add up what the parts cost, a load balancer over so many zones, and volumes of so many gigabytes.

    What costs nothing by itself is left out; without zones there is no load balancer. `added` nodes may come
    with the load.
    """
    hour, stored = prices()["hour"], prices()["gigabyte-month"]
    items = [item for part in parts for item in _items(part, added)]
    if zones:
        balancer = HOURS * (hour["load-balancer"] + zones * hour["address"])
        items.append(Item("load balancer of the gateway", balancer, "and by what goes through it"))
    items += [Item(f"volume of {name}", size * stored["volume"]) for name, size in volumes.items()]
    items.append(Item("traffic, logs", None, "by volume"))
    return Bill(tuple(items), source(region))


def source(region: str) -> str:
    """Say whose prices they are, of where and when, and what else a region may ask."""
    table = prices()
    told = f"list prices of {table['region']} as of {table['date']}, {table['source']}"
    return told if region == table["region"] else f"{told}; those of {region} are not known here"


@cache
def prices() -> dict[str, Any]:
    return tomllib.loads(files("seaway.providers.eks").joinpath("prices.toml").read_text())


def _items(part: Part, added: int) -> list[Item]:
    hour, stored = prices()["hour"], prices()["gigabyte-month"]
    kind, _, name = part.id.partition("/")
    found: list[Item] = []
    match part:
        case ControlPlane():
            found = [Item(f"cluster {part.cluster}", HOURS * hour["cluster"], "in standard support")]
        case Nat():
            found = [Item(f"{kind} {name}", HOURS * hour["nat-gateway"], "and by what goes through it")]
        case Address():
            found = [Item(f"{kind} {name}", HOURS * hour["address"])]
        case NodeGroup():
            found = [_nodes(part.nodes, part.size, DISK)]
        case Standing():
            found = _automated(part, added)
        case Repository():
            found = [Item(f"{kind} {name}", None, f"{stored['image']:.2f} for each gigabyte in it")]
    return found


def _nodes(nodes: int, size: str, disk: int) -> Item:
    what, an_hour = f"{nodes} of {size}", prices()["instance-hour"].get(size)
    if an_hour is None:
        return Item(what, None, f"no price of {size} is known here")
    each = HOURS * an_hour + disk * prices()["gigabyte-month"]["volume"]
    return Item(what, nodes * each, f"with {disk} GB of disk each")


def _automated(part: Standing, added: int) -> list[Item]:
    """Tell of nodes that EKS Auto Mode keeps: what it takes for each comes to the price of its machine."""
    nodes, size = part.nodes, part.size
    one, an_hour = _nodes(1, size, AUTO_DISK), prices()["instance-hour"].get(size)
    fee = None if an_hour is None else HOURS * an_hour * prices()["auto-mode-share"]
    why = one.why if fee is None else ""
    items = [
        _nodes(nodes, size, AUTO_DISK),
        Item(f"EKS Auto Mode for {nodes} of {size}", fee and nodes * fee, why),
    ]
    if added:
        each = why or f"{(one.monthly or 0) + (fee or 0):.2f} for each that runs all month"
        items.append(Item(f"up to {added} more of {size}", None, each))
    return items
