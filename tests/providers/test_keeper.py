"""What the autoscaler asks of the keeper, over a real socket; nodes themselves are made in tests/cluster."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

import pytest

from seaway.kit import machine
from seaway.providers.local import home, keeper, making
from seaway.providers.local.engine import Engine
from seaway.providers.local.home import Home

Ask = Callable[..., tuple[int, Any]]


class Connection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("keeper")
        self.path = path

    def connect(self) -> None:
        self.sock = socket(AF_UNIX)
        self.sock.connect(str(self.path))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(home, "STATE", tmp_path / "state")
    monkeypatch.setattr(home, "RUN", tmp_path / "run")
    found = Home("demo", 7)
    for number, claim in ((1, ""), (3, "load-x")):
        found.node(number).state.mkdir(parents=True)
        found.node(number).remember(size="small", claim=claim)
    return found


@pytest.fixture
def ask(place: Home, tmp_path: Path) -> Iterator[Ask]:
    path = tmp_path / "keeper.sock"
    server = keeper.server(keeper.Keeper(place, Engine(tmp_path)), path)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def send(method: str, url: str, body: Any = None) -> tuple[int, Any]:
        connection = Connection(path)
        connection.request(method, url, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        return answer.status, content

    yield send
    server.shutdown()
    server.server_close()
    thread.join()


def test_only_root_may_ask(ask: Ask, tmp_path: Path) -> None:
    assert ask("GET", "/nodes")[0] == 200
    assert (tmp_path / "keeper.sock").stat().st_mode & 0o077 == 0


def test_sizes_tell_what_a_node_is_and_costs(ask: Ask) -> None:
    status, sizes = ask("GET", "/sizes")
    assert status == 200
    assert [size["name"] for size in sizes] == ["small", "medium", "large"]
    small = sizes[0]
    assert small["memory"] - small["reserved"] - small["eviction"] == 2 << 30
    assert [size["price"] for size in sizes] == sorted(size["price"] for size in sizes)
    assert small["labels"]["node.kubernetes.io/instance-type"] == "small"


def test_only_nodes_that_were_made_for_a_claim_are_the_autoscalers(ask: Ask) -> None:
    node = {
        "claim": "load-x",
        "name": "seaway-demo-3",
        "size": "small",
        "provider_id": "local://demo/seaway-demo-3",
    }
    assert ask("GET", "/nodes") == (200, [node])


def test_a_machine_without_room_says_so_and_makes_nothing(
    ask: Ask, place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: 1 << 30)
    status, why = ask("PUT", "/nodes/load-y", {"size": "small"})
    assert status == 507
    assert why == "a small node takes 2.5 GiB of memory, and this machine has 1.0 GiB left"
    assert ask("GET", "/sizes")[1][0]["lack"] == why
    assert [each.number for each in home.nodes(place)] == [1, 3]


def test_a_claim_without_a_node_is_told(ask: Ask) -> None:
    assert ask("DELETE", "/nodes/load-z") == (404, "claim load-z has no node")


def test_what_makes_no_sense_ends_no_keeper(ask: Ask) -> None:
    assert ask("PUT", "/nodes/load-y", {"size": "huge"})[0] == 500
    assert ask("GET", "/nodes")[0] == 200


def test_numbers_are_given_in_turn(place: Home) -> None:
    assert [making.next_number(place) for _ in range(3)] == [2, 4, 5]
    place.node(4).state.mkdir(parents=True)
    place.node(4).remember(size="small", claim="load-y")
    (place.state / "nodes" / "turn").write_text(str(home.NODES - 2))
    assert [making.next_number(place) for _ in range(3)] == [99, 2, 5]


def test_a_node_that_goes_while_it_is_read_is_nobodys(place: Home) -> None:
    node = place.node(3)
    node.record.unlink()
    assert node.claim == ""
