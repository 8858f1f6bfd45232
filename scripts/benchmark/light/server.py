"""The lightest server that says who it is, so that the gateway is what is measured; SIGUSR1 lets it fail."""

from __future__ import annotations

import asyncio
import os
import signal


class Answering(asyncio.Protocol):
    """Answers every request of a connection with the same few bytes; requests have no bodies."""

    side = os.environ["SIDE"]
    answer = f"HTTP/1.1 200 OK\r\nX-Served-By: {side}\r\nContent-Length: 2\r\n\r\nok".encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._begun = transport, b""

    def data_received(self, data: bytes) -> None:
        *whole, self._begun = (self._begun + data).split(b"\r\n\r\n")
        if whole and isinstance(self._transport, asyncio.Transport):
            self._transport.write(self.answer * len(whole))


def _fail() -> None:
    Answering.answer = Answering.answer.replace(b"200 OK", b"500 Internal Server Error")


async def _serve() -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, _fail)
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    async with await loop.create_server(Answering, "", int(os.environ["PORT"])):
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
