"""Moving the only pod of a Deployment off a node: a budget holds it, until another one is there."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from seaway.kit.kube import Kube, Ref

#: Annotation of a Deployment's template: when other pods were started so that these could go.
MOVED: Final = "seaway.dev/moved-at"


def deployment_of(kube: Kube, pod: Mapping[str, Any], besides: Container[Ref] = ()) -> Ref | None:
    """Find the Deployment whose only pod this is, by the pod's metadata; not one of those `besides`."""
    owners = [o["name"] for o in pod.get("ownerReferences", []) if o["kind"] == "ReplicaSet"]
    ref = Ref("apps/v1", "Deployment", owners[0].rpartition("-")[0] if owners else "", pod["namespace"])
    found = kube.get(ref) if owners and ref not in besides else None
    return ref if found and found["spec"].get("replicas") == 1 else None


def start_another(kube: Kube, deployment: Ref) -> None:
    """Roll a Deployment over: it starts the new pod before it ends the old one."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    kube.patch(deployment, {"spec": {"template": {"metadata": {"annotations": {MOVED: at}}}}})
