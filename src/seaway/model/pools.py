"""NodePools, as Karpenter has them on every cloud: what those of this machine and of EKS share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from seaway.model.cluster import INSTANCE
from seaway.model.manifests import Manifest

POOL: Final = ("karpenter.sh/v1", "NodePool")
CLAIM: Final = ("karpenter.sh/v1", "NodeClaim")
#: The label of nodes and NodeClaims that names their pool.
OF: Final = "karpenter.sh/nodepool"
#: How EKS Auto Mode calls the kind of its nodes (EKS user guide, Create a node class).
CLASS: Final = ("eks.amazonaws.com/v1", "NodeClass")
#: What on EKS is Seaway's own: the class, and the pool of nodes that always run. No system has a dot.
OWN_CLASS: Final = "seaway.nodes"
STANDING: Final = "seaway.standing"
#: On EKS, where nothing else is said; runs what Seaway builds on an x86-64 machine.
SIZE: Final = "m7i.large"
#: Who tells why no node comes: Karpenter by itself, and as EKS has it (EKS user guide, Auto Mode changes).
TELLERS: Final = frozenset({"karpenter", "eks-auto-mode/compute"})
#: One after the other, where a node is replaced by a newer one.
_NEWER: Final = {"nodes": "1", "reasons": ["Drifted"]}
#: Longer than any pod of Seaway's takes to end; EKS itself waits a day for who may not be evicted.
_PATIENCE: Final = "30m0s"


def drawn(kind: tuple[str, str], name: str, sizes: Iterable[str], **more: Any) -> Manifest:
    """Write what the nodes of a pool are like: of the class `name` of this kind, one of these sizes."""
    requirements = [
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
        {"key": INSTANCE, "operator": "In", "values": [*sizes]},
    ]
    reference = {"group": kind[0].partition("/")[0], "kind": kind[1], "name": name}
    return {"spec": {"nodeClassRef": reference, "requirements": requirements, **more}}


def adding(most: int, template: Mapping[str, Any], budgets: Iterable[Mapping[str, Any]]) -> Manifest:
    """Let nodes be added, `most` of them; needless ones go at once.

    That pods leave slowly is the pods' autoscaler's to see to.
    """
    return {
        "limits": {"nodes": str(most)},
        "disruption": {
            "consolidationPolicy": "WhenEmptyOrUnderutilized",
            "consolidateAfter": "0s",
            "budgets": [*budgets],
        },
        "template": template,
    }


def added_on_eks(most: int, size: str) -> Manifest:
    """Let EKS Auto Mode add nodes of a size, `most` of them.

    Karpenter counts nodes only between batches of pods, and CPUs at once: a limit of these stands beside.
    """
    budgets = [{"nodes": "100%", "reasons": ["Empty", "Underutilized"]}, _NEWER]
    pool = adding(most, _on_eks(size), budgets)
    if cores := cores_of(size):
        pool["limits"]["cpu"] = str(most * cores)
    return pool


def cores_of(size: str) -> int:
    """Tell how many CPUs an instance type has by its name; 0 where it does not tell (EC2 instance types)."""
    family, _, name = size.partition(".")
    if found := re.fullmatch(r"(\d*)xlarge", name):
        return 4 * int(found[1] or 1)
    return {"large": 2, "medium": 2 if family.startswith("t") else 1}.get(name, 0)


def standing_on_eks(nodes: int, size: str) -> Manifest:
    """Have EKS Auto Mode keep just so many nodes of a size; while one is replaced there is one more.

    (EKS user guide, static-capacity node pools)
    """
    return {
        "replicas": nodes,
        "limits": {"nodes": str(nodes + 1)},
        "disruption": {
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": "Never",
            "budgets": [{"nodes": "1"}],
        },
        "template": _on_eks(size),
    }


def _on_eks(size: str) -> Manifest:
    return drawn(CLASS, OWN_CLASS, [size], terminationGracePeriod=_PATIENCE)


def claim_of(node: Mapping[str, Any]) -> str:
    """Name the NodeClaim for which a node was added; a node that always runs has none that matters."""
    meta = node["metadata"]
    if meta.get("labels", {}).get(OF, STANDING) == STANDING:
        return ""
    owners = meta.get("ownerReferences", ())
    return next((str(each["name"]) for each in owners if each["kind"] == CLAIM[1]), "")
