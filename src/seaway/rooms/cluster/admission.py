"""Which images may run in the system's namespace: those by digest from the environment's own registry."""

from __future__ import annotations

import json
from typing import Any, Final

from seaway.kit.kube import Ref
from seaway.model.manifests import Manifest, labels

API: Final = "admissionregistration.k8s.io/v1"
KINDS: Final = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
#: What brings pods, so that whoever asks for one is told at once, not its controller later.
RESOURCES: Final = {
    "": ["pods", "pods/ephemeralcontainers", "replicationcontrollers"],
    "apps": ["daemonsets", "deployments", "replicasets", "statefulsets"],
    "batch": ["cronjobs", "jobs"],
}
_POD: Final = (
    "has({0}.spec.jobTemplate) ? {0}.spec.jobTemplate.spec.template.spec "
    ": has({0}.spec.template) ? {0}.spec.template.spec : {0}.spec"
)
_LISTS: Final = ("containers", "initContainers", "ephemeralContainers")


def name_of_policy(system: str) -> str:
    return f"seaway-images-{system}"


def admission(system: str, registry: str) -> list[Manifest]:
    """Compose the policy and its binding. `registry` is `host[:port][/folder]`.

    What an object had before, it keeps: when the registry changes, what came from the old one still scales
    down.
    """
    own, name = json.dumps(f"{registry}/"), name_of_policy(system)
    right = f'i.startsWith({own}) && i.matches("@sha256:[0-9a-f]{{64}}$")'
    policy: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [group],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": resources,
                }
                for group, resources in RESOURCES.items()
            ]
        },
        "variables": [
            {"name": "pod", "expression": _POD.format("object")},
            {"name": "images", "expression": _images("pod")},
            {"name": "old", "expression": f"oldObject == null ? {{}} : ({_POD.format('oldObject')})"},
            {"name": "known", "expression": _images("old")},
            {
                "name": "wrong",
                "expression": f"variables.images.filter(i, !({right}) && !(i in variables.known))",
            },
        ],
        "validations": [
            {
                "expression": "size(variables.wrong) == 0",
                "messageExpression": f'"only images by digest from " + {own} + " run here, not " '
                '+ variables.wrong.join(", ")',
                "reason": "Forbidden",
            }
        ],
    }
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": system}}},
    }
    meta = {"name": name, "labels": labels(system, "cluster", name)}
    return [
        {"apiVersion": API, "kind": kind, "metadata": meta, "spec": spec}
        for kind, spec in zip(KINDS, (policy, binding), strict=True)
    ]


def _images(pod: str) -> str:
    """List the images of the containers that a variable holds."""
    lists = " + ".join(f"(has(variables.{pod}.{each}) ? variables.{pod}.{each} : [])" for each in _LISTS)
    return f'({lists}).map(c, has(c.image) ? c.image : "none")'


def of_admission(system: str) -> list[Ref]:
    """Name both, such as to remove them."""
    return [Ref(API, kind, name_of_policy(system)) for kind in KINDS]
