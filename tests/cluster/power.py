"""A node of the small system loses its power while visitors ask."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from seaway.kit.kube import Ref
from seaway.model.manifests import SYSTEM_NAMESPACE
from seaway.providers.local import home
from tests.cluster.first_crossing import CROSSING
from tests.cluster.support import until
from tests.cluster.tiny_system import PROXIES, SYSTEM, Tiny

#: Seconds after which no request waits for a node that died: three times no connection came about in 3 s.
UNTRIED = 6
#: Seconds that the longest waits: what was under way is given up after 5 s, and asked again.
LONGEST = 8
UNWATCHED = {"errors": "100%", "worse": False, "latency": 0}


def lose_power_under_load(tiny: Tiny) -> None:
    """Of two nodes one is off: requests wait for some seconds, none fails, and Kubernetes knows nothing yet.

    No pilot takes the service's traffic away, as after a crossing. The proxies are on the other node.
    """
    kube, place = tiny.cluster.kube, tiny.cluster.home
    both = {node.name for node in home.nodes(place)}
    kube.patch(CROSSING, {"spec": {"guard": UNWATCHED}})
    kube.patch(Ref("apps/v1", "Deployment", "app", SYSTEM), {"spec": {"replicas": 2}})
    _on(both, tiny)
    proxies = kube.list("v1", "Pod", namespace=SYSTEM_NAMESPACE, labels=PROXIES)
    assert {each["spec"]["nodeName"] for each in proxies} == {place.node(1).name}

    with tiny.load("/first") as visitors:
        time.sleep(1)
        died = datetime.now(UTC)
        with tiny.cluster.without_power(2):
            time.sleep(UNTRIED + 3)
            assert _asked(tiny) == both, "Kubernetes knew before the gateway could show that it does"
    waited = {datetime.fromisoformat(a["timestamp"]): a["latency"] / 1e9 for a in visitors.answers
              if a["latency"] > 1e9}  # fmt: skip
    assert max(waited) - died < timedelta(seconds=UNTRIED)
    assert max(waited.values()) < LONGEST
    until(lambda: _asked(tiny) == both, "the pod on the node that booted")


def _on(nodes: set[str], tiny: Tiny) -> None:
    """Wait for a pod of the service on each node."""
    try:
        until(lambda: _asked(tiny) == nodes, "a pod of the service on each node")
    except AssertionError as error:
        pods = tiny.cluster.kube.list("v1", "Pod", namespace=SYSTEM, labels="app.kubernetes.io/name=app")
        error.add_note(f"its pods: {[(each['spec'].get('nodeName'), each['status']) for each in pods]}")
        raise


def _asked(tiny: Tiny) -> set[str]:
    """The nodes of the service's pods that Kubernetes takes for ready."""
    label = "kubernetes.io/service-name=app"
    slices = tiny.cluster.kube.list("discovery.k8s.io/v1", "EndpointSlice", namespace=SYSTEM, labels=label)
    found = [each for one in slices for each in one.get("endpoints") or ()]
    return {each["nodeName"] for each in found if each["conditions"]["ready"]}
