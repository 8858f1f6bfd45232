"""Envoy Gateway itself, from its own chart: which values it gets, and the step that installs it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from seaway.errors import Refused, SeawayError, Unready
from seaway.kit.kube import Kube, Ref
from seaway.model.event import Event, Outcome
from seaway.model.manifests import MANAGED_BY, SYSTEM_NAMESPACE, Manifest, Output, fill, labels, missing
from seaway.model.plan import Change, Outputs, Verb
from seaway.model.snapshot import Live
from seaway.ports.world import World
from seaway.rooms.edge.manifests import ROOM, gateway_namespace
from seaway.steps.rollout import AwaitRollout, rolled_out

CHART: Final = "gateway-helm"
COMPONENT: Final = "gateway"
IMAGE: Final = Output("images/envoy-gateway")
#: Written last: what it names is what was installed.
RECORD: Final = "seaway-gateway"
DEPLOYMENT: Final = "envoy-gateway"
#: Who has this one has the Gateway API.
DEFINITION: Final = Ref(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "gateways.gateway.networking.k8s.io"
)

VALUES: Final[Mapping[str, Any]] = {
    "global": {"images": {"envoyGateway": {"image": IMAGE, "pullPolicy": "IfNotPresent"}}},
    "deployment": {
        "envoyGateway": {
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
            "readinessProbe": {
                "httpGet": {"path": "/readyz", "port": 8081},
                "periodSeconds": 2,
                "timeoutSeconds": 5,
                "successThreshold": 1,
            },
        }
    },
    "config": {
        "envoyGateway": {
            "logging": {"level": {"default": "warn"}},
            # Failover and lossless weights are patches (rooms/crossing); a monolith outside is a Backend.
            "extensionApis": {"enableEnvoyPatchPolicy": True, "enableBackend": True},
        }
    },
    # Spreading by zone needs a mutating webhook in the way of every pod; Seaway spreads by node.
    "topologyInjector": {"enabled": False},
    # The definitions come from this chart alone; the policy guards against a second installer.
    "crds": {"gatewayAPI": {"safeUpgradePolicy": {"enabled": False}}},
}


def identity(chart: str, known: Mapping[str, str]) -> str:
    """Name one installation: the chart, the values and the image, as one text."""
    values = fill(VALUES, known)
    if missing(values):
        return ""
    mark = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    return f"{chart}-{mark}"


def plan(system: str, chart: str, live: Live, record: Manifest | None, known: Mapping[str, str]) -> list[Any]:
    """Decide whether Envoy Gateway must be installed, renewed or waited for; pure."""
    wanted = identity(chart, known)
    steps: list[Any] = []
    data = (record or {}).get("data", {})
    lost = [text for text in json.loads(data.get("objects", "[]")) if Ref(*text) not in live.objects]
    if not wanted or data.get("identity") != wanted or lost:
        reasons = tuple(f"missing {Ref(*text)}" for text in lost[:4]) or (chart,)
        verb = Verb.UPDATE if record else Verb.CREATE
        steps.append(
            InstallGateway(system, verb, reasons, ("cluster/namespace", "images/envoy-gateway/build"))
        )
    found = live.get("apps/v1", "Deployment", DEPLOYMENT, SYSTEM_NAMESPACE)
    if steps or found is None or not rolled_out(found):
        ref = Ref("apps/v1", "Deployment", DEPLOYMENT, SYSTEM_NAMESPACE)
        steps.append(AwaitRollout(f"{ROOM}/controller/await", (f"{ROOM}/controller/install",), ref, 180))
    return steps


@dataclass(frozen=True)
class InstallGateway:
    """Render the chart and apply it: definitions first, then its certificates, then the rest."""

    system: str
    verb: Verb
    details: tuple[str, ...] = field(default=())
    after: tuple[str, ...] = ()
    id: str = f"{ROOM}/controller/install"

    def describe(self) -> Change:
        return Change(self.id, self.verb, "Envoy Gateway", self.details)

    def run(self, world: World) -> Outputs:
        kube, values = world.kube, fill(VALUES, world.outputs)
        _refuse_others(kube)
        mark = identity(world.charts.identity(CHART), world.outputs)
        if not mark:
            raise SeawayError("the image of Envoy Gateway is not known: no step gave it")
        rendered = [self._marked(m) for m in world.charts.render(CHART, "eg", SYSTEM_NAMESPACE, values)]
        definitions = [m for m in rendered if m["kind"] == "CustomResourceDefinition"]
        jobs = [m for m in rendered if m["kind"] == "Job"]
        hooks = [
            m for m in rendered if "helm.sh/hook" in m["metadata"].get("annotations", {}) and m not in jobs
        ]
        rest = [m for m in rendered if m not in definitions and m not in jobs and m not in hooks]
        world.report(Event(self.id, Outcome.PROGRESS, f"{len(definitions)} definitions", fraction=0.1))
        kube.apply(gateway_namespace(self.system))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(kube.apply, definitions))
            list(pool.map(kube.apply, hooks))
        world.report(Event(self.id, Outcome.PROGRESS, "its own certificates", fraction=0.5))
        for job in jobs:
            _run_job(kube, job)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(kube.apply, rest))
        _await_definitions(kube, [m["metadata"]["name"] for m in definitions])
        kept = [m for m in rendered if m not in jobs]
        kube.apply(_record(self.system, mark, [Ref.of(m) for m in kept]))
        return {}

    def _marked(self, manifest: Manifest) -> Manifest:
        """Put Seaway's mark beside the chart's own labels, and its namespace where the chart left it out."""
        meta = manifest["metadata"]
        mark = labels(
            self.system, COMPONENT, meta.get("labels", {}).get("app.kubernetes.io/name", "envoy-gateway")
        )
        return {**manifest, "metadata": {**meta, "labels": {**meta.get("labels", {}), **mark}}}


def _refuse_others(kube: Kube) -> None:
    """Raise Refused where somebody else brought the Gateway API or Envoy Gateway: neither is taken over."""
    for ref in (Ref("apps/v1", "Deployment", DEPLOYMENT, SYSTEM_NAMESPACE), DEFINITION):
        found = kube.get(ref)
        if found and found["metadata"].get("labels", {}).get(MANAGED_BY) != "seaway":
            raise Refused(
                f"{ref} is in the cluster already, and not Seaway's",
                why="installing Envoy Gateway would change what others use",
                remedy="choose a cluster without it",
            )


def _run_job(kube: Kube, job: Manifest, seconds: float = 120.0) -> None:
    """Run a job anew and wait for its end; a job's template cannot be changed, so an old one goes first."""
    ref = Ref.of(job)
    kube.delete(ref, propagation="Foreground")
    ends = time.monotonic() + seconds
    while kube.get(ref) is not None and time.monotonic() < ends:
        time.sleep(0.1)
    kube.apply(job)
    while time.monotonic() < ends:
        found = kube.get(ref)
        status = (found or {}).get("status", {})
        if found is None or status.get("succeeded"):
            return
        if status.get("failed", 0) > job["spec"].get("backoffLimit", 6):
            break
        time.sleep(0.2)
    raise Unready(
        f"{ref} did not end well within {seconds:.0f} s",
        why="it makes the certificates between Envoy Gateway and its proxies",
        remedy=f"kubectl logs -n {ref.namespace} job/{ref.name} tells more; then run seaway up again",
    )


def _await_definitions(kube: Kube, names: list[str], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    for name in names:
        while not _established(kube.get(Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", name))):
            if time.monotonic() > ends:
                raise Unready(f"definition {name} was not taken up", remedy="run seaway up again")
            time.sleep(0.1)


def _established(definition: Manifest | None) -> bool:
    conditions = (definition or {}).get("status", {}).get("conditions", [])
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def _record(system: str, mark: str, refs: list[Ref]) -> Manifest:
    meta = {"name": RECORD, "namespace": SYSTEM_NAMESPACE, "labels": labels(system, COMPONENT, RECORD)}
    data = {"identity": mark, "objects": json.dumps([list(ref) for ref in refs])}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
