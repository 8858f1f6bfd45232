"""Which images of a system's services nobody needs any more: seen in its registry and in every cluster."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final

from seaway.errors import Refused
from seaway.flow.images import image_names
from seaway.flow.system import System
from seaway.kit import moments
from seaway.kit.kube import Kube
from seaway.ports.clusters import Clusters
from seaway.ports.world import World
from seaway.rooms.images.prune import Kept, Stored, look, remove
from seaway.rooms.images.shelf import Shelf

#: Kinds that bring pods or remember what they ran, by group and version.
RUNNING: Final[Mapping[str, tuple[str, ...]]] = {
    "v1": ("Pod",),
    "apps/v1": ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ControllerRevision"),
    "batch/v1": ("Job", "CronJob"),
}
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def prune(system: System, world: World, keep: int, *, dry: bool) -> list[Stored]:
    """Take images out of the registry; gives each as it was found, with why it stays if it does.

    What was made less than `keep` seconds ago stays. Raises Refused where it cannot be seen what runs.
    """
    kept = Kept(in_use(world.clusters), moments.written(datetime.now(UTC) - timedelta(seconds=keep)))
    found: list[Stored] = []
    for name, image in image_names(system, world.registry.place).items():
        shelf = Shelf.of(image, "seaway cluster create starts the registry of this machine")
        images = look(shelf, name, image, kept)
        if not dry:
            remove(shelf, images)
        found += images
    return found


def in_use(clusters: Clusters) -> frozenset[str]:
    """Find the digests of all images that clusters run or could go back to: also of earlier releases."""
    used: set[str] = set()
    for cluster in clusters.list():
        name = cluster.name
        if cluster.state != "running":
            raise Refused(
                f"cluster {name} is {cluster.state}: it cannot be seen which images it needs",
                remedy=f"seaway cluster create --name {name}, or seaway cluster delete --name {name}",
            )
        with closing(Kube.from_kubeconfig(clusters.kubeconfig(name), cluster.context)) as kube:
            for api, kinds in RUNNING.items():
                for kind in kinds:
                    used.update(_DIGEST.findall(json.dumps(kube.list(api, kind))))
    return frozenset(used)
