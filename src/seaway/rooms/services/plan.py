"""From the services of the file to steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seaway.kit.kube import Ref
from seaway.model.manifests import labels
from seaway.model.snapshot import Live
from seaway.rooms.services.manifests import (
    ROOM,
    Surroundings,
    account,
    autoscaler,
    budget,
    deployment,
    policy,
    service,
)
from seaway.rooms.services.spec import ServiceSpec
from seaway.steps.objects import Desired, changes, orphans
from seaway.steps.rollout import AwaitRollout, rolled_out
from seaway.steps.secrets import GenerateSecret, given_variable, secret_if_absent


def callers(services: Mapping[str, ServiceSpec]) -> dict[str, tuple[str, ...]]:
    """Tell for each service who reaches it: whoever names it in `calls`, else as http://NAME in `env`."""
    found: dict[str, list[str]] = {name: [] for name in services}
    for name, spec in services.items():
        named = spec.calls or {
            host for text in spec.env.values() for host in re.findall(r"https?://([a-z0-9-]+)", text)
        }
        for callee in sorted(named):
            if callee in found and callee != name:
                found[callee].append(name)
    return {name: tuple(by) for name, by in found.items()}


def desired(services: Mapping[str, ServiceSpec], around: Surroundings) -> list[Desired]:
    """List every object of every service, in the order in which they can be made."""
    found = []
    for name, spec in services.items():
        at = f"{ROOM}/{name}"
        first = ("cluster/namespace",)
        secrets = tuple(f"{ROOM}/secret-{s}" for s in spec.secrets)
        monolith = ("edge/monolith/service", "edge/monolith/endpoints") if around.monolith_url else ()
        database = (f"data/{spec.database}/await", f"data/{spec.database}/secret") if spec.database else ()
        found += [
            Desired(f"{at}/account", account(around, name), first),
            Desired(f"{at}/service", service(around, name), first),
            Desired(f"{at}/policy", policy(around, name, spec), (*first, "edge/monolith/answers")),
            Desired(f"{at}/budget", budget(around, name), first),
            Desired(
                f"{at}/deployment",
                deployment(around, name, spec),
                (*first, f"images/{name}/build", f"{at}/account", *secrets, *database, *monolith),
                initial={"spec": {"replicas": spec.scale.min}} if spec.scale.cpu else None,
            ),
        ]
        if spec.scale.cpu:
            found.append(Desired(f"{at}/autoscaler", autoscaler(around, name, spec), (f"{at}/deployment",)))
    return found


def plan(
    services: Mapping[str, ServiceSpec], around: Surroundings, live: Live, known: Mapping[str, str]
) -> list[Any]:
    """Decide what must change for the services, their secrets included; pure."""
    objects = desired(services, around)
    steps: list[Any] = []
    for secret in sorted({s for spec in services.values() for s in spec.secrets}):
        meta = {"name": secret, "namespace": around.system, "labels": labels(around.system, ROOM, secret)}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": meta}
        made = GenerateSecret(
            f"{ROOM}/secret-{secret}",
            ("cluster/namespace",),
            manifest,
            {"value": "{value}"},
            given_variable(secret),
        )
        steps += secret_if_absent(made, live)
    changed = changes(objects, live, known)
    steps += changed
    touched = {step.id for step in changed}
    for name, spec in services.items():
        found = live.get("apps/v1", "Deployment", name, around.system)
        if f"{ROOM}/{name}/deployment" in touched or found is None or not rolled_out(found):
            ref = Ref("apps/v1", "Deployment", name, around.system)
            waits = spec.rollout.deadline + 30
            steps.append(AwaitRollout(f"{ROOM}/{name}/await", (f"{ROOM}/{name}/deployment",), ref, waits))
    gone = orphans(ROOM, objects, live.of_component(ROOM))
    return [*steps, *gone]
