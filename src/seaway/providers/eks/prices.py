"""What the parts of a cluster cost a month: list prices of one region, of one day, kept beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from seaway.model.bill import Bill, Item
from seaway.providers.eks.control import ControlPlane, NodeGroup
from seaway.providers.eks.network import Address, Nat
from seaway.providers.eks.parts import Part
from seaway.providers.eks.repositories import Repository

#: Hours of a month, as AWS counts them in its own estimates.
HOURS: Final = 730
#: Gigabytes of a node's own disk, where nothing else is said (EKS: CreateNodegroup, diskSize).
DISK: Final = 20
_FREE: Final = Item("", 0.0)


def bill(region: str, parts: Iterable[Part], volumes: Mapping[str, float], zones: int = 0) -> Bill:
    """Add up what the parts cost, a load balancer over so many zones, and volumes of so many gigabytes.

    What costs nothing by itself is left out; without zones there is no load balancer.
    """
    hour, stored = prices()["hour"], prices()["gigabyte-month"]
    items = [item for part in parts if (item := _item(part)) is not _FREE]
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


def _item(part: Part) -> Item:
    hour, stored = prices()["hour"], prices()["gigabyte-month"]
    kind, _, name = part.id.partition("/")
    match part:
        case ControlPlane():
            return Item(f"cluster {part.cluster}", HOURS * hour["cluster"], "in standard support")
        case Nat():
            return Item(f"{kind} {name}", HOURS * hour["nat-gateway"], "and by what goes through it")
        case Address():
            return Item(f"{kind} {name}", HOURS * hour["address"])
        case NodeGroup():
            return _nodes(part)
        case Repository():
            return Item(f"{kind} {name}", None, f"{stored['image']:.2f} for each gigabyte in it")
    return _FREE


def _nodes(group: NodeGroup) -> Item:
    an_hour = prices()["instance-hour"].get(group.size)
    if an_hour is None:
        return Item(f"{group.nodes} of {group.size}", None, f"no price of {group.size} is known here")
    disk = DISK * prices()["gigabyte-month"]["volume"]
    return Item(
        f"{group.nodes} of {group.size}",
        group.nodes * (HOURS * an_hour + disk),
        f"with {DISK} GB of disk each",
    )
