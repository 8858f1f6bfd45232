"""Waiting for a workload to run as asked, and saying why when it does not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seaway.errors import Unreachable, Unready
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.model.event import Event, Outcome
from seaway.model.plan import Change, Outputs, Verb
from seaway.ports.world import World

#: States from which a container does not come back without a change; given this many seconds to pass.
HOPELESS = frozenset(
    {"CreateContainerConfigError", "InvalidImageName", "ErrImageNeverPull", "CreateContainerError"}
)
PATIENCE = 15.0
RESTARTS = 3
#: Seconds between two looks at the pods of a workload that takes its time.
EVERY = 5.0
#: Seconds without an answer of the API server after which a wait ends.
SILENCE = 90.0


def rolled_out(workload: Mapping[str, Any], least: int | None = None) -> bool:
    """Whether every pod is of the newest template and available (as `kubectl rollout status` decides).

    With `least` so many available ones are enough: others may just have been added by an autoscaler.
    """
    status, spec = workload.get("status", {}), workload["spec"]
    wanted = spec.get("replicas", 1) if least is None else min(least, spec.get("replicas", 1))
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return False
    if status.get("updatedReplicas", 0) < wanted or status.get("availableReplicas", 0) < wanted:
        return False
    if workload["kind"] == "StatefulSet":
        return bool(status.get("updateRevision") == status.get("currentRevision"))
    return bool(status.get("replicas", 0) == status.get("updatedReplicas", 0))


@dataclass(frozen=True)
class AwaitRollout:
    """Wait until a Deployment or StatefulSet runs as asked, for at most `seconds`.

    Raises Unready with the pod, its reason and its last log lines. What ran before serves on.
    """

    id: str
    after: tuple[str, ...]
    ref: Ref
    seconds: float

    def describe(self) -> Change:
        return Change(self.id, Verb.WAIT, str(self.ref), ("until every new pod is available",))

    def run(self, world: World) -> Outputs:
        begins = answered = time.monotonic()
        told, deeply = "", PATIENCE
        while True:
            waited = time.monotonic() - begins
            try:
                workload = world.kube.get(self.ref)
                if workload is not None and rolled_out(workload):
                    return {}
                deep = waited > deeply
                deeply += EVERY if deep else 0
                self._give_up(world.kube, workload, waited, deep=deep)
                told, answered = self._tell(world, workload, told), time.monotonic()
            except Unreachable:
                # A busy API server is no reason to leave what it works at: the others wait for it too.
                if time.monotonic() - answered > SILENCE:
                    raise
            world.pause(min(max(0.2, waited / 30), 2.0))

    def _tell(self, world: World, workload: Manifest | None, told: str) -> str:
        if workload is None:
            return told
        ready, wanted = (
            workload.get("status", {}).get("availableReplicas", 0),
            workload["spec"].get("replicas", 1),
        )
        text = f"{self.ref.name}: {ready} of {wanted} available"
        if text != told:
            world.report(Event(self.id, Outcome.PROGRESS, text, fraction=min(1.0, ready / max(wanted, 1))))
        return text

    def _give_up(self, kube: Kube, workload: Manifest | None, waited: float, *, deep: bool) -> None:
        """Raise Unready where waiting is of no use; `deep` looks at the pods too, which are many."""
        if workload is None:
            if waited > PATIENCE:
                raise Unready(f"{self.ref} does not exist", remedy="seaway up")
            return
        hopeless = deep and any(_hopeless(pod) for pod in newest_pods(kube, workload))
        status = workload.get("status", {})
        current = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
        reasons = {c.get("reason") for c in status.get("conditions", [])}
        stuck = current and "ProgressDeadlineExceeded" in reasons
        if waited > self.seconds or hopeless or stuck:
            raise Unready(
                f"{self.ref.name} did not become ready within {waited:.0f} s; what ran before serves on",
                where=str(self.ref),
                why=explain(kube, newest_pods(kube, workload)),
                remedy=f"mend it and run seaway up again; kubectl describe pod -n {self.ref.namespace} helps",
            )


def newest_pods(kube: Kube, workload: Manifest) -> list[Manifest]:
    """Find the pods of the newest template, those that are not ready first."""
    meta, wanted = workload["metadata"], workload["spec"]["selector"]["matchLabels"]
    labels = ",".join(f"{k}={v}" for k, v in wanted.items())
    pods = kube.list("v1", "Pod", namespace=meta["namespace"], labels=labels)
    if workload["kind"] == "Deployment":
        sets = kube.list("apps/v1", "ReplicaSet", namespace=meta["namespace"], labels=labels)
        if sets:
            newest = max(
                sets, key=lambda s: int(s["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
            )
            pods = [p for p in pods if _owner(p) == newest["metadata"]["uid"]]
    return sorted(pods, key=_is_ready)


def explain(kube: Kube, pods: list[Manifest]) -> str:
    """Say which pod is in trouble, why, and what it wrote last."""
    for pod in pods:
        if _is_ready(pod):
            continue
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        restarted = any(s.get("restartCount", 0) for s in pod.get("status", {}).get("containerStatuses", []))
        lines = kube.logs(namespace, name, tail=12) or (
            kube.logs(namespace, name, tail=12, previous=True) if restarted else ""
        )
        said = f"; its last lines:\n{lines.rstrip()}" if lines.strip() else "; it has written nothing"
        return f"pod {name}: {pod_trouble(pod) or 'not ready'}{said}"
    return "no pod of the new version exists; see the events of its ReplicaSet"


def pod_trouble(pod: Manifest) -> str:
    """Say in words why a pod is not ready; nothing where it is."""
    status = pod.get("status", {})
    for container in status.get("containerStatuses", []):
        state, last = container.get("state", {}), container.get("lastState", {}).get("terminated", {})
        if waiting := state.get("waiting"):
            ended = f", ended with status {last['exitCode']} ({last.get('reason', '')})" if last else ""
            message = waiting.get("message", "")
            return f"{waiting.get('reason', 'waiting')}{ended}{f': {message}' if message else ''}"
        if terminated := state.get("terminated"):
            return f"ended with status {terminated.get('exitCode')} ({terminated.get('reason', '')})"
    for condition in status.get("conditions", []):
        if condition.get("status") != "True" and condition.get("type") in {"PodScheduled", "Ready"}:
            text = condition.get("message") or condition.get("reason", "")
            state = "not scheduled" if condition["type"] == "PodScheduled" else "running but not ready"
            return f"{state}: {text}"
    return ""


def takes_traffic(pod: Manifest) -> bool:
    """Whether requests may be sent to a pod: it is ready, and does not leave."""
    return "deletionTimestamp" not in pod["metadata"] and _is_ready(pod)


def _hopeless(pod: Manifest) -> bool:
    for container in pod.get("status", {}).get("containerStatuses", []):
        reason = container.get("state", {}).get("waiting", {}).get("reason", "")
        if reason in HOPELESS or (
            reason == "CrashLoopBackOff" and container.get("restartCount", 0) >= RESTARTS
        ):
            return True
    return False


def _is_ready(pod: Manifest) -> bool:
    return any(
        c.get("type") == "Ready" and c.get("status") == "True"
        for c in pod.get("status", {}).get("conditions", [])
    )


def _owner(pod: Manifest) -> str:
    owners = pod["metadata"].get("ownerReferences") or [{}]
    return str(owners[0].get("uid", ""))
