"""How a system leaves a cluster that stays, or one that goes after it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from seaway.kit.kube import Ref
from seaway.model.plan import Plan
from seaway.rooms.cluster.admission import of_admission
from seaway.rooms.cluster.plan import let_go_of_nodes
from seaway.rooms.cluster.steps import AwaitCloudGone
from seaway.rooms.crossing.steps import LetGo
from seaway.rooms.requests.plan import removals
from seaway.steps.objects import RemoveObject

#: Seconds in which all that is in the namespace must be gone.
PATIENCE: Final = 300.0


def leave(system: str, *, autoscaled: bool) -> Plan:
    """Take away its namespace, the rules for it, and the nodes that came for it."""
    first = LetGo(system)
    last = RemoveObject("cluster/namespace/remove", (first.id,), Ref("v1", "Namespace", system), PATIENCE)
    rules = [RemoveObject(f"cluster/images/{ref.kind}", (last.id,), ref) for ref in of_admission(system)]
    added = let_go_of_nodes(system, (last.id,)) if autoscaled else []
    return Plan.ordered([first, last, *rules, *added])


def leave_cloud(system: str, storage_class: str, counter: Iterable[Ref], *, autoscaled: bool) -> Plan:
    """Take away its namespace and the rules for it, and see gone what the cloud gave for it.

    With it goes the `counter` of requests, where no other system is left.
    """
    plan = leave(system, autoscaled=False)
    gone = AwaitCloudGone(system, tuple(step.id for step in plan.steps))
    added = let_go_of_nodes(system, (gone.id,), here=False) if autoscaled else []
    ref = Ref("storage.k8s.io/v1", "StorageClass", storage_class)
    kinds = [RemoveObject("cluster/storage-class/remove", (gone.id,), ref)] if storage_class else []
    last = removals(counter, ("cluster/namespace/remove",))
    return Plan.ordered([*plan.steps, gone, *kinds, *last, *added])
