"""A visitor who speaks HTTP/3 only (RFC 9114, by aioquic)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent

PATIENCE = 10


def ask(host: str, port: int, path: str, ca: Path) -> tuple[int, str]:
    """Ask the server at this UDP port of loopback; gives the status and the text of its answer."""
    return asyncio.run(asyncio.wait_for(_ask(host, port, path, ca), PATIENCE))


async def _ask(host: str, port: int, path: str, ca: Path) -> tuple[int, str]:
    wanted = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=host)
    wanted.load_verify_locations(str(ca))
    async with connect("127.0.0.1", port, configuration=wanted, create_protocol=_Visitor) as visitor:
        assert isinstance(visitor, _Visitor)
        return await visitor.get(f"{host}:{port}", path)


class _Visitor(QuicConnectionProtocol):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._http = H3Connection(self._quic)
        self._headers: dict[bytes, bytes] = {}
        self._body = b""
        self._ended = asyncio.Event()

    async def get(self, host: str, path: str) -> tuple[int, str]:
        stream = self._quic.get_next_available_stream_id()
        head = {":method": "GET", ":scheme": "https", ":authority": host, ":path": path}
        self._http.send_headers(
            stream, [(key.encode(), value.encode()) for key, value in head.items()], end_stream=True
        )
        self.transmit()
        await self._ended.wait()
        return int(self._headers[b":status"]), self._body.decode()

    def quic_event_received(self, event: QuicEvent) -> None:
        for each in self._http.handle_event(event):
            if isinstance(each, HeadersReceived):
                self._headers.update(each.headers)
            if isinstance(each, DataReceived):
                self._body += each.data
            if isinstance(each, (HeadersReceived, DataReceived)) and each.stream_ended:
                self._ended.set()
