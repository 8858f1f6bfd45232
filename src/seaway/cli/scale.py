"""`seaway scale`: load, replicas and nodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.scale_ahead import plan, probe
from seaway.cli.screen import Screen
from seaway.cli.status import COLUMNS, row
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from seaway.flow.scale import Scale, Scaled

app = typer.Typer(no_args_is_help=True)
SERVICES: Final = ("service", "load", "aim", "ready", "desired", "range", "why")
#: Seconds between two looks of `watch`, and how many looks it draws.
EVERY: Final = 1.0
LOOKS: Final = 40
BARS: Final = "▁▂▃▄▅▆▇█"
#: Load in percent of its aim that fills a bar.
FULL: Final = 200


@app.callback()
def scale() -> None:
    """Load, replicas and nodes: how they stand, and what waits."""


app.command("probe")(probe)
app.command("plan")(plan)


@app.command("status")
def status(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show load and replicas of every service, the nodes, and which pods wait for one, with the reason.

    For example:
      seaway scale status
      seaway scale status -o json
    """
    from seaway.app import scaling as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.scaled(load(file), on, story)
    if output is Format.JSON:
        emit_json(found.as_json())
    else:
        _tables(found)
    next_commands(("seaway scale watch", "see it change"), ("seaway status", "everything else"), on=on)


@app.command("watch")
def watch(on: On = "", file: File = FILE) -> None:
    """Draw load, replicas and nodes over time, until Ctrl-C. Without a terminal each change is a line.

    For example:
      seaway scale watch
    """
    from seaway.app import scaling as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    system = load(file)
    looks: deque[Scale] = deque(maxlen=LOOKS)
    with Story() as story:
        screen = Screen()
        for now in house.follow_scale(system, on, story, EVERY):
            looks.append(now)
            screen.show(drawn(looks), dict(changing(now)))


def drawn(looks: Sequence[Scale]) -> list[tuple[str, ...]]:
    """Give the rows that draw these looks, the last one last; all of them are of the same services."""
    now, standing = looks[-1], sum(not node["claim"] for node in looks[-1].nodes)
    rows: list[tuple[str, ...]] = [("", "LOAD", "", "REPLICAS", "", "")]
    for i, each in enumerate(now.services):
        past = [look.services[i] for look in looks]
        strain = _bars([_strain(one) for one in past], FULL)
        pods = _bars([one.ready for one in past], each.most)
        rows.append((each.name, strain, _aimed(each), pods, f"{each.ready} of {each.desired}", each.why))
    nodes = _bars([len(look.nodes) for look in looks], standing + (now.addable or 0))
    rows.append(("nodes", "", "", nodes, str(len(now.nodes)), _added(now)))
    if now.counter:
        rows.append(("counter", "", "", "", row(now.counter)[1], now.counter.problem))
    return rows + [("waits", "", "", "", each.pod, each.why) for each in now.waiting]


def changing(now: Scale) -> Iterator[tuple[str, str]]:
    """Give in words, by what they are about, the things that may differ from look to look."""
    for each in now.services:
        told = (_aimed(each), f"{each.ready} of {each.desired} replicas", each.why)
        yield f"service {each.name}", ", ".join(filter(None, told))
    yield "nodes", f"{len(now.nodes)}, {_added(now)}"
    if now.counter:
        yield "counter", ", ".join(filter(None, (now.counter.state, now.counter.problem)))
    for pod in now.waiting:
        yield f"pod {pod.pod}", f"waits: {pod.why}"


def _tables(found: Scale) -> None:
    emit_table(SERVICES, [_row(each) for each in found.services])
    emit("")
    rows = [
        (node["name"], node["size"], "ready" if node["ready"] else "not ready", node["claim"])
        for node in found.nodes
    ]
    emit_table(("node", "size", "state", "claim"), rows)
    emit("", _added(found))
    if found.counter:
        emit("")
        emit_table(("counter", *COLUMNS, "why"), [(*row(found.counter), found.counter.problem)])
    if found.waiting:
        emit("")
        emit_table(("waits", "since", "why"), [(each.pod, each.since, each.why) for each in found.waiting])


def _row(each: Scaled) -> tuple[str, ...]:
    counts = (str(each.ready), str(each.desired), f"{each.least}-{each.most}")
    return (each.name, _shares(each.load), _shares(each.aim), *counts, each.why)


def _shares(shares: Mapping[str, int]) -> str:
    return " ".join(f"{name} {_measured(name, share)}" for name, share in shares.items()) or "-"


def _measured(name: str, value: int | str) -> str:
    return f"{value}/s" if name == "requests" else f"{value}%"


def _added(found: Scale) -> str:
    added = sum(bool(node["claim"]) for node in found.nodes)
    return "no autoscaler adds nodes" if found.addable is None else f"{added} of {found.addable} nodes added"


def _aimed(each: Scaled) -> str:
    """Say how loaded it is against its aim; a load that is not known yet is a question mark."""
    return " ".join(
        f"{name} {_measured(name, each.load.get(name, '?'))} of {_measured(name, aim)}"
        for name, aim in each.aim.items()
    )


def _strain(each: Scaled) -> int:
    """Give the load in percent of its aim, of the resource that is strained most."""
    return max((100 * each.load.get(name, 0) // aim for name, aim in each.aim.items()), default=0)


def _bars(values: Sequence[int], most: int) -> str:
    """Draw each value as a bar that `most`, or more, fills."""
    top = len(BARS) - 1
    return "".join(BARS[min(top, top * value // max(1, most))] for value in values).rjust(LOOKS)
