"""What `seaway scale watch` draws, and what it tells where there is no terminal."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from seaway.cli.scale import BARS, LOOKS, changing, drawn
from seaway.cli.screen import Screen
from seaway.flow.scale import Scale, Scaled, Waiting
from seaway.flow.status import HELD, Workload

from .conftest import Run

STANDS, ADDED = {"claim": ""}, {"claim": "shop-x"}


def look(load: int | None, ready: int, desired: int, *waiting: Waiting, more: int = 0) -> Scale:
    loads = {} if load is None else {"cpu": load}
    web = Scaled("web", ready, desired, 1, 8, loads, {"cpu": 60})
    return Scale((web, Scaled("store", 2, 2, 2, 2, {}, {})), (STANDS, *[ADDED] * more), waiting, 3)


def test_load_replicas_and_nodes_are_drawn_over_time() -> None:
    busy = look(93, 4, 8, Waiting("web-5", "2026", "limit"), more=3)
    head, web, store, nodes, waits = drawn([look(None, 1, 1), look(30, 1, 1), busy])
    assert {len(row) for row in (head, web, store, nodes, waits)} == {6}
    assert web == ("web", f"{BARS[0]}{BARS[1]}{BARS[5]}".rjust(LOOKS), "cpu 93% of 60%",
                   f"{BARS[0]}{BARS[0]}{BARS[3]}".rjust(LOOKS), "4 of 8", "")  # fmt: skip
    assert store[2:5] == ("", (BARS[-1] * 3).rjust(LOOKS), "2 of 2")
    assert nodes[3:] == (f"{BARS[1]}{BARS[1]}{BARS[-1]}".rjust(LOOKS), "4", "3 of 3 nodes added")
    assert waits[4:] == ("web-5", "limit")


def test_what_counts_requests_is_drawn_and_told_where_pods_do_it() -> None:
    now = replace(look(30, 1, 1), counter=Workload("gateway-metrics", 0, 2, "", "broken", HELD))
    assert drawn([now])[-1] == ("counter", "", "", "", "0/2", HELD)
    assert dict(changing(now))["counter"] == f"broken, {HELD}"
    assert "counter" not in dict(changing(look(30, 1, 1)))


def test_a_load_far_above_its_aim_fills_a_bar() -> None:
    assert drawn([look(900, 1, 8)])[1][1].strip() == BARS[-1]


def test_without_a_terminal_each_change_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    screen, lines = Screen(), []
    full = Waiting("web-5", "2026", "limit")
    for now in (look(None, 1, 1), look(93, 1, 2, full), look(93, 1, 2, full), look(93, 2, 2, more=1),
                look(93, 2, 2, full, more=1)):  # fmt: skip
        screen.show([], dict(changing(now)))
        lines.append(capsys.readouterr().out.splitlines())
    assert lines == [
        [
            "service web: cpu ?% of 60%, 1 of 1 replicas",
            "service store: 2 of 2 replicas",
            "nodes: 1, 0 of 3 nodes added",
        ],
        ["service web: cpu 93% of 60%, 1 of 2 replicas", "pod web-5: waits: limit"],
        [],
        ["service web: cpu 93% of 60%, 2 of 2 replicas", "nodes: 2, 1 of 3 nodes added"],
        ["pod web-5: waits: limit"],
    ]


def test_a_terminal_is_drawn_in_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    screen = Screen()
    screen.show([("a", "b"), ("long", "c")], {})
    screen.show([("a", "d")], {})
    assert capsys.readouterr().out == "a     b\nlong  c\n\x1b[2F\x1b[Ja  d\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["plan"], "either --load 10x or --requests 500"),
        (["plan", "--load", "10x", "--requests", "5"], "either --load 10x or --requests 500"),
        (["plan", "--load", "tenfold"], "--load 10x"),
        (["plan", "--load", "-2"], "--load 10x"),
        (["plan", "--requests", "web=many"], "--requests frontend=500"),
        (["plan", "--load", "2", "--price", "small"], "--price small=0.04"),
        (["probe", "web", "--path", "login"], "--path /login"),
    ],
)
def test_a_load_that_cannot_be_read_is_told_with_what_to_write(
    seaway: Run, words: list[str], told: str
) -> None:
    done = seaway("scale", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stdout == ""
