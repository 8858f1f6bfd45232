"""The autoscaler of a cluster: Karpenter, and the keeper that makes its nodes on this machine.

Karpenter runs as it is in a cloud; NodePools tell it what it may add. The keeper makes nodes by the same code
as `seaway cluster scale` (making.py), outside the cluster's network namespace.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from seaway.kit.kube import Kube, Manifest, Ref
from seaway.model.event import Event, Outcome, Report, told
from seaway.model.pools import CLAIM, POOL
from seaway.providers.local import drain, waiting
from seaway.providers.local.addons import WATCH, granted, rule
from seaway.providers.local.control import await_api
from seaway.providers.local.engine import Engine
from seaway.providers.local.home import Home, NodeHome
from seaway.providers.local.supervisor import Service

#: What must be served before Karpenter starts.
KINDS: Final = (CLAIM, POOL, ("seaway.dev/v1alpha1", "LocalNodeClass"))
FLAGS: Final = (
    "--disable-leader-election=true",
    "--metrics-port=8082",
    "--health-probe-port=8083",
    # Pods of one burst come within a tenth of a second; what comes later may get a node of its own.
    "--batch-idle-duration=300ms",
    "--batch-max-duration=2s",
    # A wish to be spread alone makes no node, and keeps none.
    "--preference-policy=Ignore",
    "--feature-gates=NodeRepair=true",
)


def socket(home: Home) -> Path:
    """Where the keeper listens."""
    return home.run / "keeper.sock"


def services(home: Home, engine: Engine) -> tuple[Service, ...]:
    """The two programs, as the cluster's supervisor runs them."""
    listening = f"until [ -S {socket(home)} ]; do sleep 0.05; done"
    before = f"export KUBECONFIG={home.pki}/karpenter.kubeconfig\n{await_api(home)}\n{listening}"
    enter = ("nsenter", f"--net=/run/netns/{home.namespace}", engine.program("engine"))
    module = "seaway.providers.local.keeper"
    return (
        Service("keeper", (sys.executable, "-P", "-m", module, home.name, engine.folder)),
        Service("karpenter", (*enter, "karpenter", f"--keeper={socket(home)}", *FLAGS), before),
    )


def needs(engine: Engine) -> list[Manifest]:
    """What the cluster must have: rights, Karpenter's own definitions, the class of its nodes."""
    definitions = [yaml.safe_load(path.read_text()) for path in sorted(engine.definitions.glob("*.yaml"))]
    return [*_rights(), *definitions]


def _rights() -> list[Manifest]:
    """What Karpenter may do: the rules that its makers publish for it, and to read the class of its nodes."""
    write = ["create", "delete", "patch", "update"]
    own = "nodeclaims,nodeclaims/status,nodeclaims/finalizers"
    pools = "nodepools,nodepools/status,nodepools/finalizers,nodeoverlays/status"
    held = "pods,nodes,persistentvolumes,persistentvolumeclaims,replicationcontrollers,namespaces"
    rules: list[dict[str, Any]] = [
        rule("karpenter.sh", "nodepools,nodeclaims,nodeoverlays", WATCH),
        rule("karpenter.sh", own, write),
        rule("karpenter.sh", pools, ["patch", "update"]),
        rule("seaway.dev", "localnodeclasses", WATCH),
        rule("", held, WATCH),
        rule("", "nodes", write),
        rule("", "pods/eviction", ["create"]),
        rule("", "pods", ["delete"]),
        rule("", "events", ["create", "patch"]),
        rule("apps", "daemonsets,deployments,replicasets,statefulsets", WATCH),
        rule("policy", "poddisruptionbudgets", WATCH),
        rule("storage.k8s.io", "storageclasses,csinodes,volumeattachments", WATCH),
        rule("coordination.k8s.io", "leases", [*WATCH, "delete"]),
    ]
    return granted("karpenter", rules)


def release(name: str, nodes: Sequence[NodeHome], kube: Kube, report: Report) -> None:
    """Have the autoscaler drain and remove nodes that it added to the cluster `name`, all at once."""
    claims = [Ref(*CLAIM, each.claim) for each in nodes]
    for claim in claims:
        kube.delete(claim)
    for each, claim in zip(nodes, claims, strict=True):
        with told(report, f"cluster/{name}/{each.name}", f"drained and removed {each.name}"):
            waiting.ended(kube, claim, drain.PATIENCE, report)
    if claims:
        report(Event(f"cluster/{name}", Outcome.NOTE, "the autoscaler adds nodes again where pods need them"))
