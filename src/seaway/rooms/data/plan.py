"""From the databases of the file to steps. Nothing here ever deletes data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.kit.kube import Ref
from seaway.model.snapshot import Live
from seaway.rooms.data.manifests import ROOM, object_name, policy, secret, service, url, volume, workload
from seaway.rooms.data.spec import DatabaseSpec
from seaway.steps.objects import Desired, changes, orphans
from seaway.steps.rollout import AwaitRollout, rolled_out
from seaway.steps.secrets import GenerateSecret, secret_if_absent

NAMESPACE = ("cluster/namespace",)
#: A first start makes the database cluster and may wait for its image: generous, in seconds.
PATIENCE = 300


def desired(
    system: str,
    databases: Mapping[str, DatabaseSpec],
    users: Mapping[str, list[str]],
    storage_class: str = "",
) -> list[Desired]:
    """List every object of every database."""
    class_ = (*NAMESPACE, "cluster/storage-class")
    found = []
    for name, spec in databases.items():
        at = f"{ROOM}/{name}"
        waits = (*NAMESPACE, "images/postgres/build", f"{at}/secret", f"{at}/volume", f"{at}/service")
        found += [
            Desired(f"{at}/volume", volume(system, name, spec, storage_class), class_),
            Desired(f"{at}/service", service(system, name), NAMESPACE),
            Desired(f"{at}/policy", policy(system, name, users.get(name, [])), NAMESPACE),
            Desired(f"{at}/server", workload(system, name, spec), waits),
        ]
    return found


def plan(
    system: str,
    databases: Mapping[str, DatabaseSpec],
    users: Mapping[str, list[str]],
    live: Live,
    known: Mapping[str, str],
    *,
    storage_class: str = "",
) -> list[Any]:
    """Decide what must change for the databases; `users` tells which services use each. Pure."""
    objects = desired(system, databases, users, storage_class)
    steps: list[Any] = []
    for name in databases:
        texts = {"password": "{value}", "url": url(name)}
        made = GenerateSecret(f"{ROOM}/{name}/secret", NAMESPACE, secret(system, name), texts)
        steps += secret_if_absent(made, live)
    changed = changes(objects, live, known)
    steps += changed
    touched = {step.id for step in changed}
    for name in databases:
        found = live.get("apps/v1", "StatefulSet", object_name(name), system)
        if f"{ROOM}/{name}/server" in touched or found is None or not rolled_out(found):
            ref = Ref("apps/v1", "StatefulSet", object_name(name), system)
            steps.append(AwaitRollout(f"{ROOM}/{name}/await", (f"{ROOM}/{name}/server",), ref, PATIENCE))
    return [*steps, *orphans(ROOM, objects, live.of_component(ROOM))]
