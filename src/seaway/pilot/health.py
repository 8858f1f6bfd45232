"""What the kubelet asks: whether this process lives, and whether it is ready to lead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

PORT: Final = 8080
Complaint = Callable[[], str]


async def serve(alive: Complaint, ready: Complaint, port: int = PORT) -> web.AppRunner:
    """Answer at /healthz and /readyz, 503 with the complaint where there is one; gives what ends it."""
    app = web.Application()
    app.router.add_get("/healthz", _answers(alive))
    app.router.add_get("/readyz", _answers(ready))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner


def _answers(complaint: Complaint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        why = complaint()
        return web.Response(text=why or "ok", status=503 if why else 200)

    return answer
