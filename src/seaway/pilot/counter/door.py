"""The custom metrics API over HTTPS: only the API server comes in, and tells who asks.

Whoever has no certificate of the front proxy's authority is refused by TLS already.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from seaway.errors import SeawayError
from seaway.kit.kube import Kube
from seaway.model.gateway import REQUESTS
from seaway.pilot.counter.counting import Counting, Unknown
from seaway.pilot.counter.keeper import Pair
from seaway.rooms.requests import answers
from seaway.rooms.requests.caller import GROUP, MASTERS, Caller, FrontProxy

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
METRIC: Final = f"/apis/{answers.API}/namespaces/{{namespace}}/services/{{service}}/{REQUESTS}"
CALLER: Final = web.RequestKey("caller", Caller)
log = logging.getLogger(__name__)


@dataclass
class Door:
    """Answers whom `front`, read from the cluster anew now and then, vouches for, if they may ask."""

    kube: Kube
    counting: Counting
    front: FrontProxy | None = None

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._let_in])
        app.router.add_get(f"/apis/{GROUP}", self._group)
        app.router.add_get(f"/apis/{answers.API}", self._resources)
        app.router.add_get(METRIC, self._metric)
        return app

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        caller = self._caller(request)
        if caller is None:
            return _refused(401, "only the API server may ask, in the name of whoever asked it")
        try:
            request[CALLER] = caller
            return await handler(request)
        except SeawayError as error:
            log.warning("%s was not answered: %s %s", request.path, error, error.why)
            return _refused(503, f"{error} {error.why}".strip())
        except web.HTTPNotFound:
            return _refused(404, "there is nothing of that name")

    def _caller(self, request: web.Request) -> Caller | None:
        transport = request.transport
        shown = transport.get_extra_info("peercert") if transport else None
        subject = dict(pair for part in (shown or {}).get("subject", ()) for pair in part)
        if not shown or not self.front or not self.front.takes(subject.get("commonName", "")):
            return None
        return self.front.caller(list(request.headers), lambda name: request.headers.getall(name, []))

    def _may(self, caller: Caller, namespace: str, service: str) -> bool:
        """Ask the cluster, as the aggregation layer wants it. What metrics there are, anybody may know."""
        if MASTERS in caller.groups:
            return True
        review = self.kube.ask(caller.review(namespace, service))
        return bool(review["status"].get("allowed"))

    async def _group(self, _: web.Request) -> web.Response:
        return web.json_response(answers.group())

    async def _resources(self, _: web.Request) -> web.Response:
        return web.json_response(answers.resources())

    async def _metric(self, request: web.Request) -> web.Response:
        namespace, service = request.match_info["namespace"], request.match_info["service"]
        caller = request[CALLER]
        if not await asyncio.to_thread(self._may, caller, namespace, service):
            return _refused(403, f"{caller.user} may not read this")
        try:
            rate, at = await asyncio.to_thread(self.counting.of, namespace, service)
        except Unknown as error:
            return _refused(404 if error.lasting else 503, str(error))
        return web.json_response(answers.value(namespace, service, rate, at))


def tls(pair: Pair, front: FrontProxy) -> ssl.SSLContext:
    """Speak TLS by this pair, with whoever has a certificate of the front proxy's authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=front.authority)
    # The key is read from a file or not at all; this one is in memory only.
    with os.fdopen(os.memfd_create("serving"), "w") as file:
        file.write(pair.chain + pair.key.reveal())
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context


def _refused(status: int, why: str) -> web.Response:
    return web.json_response(answers.refusal(status, why), status=status)
