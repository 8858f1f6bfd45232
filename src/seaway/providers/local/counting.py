"""The gateway's requests as a metric: the program that counts them, and the standard API it is served by.

It runs only in clusters where a service follows its requests, and stays.
"""

from __future__ import annotations

from typing import Final

from seaway.kit.kube import Kube, Manifest
from seaway.model.manifests import PART_OF, SYSTEM_NAMESPACE
from seaway.providers.local.addons import delegating, granted, rule, served
from seaway.providers.local.control import REQUESTS_PORT, await_api, serving
from seaway.providers.local.engine import Engine
from seaway.providers.local.home import Home
from seaway.providers.local.supervisor import Service

NAME: Final = "gateway-metrics"
GROUP: Final = "custom.metrics.k8s.io"


def services(home: Home, engine: Engine) -> tuple[Service, ...]:
    """The program, as the cluster's supervisor runs it: bound to the cluster's own address."""
    config = home.pki / f"{NAME}.kubeconfig"
    asking = [f"--{what}-kubeconfig={config}" for what in ("lister", "authentication", "authorization")]
    reading = ["--profiling=false", f"--proxies={SYSTEM_NAMESPACE}"]
    flags = [*asking, *serving(home, NAME, REQUESTS_PORT), *reading]
    enter = ("nsenter", f"--net=/run/netns/{home.namespace}", engine.program("engine"))
    return (Service(NAME, (*enter, NAME, *flags), await_api(home)),)


def needs(home: Home) -> list[Manifest]:
    """What the cluster must have: rights to find proxies and routes, and the API's registration."""
    found = [rule("", "pods", ["list"]), rule("gateway.networking.k8s.io", "httproutes", ["list"])]
    rights = [*granted(NAME, found), *delegating(f"seaway:{NAME}", [f"seaway:{NAME}"])]
    return [*rights, *served(home, NAME, REQUESTS_PORT, GROUP, "v1beta2")]


def another(kube: Kube) -> str:
    """Name what serves custom metrics here beside this program; nothing where nobody does."""
    for found in kube.list("apiregistration.k8s.io/v1", "APIService"):
        ours = found["metadata"].get("labels", {}).get(PART_OF) == "seaway-cluster"
        if found["spec"].get("group") == GROUP and not ours:  # the core API has none
            return str(found["metadata"]["name"])
    return ""
