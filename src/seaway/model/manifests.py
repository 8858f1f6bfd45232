"""Kubernetes manifests as values: Seaway's mark, the hash of what was asked for, and the comparison."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seaway.errors import SeawayError
from seaway.model.quantity import amount
from seaway.model.wrong import Wrong

Manifest = dict[str, Any]
DESIRED: Final = "seaway.dev/desired"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
PART_OF: Final = "app.kubernetes.io/part-of"
COMPONENT: Final = "app.kubernetes.io/component"
NAME: Final = "app.kubernetes.io/name"
SYSTEM_NAMESPACE: Final = "envoy-gateway-system"


@dataclass(frozen=True)
class Output:
    """A value inside a manifest that an earlier step will know, such as an image's digest.

    `suffix` is put behind it.
    """

    name: str
    suffix: str = ""


def labels(system: str, component: str, name: str) -> dict[str, str]:
    """Give the labels that every object of Seaway carries (Kubernetes' recommended ones)."""
    return {MANAGED_BY: "seaway", PART_OF: system, COMPONENT: component, NAME: name}


def selector(system: str, component: str, name: str) -> dict[str, str]:
    """Give the labels that find the pods of one workload."""
    return {PART_OF: system, COMPONENT: component, NAME: name}


def pod_security(user: int) -> dict[str, Any]:
    """Compose a pod's security context: one user that is not root, and the runtime's seccomp profile.

    With container_security it is what the profile `restricted` asks (Pod Security Standards).
    """
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    """Compose a container's security context: a read-only root file system, no capability, no way to more."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def over_nodes(pods: Mapping[str, str]) -> dict[str, Any]:
    """Compose the wish to have those pods of one version on different nodes (TopologySpreadConstraint)."""
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(pods)},
        "matchLabelKeys": ["pod-template-hash"],
    }


def fill(value: Any, outputs: Mapping[str, str]) -> Any:
    """Put known outputs in place; those that are not known yet stay."""
    if isinstance(value, Output):
        return outputs[value.name] + value.suffix if value.name in outputs else value
    if isinstance(value, dict):
        return {key: fill(item, outputs) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(item, outputs) for item in value]
    return value


def missing(value: Any) -> set[str]:
    """Name the outputs that a manifest still waits for."""
    if isinstance(value, Output):
        return {value.name}
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return set().union(*(missing(item) for item in items)) if items else set()


def stamp(manifest: Manifest) -> Manifest:
    """Add the annotation that says what was asked for, so that an edit of the file is seen.

    Raises SeawayError where an output is still missing: a fault of the planner.
    """
    if unknown := missing(manifest):
        raise SeawayError(f"{manifest['kind']} waits for {', '.join(sorted(unknown))}, which no step gave")
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    meta = manifest["metadata"]
    return {**manifest, "metadata": {**meta, "annotations": {**meta.get("annotations", {}), DESIRED: mark}}}


def differences(desired: Any, live: Any, path: str = "") -> list[str]:
    """Name every place where `live` lacks or contradicts what `desired` says; more in `live` is fine."""
    if isinstance(desired, dict):
        if not isinstance(live, dict):
            return [path]
        return [
            d for key, item in desired.items() for d in differences(item, live.get(key), _join(path, key))
        ]
    if isinstance(desired, (list, tuple)):
        return _list_differences(list(desired), live, path)
    if desired is None and live is None:
        return []
    return [] if _same(desired, live) else [path]


def _list_differences(desired: list[Any], live: Any, path: str) -> list[str]:
    found = list(live or []) if isinstance(live, (list, tuple)) or live is None else None
    if found is None:
        return [path]
    names = [item["name"] for item in desired if isinstance(item, dict) and "name" in item]
    if desired and len({*names}) == len(desired):
        by_name = {item.get("name"): item for item in found if isinstance(item, dict)}
        pairs = [(item, by_name.get(item["name"]), f"{path}[{item['name']}]") for item in desired]
    else:
        if len(desired) != len(found):
            return [path]
        pairs = [(item, found[i], f"{path}[{i}]") for i, item in enumerate(desired)]
    return [d for item, other, place in pairs for d in differences(item, other, place)]


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _same(a: Any, b: Any) -> bool:
    if a == b:
        return True
    try:
        return isinstance(a, str) and isinstance(b, str) and amount(a) == amount(b)
    except Wrong:
        return False
