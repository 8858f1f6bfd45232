"""The keeper: a program that makes and removes nodes of one cluster for its autoscaler, over a Unix socket.

    GET    /sizes           every size, its price, and what this machine lacks for one more of it
    GET    /nodes           the nodes that were made for claims
    PUT    /nodes/CLAIM     {"size": …}: the claim's node, made unless it is there; 507 where there is no room
    DELETE /nodes/CLAIM     ends it; on the answer nothing is left of it; 404 where there is none

It remembers nothing: a node's folder says for which claim it is. Killed at any point and asked again, it ends
in the same place.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import traceback
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any, Final

from seaway.errors import NotFound, Refused
from seaway.model.event import silent
from seaway.providers.local import autoscaler, home, making, node
from seaway.providers.local.engine import Engine
from seaway.providers.local.home import Home, NodeHome

#: Pods that a kubelet takes (kubelet: maxPods).
PODS: Final = 110
ERRORS: Final = {NotFound: HTTPStatus.NOT_FOUND, Refused: HTTPStatus.INSUFFICIENT_STORAGE}


@dataclass(frozen=True)
class Keeper:
    """Makes nodes of the cluster at `place` from the programs of `engine`."""

    place: Home
    engine: Engine

    def sizes(self) -> list[dict[str, Any]]:
        disk = shutil.disk_usage(home.STATE).total
        return [
            {
                "name": name,
                "cpus": size.cpus,
                "memory": node.memory(name),
                "reserved": node.RESERVED * node.KIB * node.KIB,
                "eviction": node.EVICTION * node.KIB * node.KIB,
                "disk": disk,
                "pods": PODS,
                "price": size.price,
                "labels": node.labels(name),
                "lack": making.lack(name),
            }
            for name, size in node.SIZES.items()
        ]

    def nodes(self) -> list[dict[str, Any]]:
        return [_told(each) for each in home.nodes(self.place) if each.claim]

    def make(self, claim: str, size: str) -> dict[str, Any]:
        """Give the claim its node. Raises Refused where this machine has no room for it."""
        with making.changing(self.place, silent):
            found = self._find(claim)
            if found is None:
                if lack := making.lack(size):
                    raise Refused(lack)
                found = self.place.node(making.next_number(self.place))
            making.write((found,), size, self.engine, claim)
            making.run(self.place, (node.service(found),))
            return _told(found)

    def remove(self, claim: str) -> None:
        """End the claim's node. Raises NotFound where it has none."""
        with making.changing(self.place, silent):
            found = self._find(claim)
            if found is None:
                raise NotFound(f"claim {claim} has no node")
            making.remove(found)

    def _find(self, claim: str) -> NodeHome | None:
        return next((each for each in home.nodes(self.place) if each.claim == claim), None)


def server(keeper: Keeper, socket: Path) -> ThreadingUnixStreamServer:
    """Listen on a socket that only root may open."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"/sizes": keeper.sizes, "/nodes": keeper.nodes}.get(self.path))

        def do_PUT(self) -> None:
            size = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["size"]
            self._answer(lambda: keeper.make(self._claim(), size))

        def do_DELETE(self) -> None:
            self._answer(lambda: keeper.remove(self._claim()))

        def _claim(self) -> str:
            return self.path.removeprefix("/nodes/")

        def _answer(self, work: Any) -> None:
            status, document = _tried(work)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Log what changes something; looks come several times a second."""
            if self.command != "GET":
                super().log_request(code, size)

        def address_string(self) -> str:
            return "autoscaler"

    socket.unlink(missing_ok=True)
    before = os.umask(0o077)
    try:
        made = ThreadingUnixStreamServer(str(socket), Handler)
    finally:
        os.umask(before)
    made.daemon_threads = True
    return made


def _tried(work: Any) -> tuple[HTTPStatus, Any]:
    """Do it, and say how it went; whoever asked asks again where it failed."""
    try:
        return HTTPStatus.OK, work()
    except (NotFound, Refused) as error:
        return ERRORS[type(error)], error.what
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        return HTTPStatus.INTERNAL_SERVER_ERROR, str(error)


def _told(each: NodeHome) -> dict[str, Any]:
    return {
        "claim": each.claim,
        "name": each.name,
        "size": each.size,
        "provider_id": node.provider_id(each),
    }


def main(name: str, programs: str) -> None:
    place = home.find(name)
    if place is None:
        raise NotFound(f"no cluster {name} on this machine")
    server(Keeper(place, Engine(Path(programs))), autoscaler.socket(place)).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
