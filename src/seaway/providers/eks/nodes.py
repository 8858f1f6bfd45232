"""The nodes that always run: how many, of which size, in a managed group or by EKS Auto Mode."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from botocore.exceptions import ClientError

from seaway.errors import Refused, SeawayError, UsageError
from seaway.model.pools import SIZE
from seaway.providers.eks.auto import Standing, refuse_switch, size_of
from seaway.providers.eks.cloud import Cloud, explained
from seaway.providers.eks.control import NodeGroup, automated, described
from seaway.providers.eks.making import Seen
from seaway.providers.eks.parts import Live, Part, code_of

#: Nodes of a cluster, at most.
MOST: Final = 100
_IMAGES: Final = {"arm64": "AL2023_ARM_64_STANDARD", "x86_64": "AL2023_x86_64_STANDARD"}


@dataclass(frozen=True)
class Wanted:
    """Nodes as they are asked for: at least and at most so many, of a size, "" for any, in which mode.

    `auto` is EKS Auto Mode; None leaves the mode as it is, and a new cluster without it. `added` are those
    that may come with the load, which others see to: they are only told the price of.
    """

    nodes: tuple[int, int]
    size: str
    auto: bool | None = None
    added: int = 0

    def settled(self, name: str, live: Live | None) -> Wanted:
        """Choose the mode. Raises Refused where a cluster that is there has another one."""
        auto = automated(live) if self.auto is None else self.auto
        refuse_switch(name, live, auto=auto)
        return replace(self, auto=auto)


def nodes(cloud: Cloud, name: str, subnets: tuple[str, ...], wanted: Wanted, seen: Seen) -> Part:
    """Compose them. Raises Refused where those of a group are of another size, UsageError for none."""
    least, most = wanted.nodes
    kind = Standing if wanted.auto else NodeGroup
    there, size = seen[kind].get("nodes/main"), wanted.size
    now, number = _present(there) if there else ("", least)
    number = min(max(number or least, least), most)
    if not 1 <= number <= MOST:
        raise UsageError(f"a cluster has 1 to {MOST} nodes, not {number}")
    if now and size and now != size and not wanted.auto:
        raise Refused(
            f"the nodes of cluster {name} are of size {now}, not {size}",
            why="EKS cannot change the instance type of a node group",
            remedy=f"leave --size out, or give --size {now}",
        )
    chosen = (size or now if wanted.auto else now or size) or SIZE
    image = _image(cloud, chosen)
    if wanted.auto:
        return Standing(name, subnets, number, chosen)
    return NodeGroup(name, subnets, number, chosen, image)


def asked_for(cloud: Cloud, name: str) -> int:
    """Tell how many nodes of a cluster that is there shall always run."""
    kind = Standing if automated(described(cloud, name)) else NodeGroup
    return _present(kind.owned(cloud, name)["nodes/main"])[1]


def _present(live: Live) -> tuple[str, int]:
    """Tell of which size the nodes are that always run, and how many shall."""
    if "pool" in live:
        return size_of(live), live["pool"].get("spec", {}).get("replicas", 0)
    return live["instanceTypes"][0], live["scalingConfig"]["desiredSize"]


def _image(cloud: Cloud, size: str) -> str:
    """Choose the nodes' image by the processor of an instance type. Raises UsageError for none."""
    kind: Any = size
    try:
        with explained("AWS refused to show the instance type"):
            found = cloud.ec2.describe_instance_types(InstanceTypes=[kind])["InstanceTypes"][0]
    except SeawayError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and code_of(cause).startswith("InvalidInstanceType"):
            raise UsageError(f"no such instance type: {size}", remedy=f"one such as {SIZE}") from error
        raise
    for each in found["ProcessorInfo"]["SupportedArchitectures"]:
        if each in _IMAGES:
            return _IMAGES[each]
    raise UsageError(f"EKS has no image for instance type {size}", remedy=f"one such as {SIZE}")
