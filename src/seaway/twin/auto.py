"""What a small EKS takes of EKS Auto Mode, as EKS does."""

from __future__ import annotations

from typing import Final

from seaway.twin.phases import Thing, Wrong

#: Its three parts, by where each is asked for.
CAPABILITIES: Final = {
    "computeConfig": "",
    "kubernetesNetworkConfig": "elasticLoadBalancing",
    "storageConfig": "blockStorage",
}
_WRONG: Final = "InvalidParameterException"


def asked(given: Thing, *, addons: bool) -> bool:
    """Tell whether Auto Mode is asked for, `addons` with those of other clusters. Raises Wrong."""
    parts = {key: given.get(key, {}) for key in CAPABILITIES}
    on = [
        bool((parts[key].get(n, {}) if n else parts[key]).get("enabled")) for key, n in CAPABILITIES.items()
    ]
    if any(on) and not all(on):
        told = "compute, block storage and load balancing"
        raise Wrong(_WRONG, f"{told} capabilities must all be set to either true or false")
    compute = parts["computeConfig"]
    if compute.get("nodeRoleArn") and not compute.get("nodePools"):
        told = "When Compute Config nodeRoleArn is not null or empty"
        raise Wrong(_WRONG, f"{told}, nodePool value(s) must be provided")
    if any(on) and addons:
        raise Wrong(_WRONG, "For EKS Auto Mode, set bootstrapSelfManagedAddons to false")
    return any(on)
