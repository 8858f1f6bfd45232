"""The watches: kopf follows crossings, routes and endpoints in one namespace and lays them on the desk.

kopf is used for what it is best at, watching for weeks: it reconnects, waits where the server is away, and
takes new credentials where the old ones have run out. It writes nothing here: handlers of plain events need
neither finalizers nor annotations.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Final

import kopf

from seaway.pilot.desk import CROSSING, ROUTE, SLICE, Desk

WATCHED: Final = (
    ("seaway.dev", "v1alpha1", "crossings", CROSSING),
    ("gateway.networking.k8s.io", "v1", "httproutes", ROUTE),
    ("discovery.k8s.io", "v1", "endpointslices", SLICE),
)
ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Patience:
    """Seconds between tries of a request to the API server: soon at first, then every two, without end."""

    def __iter__(self) -> Iterator[float]:
        return chain((0.2, 0.5, 1.0), repeat(2.0))


async def watch(desk: Desk, namespace: str, stop: asyncio.Event, started: asyncio.Event) -> None:
    """Watch until `stop`; sets `started` once kopf has taken over the loop's signals."""
    await kopf.operator(
        registry=_registry(desk),
        settings=_settings(),
        namespaces=[namespace],
        standalone=True,
        stop_flag=stop,
        ready_flag=started,
    )


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # kinds and namespaces are known: no right to watch the cluster's
    settings.networking.error_backoffs = Patience()
    settings.networking.request_timeout = 10.0
    settings.networking.connect_timeout = 3.0
    settings.queueing.idle_timeout = 1.0
    return settings


def _registry(desk: Desk) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry, retries=None, backoff=2.0)(_login)
    for group, version, plural, kind in WATCHED:
        kopf.on.event(group, version, plural, id=plural, registry=registry)(_handler(desk, kind))
    return registry


def _handler(desk: Desk, kind: str) -> Callable[..., Any]:
    async def handle(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] == "DELETED":
            desk.drop(kind, event["object"])
        else:
            desk.put(kind, event["object"])

    return handle


async def _login(**_: Any) -> kopf.ConnectionInfo:
    """Log in as the pod's account, by the address that the kubelet gives: names need a resolver."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    return kopf.ConnectionInfo(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca_path=str(ACCOUNT / "ca.crt"),
        token=await asyncio.to_thread((ACCOUNT / "token").read_text),
        default_namespace=None,
    )
