"""From the services of the file to steps."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from seaway.kit.kube import Ref
from seaway.model.manifests import NAME, Manifest, labels
from seaway.model.plan import Verb
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
from seaway.rooms.services.spec import ServiceSpec, next_name
from seaway.steps.objects import ApplyObject, Desired, changes, orphans
from seaway.steps.rollout import AwaitRollout, rolled_out
from seaway.steps.secrets import GenerateSecret, given_variable, secret_if_absent

#: Changes of a Deployment that give it other pods; a removed key is told no more exactly than that.
OF_PODS: Final = ("spec.template", "new ", "removed ")


def callers(
    services: Mapping[str, ServiceSpec], beside: Iterable[str] = (), live: Live | None = None
) -> dict[str, tuple[str, ...]]:
    """Tell for each service who reaches it: whoever names it in `calls`, else as http://NAME in `env`.

    Of services with a new version `beside` them, both reach it, and the old one also what it reached before.
    """
    found: dict[str, list[str]] = {name: [] for name in services}
    for name, spec in services.items():
        named = spec.calls or {
            host for text in spec.env.values() for host in re.findall(r"https?://([a-z0-9-]+)", text)
        }
        for callee in sorted(named):
            if callee in found and callee != name:
                found[callee].append(name)
    for name in beside:
        for callee, by in found.items():
            if name in by:
                by.append(next_name(name))
            elif live and lets_in(live, callee, name):
                by.append(name)
    return {name: tuple(by) for name, by in found.items()}


def lets_in(live: Live, callee: str, caller: str) -> bool:
    """Whether the NetworkPolicy `callee` that was found lets the pods of `caller` in."""
    for ref, found in live.objects.items():
        if ref.kind == "NetworkPolicy" and ref.name == callee:
            peers = [peer for rule in found["spec"].get("ingress") or () for peer in rule.get("from") or ()]
            named = [peer.get("podSelector", {}).get("matchLabels", {}).get(NAME) for peer in peers]
            return caller in named
    return False


def desired(services: Mapping[str, ServiceSpec], around: Surroundings) -> list[Desired]:
    """List every object of every service, in the order in which they can be made."""
    return [item for name, spec in services.items() for item in _objects(name, spec, around)]


def _objects(name: str, spec: ServiceSpec, around: Surroundings, image: str = "") -> list[Desired]:
    at, first, image = f"{ROOM}/{name}", ("cluster/namespace",), image or name
    gone = [f"crossing/{name}/remove-crossing"] if image != name else []
    if not spec.scale.targets:  # an autoscaler that goes would still set replicas after `up` did
        gone.append(f"{at}/remove-horizontalpodautoscaler")
    secrets = tuple(f"{ROOM}/secret-{s}" for s in spec.secrets)
    monolith = ("edge/monolith/service", "edge/monolith/endpoints") if around.monolith_url else ()
    database = (f"data/{spec.database}/await", f"data/{spec.database}/secret") if spec.database else ()
    found = [
        Desired(f"{at}/account", account(around, name), first),
        Desired(f"{at}/service", service(around, name), first),
        Desired(f"{at}/policy", policy(around, name, spec), (*first, "edge/monolith/answers")),
        Desired(f"{at}/budget", budget(around, name, spec), first),
        Desired(
            f"{at}/deployment",
            deployment(around, name, spec, image),
            (*first, f"images/{image}/build", f"{at}/account", *gone, *secrets, *database, *monolith),
            initial={"spec": {"replicas": spec.scale.min}} if spec.scale.targets else None,
        ),
    ]
    if spec.scale.targets:
        over = f"crossing/{next_name(name)}/remove-crossing"
        found.append(Desired(f"{at}/autoscaler", autoscaler(around, name, spec), (f"{at}/deployment", over)))
    return found


def _kept(name: str, spec: ServiceSpec, around: Surroundings, live: Live) -> list[Desired]:
    """Of a service that has its new version beside it, change nothing: but let its pods stay."""
    scaler = Ref("autoscaling/v2", "HorizontalPodAutoscaler", name, around.system)
    if scaler not in live.objects or not spec.scale.targets:
        return []
    return [Desired(f"{ROOM}/{name}/autoscaler", autoscaler(around, name, spec, keep=True))]


def is_release(step: ApplyObject) -> bool:
    """Whether a step brings a service's pods, or other ones."""
    other = step.verb is Verb.CREATE or any(detail.startswith(OF_PODS) for detail in step.details)
    return step.manifest["kind"] == "Deployment" and other


def would_release(wanted: Manifest, live: Live, known: Mapping[str, str]) -> bool:
    """Whether a Deployment as the file asks for it has other pods than the one that was found, if any."""
    return any(map(is_release, changes([Desired(ROOM, wanted)], live, known)))


def plan(
    services: Mapping[str, ServiceSpec],
    around: Surroundings,
    live: Live,
    known: Mapping[str, str],
    beside: Collection[str] = (),
) -> list[Any]:
    """Decide what must change for the services, their secrets included; pure.

    Those `beside` which their new version runs stay as they are.
    """
    objects = desired({name: spec for name, spec in services.items() if name not in beside}, around)
    there = {name: services[name] for name in services if name in beside}
    for name, spec in there.items():
        objects += [*_kept(name, spec, around, live), *_objects(next_name(name), spec, around, name)]
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
    changed = [replace(step, signed=is_release(step)) for step in changes(objects, live, known)]
    steps += changed
    touched = {step.id for step in changed}
    running = [*services.items(), *((next_name(name), spec) for name, spec in there.items())]
    for name, spec in running:
        found = live.get("apps/v1", "Deployment", name, around.system)
        least = spec.scale.min if spec.scale.targets else None
        if f"{ROOM}/{name}/deployment" in touched or found is None or not rolled_out(found, least):
            ref = Ref("apps/v1", "Deployment", name, around.system)
            waits = spec.rollout.deadline + 30
            steps.append(AwaitRollout(f"{ROOM}/{name}/await", (f"{ROOM}/{name}/deployment",), ref, waits))
    gone = orphans(ROOM, [*objects, *desired(there, around)], live.of_component(ROOM))
    return [*steps, *gone]
