"""The comparator's two doors: one for copies of visitors' requests, one for the pilot and the kubelet.

They are two ports since a visitor chooses the path: nothing that a visitor asks may reach the second.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from seaway.pilot.comparator.asking import LINE, Asker
from seaway.pilot.comparator.copies import copy_of
from seaway.pilot.comparator.work import Comparator, Limits
from seaway.rooms.crossing.compare.manifests import CONTROL, MIRROR
from seaway.rooms.crossing.compare.spec import SAFE
from seaway.rooms.crossing.compare.task import Task, find

#: Bytes of the body of a request that is compared, and of what the pilot tells.
BODY: Final = 64 * 1024
TOLD: Final = 16 * 1024 * 1024


class Server:
    """Both doors and the work behind them; use it as an asynchronous context manager.

    It listens at `host`; port 0 is any that is free, and is then known in `mirror` and `control`. `run`
    names this process, so that the pilot sees when another one, which knows nothing, answers.
    """

    def __init__(
        self,
        host: str | None = None,
        mirror: int = MIRROR,
        control: int = CONTROL,
        *,
        limits: Limits | None = None,
        asker: Asker | None = None,
    ) -> None:
        self.host, self.mirror, self.control = host, mirror, control
        self.run = uuid.uuid4().hex
        self.asker = asker or Asker()
        self.comparator = Comparator(self.asker, limits or Limits())
        self._runners: list[web.AppRunner] = []
        self._work: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.asker.__aenter__()
        self._work = asyncio.create_task(self.comparator.run())
        self.mirror = await self._open(self._mirror_app(), self.mirror)
        self.control = await self._open(self._control_app(), self.control)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for runner in self._runners:
            await runner.cleanup()
        if self._work:
            self._work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._work
        await self.asker.__aexit__(kind, error, trace)

    async def _open(self, app: web.Application, port: int) -> int:
        runner = web.AppRunner(
            app, access_log=None, max_line_size=LINE, max_field_size=LINE, shutdown_timeout=2.0
        )
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, self.host, port).start()
        return int(runner.addresses[0][1])

    def _mirror_app(self) -> web.Application:
        app = web.Application(client_max_size=BODY)
        app.router.add_route("*", "/{path:.*}", self._take)
        return app

    def _control_app(self) -> web.Application:
        app = web.Application(client_max_size=TOLD)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/report", self._report)
        app.router.add_post("/crossings", self._tell)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        """Take in a copy; the answer says nothing, and comes at once."""
        found = find(self.comparator.tasks.values(), request.raw_path.partition("?")[0])
        if found and request.raw_path.startswith("/"):
            task = found[0]
            body = b""
            if request.method not in SAFE and request.method in task.spec.methods:
                try:
                    body = await request.read()
                except web.HTTPRequestEntityTooLarge:
                    self.comparator.leave_out(task, "its body is too large")
                    return web.Response(status=204)
            self.comparator.offer(copy_of(request.method, request.raw_path, request.headers.items(), body))
        return web.Response(status=204)

    async def _health(self, _: web.Request) -> web.Response:
        dead = self._work is None or self._work.done()
        return web.Response(status=503 if dead else 200, text="nothing compares" if dead else "ok")

    async def _report(self, _: web.Request) -> web.Response:
        return web.json_response(self._reports())

    async def _tell(self, request: web.Request) -> web.Response:
        try:
            told = await request.json()
            tasks, begin = [Task.from_json(each) for each in told["tasks"]], dict(told.get("begin") or {})
        except (KeyError, TypeError, ValueError) as error:
            return web.Response(status=400, text=f"these are no tasks: {type(error).__name__}")
        self.comparator.tell(tasks, begin)
        return web.json_response(self._reports())

    def _reports(self) -> dict[str, Any]:
        return {"run": self.run, "reports": self.comparator.reports()}
