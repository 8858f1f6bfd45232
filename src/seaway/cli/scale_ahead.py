"""`seaway scale probe` and `plan`: what a pod bears, and what a load would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands
from seaway.errors import UsageError

if TYPE_CHECKING:
    from seaway.flow.forecast import Forecast
    from seaway.rooms.services.capacity import Capacity

Service = Annotated[str, typer.Argument(metavar="SERVICE")]
Paths = Annotated[
    list[str] | None,
    typer.Option(
        "--path", metavar="PATH", help="Ask for this, in turn; default: the routes that lead to it."
    ),
]
Latency = Annotated[
    int,
    typer.Option(min=1, max=2000, metavar="MS", help="What 95 % of the answers may take, in milliseconds."),
]
Limit = Annotated[
    int, typer.Option(min=1, max=2000, metavar="N", help="Requests a second that are tried at most.")
]
Times = Annotated[
    str, typer.Option("--load", metavar="TIMES", help="So many times the load that there is now: 10x.")
]
Requests = Annotated[
    list[str] | None,
    typer.Option(metavar="[SERVICE=]N", help="So many requests a second to a service that was probed."),
]
Prices = Annotated[
    list[str] | None,
    typer.Option("--price", metavar="SIZE=DOLLARS", help="What a node of a size costs an hour."),
]
SERVICES: Final = ("service", "now", "then", "range", "each", "why")
#: Seconds of CPU below which a cost is not shown, and the largest number that is taken.
SHOWN: Final = 0.00005
MOST: Final = 1_000_000
SIZES: Final = ("size", "nodes", "added", "an hour", "a month")


def probe(
    service: Service,
    path: Paths = None,
    latency: Latency = 200,
    limit: Limit = 500,
    *,
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
) -> None:
    """Find how many requests a second one pod of a service bears; in a rehearsal only.

    A pod of its own, without visitors, is loaded until it gives in, and with it what it calls. It takes about
    a minute. What was found is kept in the cluster, for `seaway scale plan`.

    For example:
      seaway scale probe frontend
      seaway scale probe users --path /names --latency 100
    """
    from seaway.app import scaling as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.capacity import Wish  # noqa: PLC0415
    from seaway.flow.load import load  # noqa: PLC0415

    for each in path or ():
        if not each.startswith("/"):
            raise UsageError(f"{each!r} is no path", remedy=f"begin with /: --path /{each}")
    wish = Wish(service, tuple(path or ()), latency / 1000, limit)
    with Story() as story:
        found = house.probe(load(file), on, wish, story)
    if output is Format.JSON:
        emit_json({"service": service, **found.as_json()})
    else:
        emit(*_borne(service, found))
    ahead = f"seaway scale plan --requests {service}={10 * found.requests}"
    next_commands((ahead, "what ten times that takes"), on=on)


def plan(
    times: Times = "",
    requests: Requests = None,
    price: Prices = None,
    *,
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
) -> None:
    """Say how many pods and nodes a load would take, what it would cost, and what would wait for a node.

    With --load from the CPU that the services use now, with --requests from what `seaway scale probe` found.

    For example:
      seaway scale plan --load 10x
      seaway scale plan --requests 500
      seaway scale plan --requests frontend=500 --price medium=0.08
    """
    from seaway.app import scaling as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.forecast import Asked  # noqa: PLC0415
    from seaway.flow.load import load  # noqa: PLC0415

    if bool(times) == bool(requests):
        raise UsageError("which load is meant?", remedy="say either --load 10x or --requests 500")
    rates = {name: round(each) for name, each in map(_rate, requests or ())}
    asked, prices = Asked(_times(times), rates), dict(map(_price, price or ()))
    with Story() as story:
        found = house.foresee(load(file), on, asked, prices, story)
    if output is Format.JSON:
        emit_json(found.as_json())
    else:
        _tables(found)
    next_commands(
        ("seaway scale status", "how it is now"),
        ("seaway scale probe SERVICE", "measure what a pod bears"),
        on=on,
    )


def _borne(service: str, found: Capacity) -> list[str]:
    """Say what a pod bears, and what a request costs whom."""
    least = "" if found.whole else "at least "
    told = f"one pod of {service} bears {least}{found.requests} requests a second to {' '.join(found.paths)}"
    costs = sorted(found.cpu.items(), key=lambda each: -each[1])
    named = ", ".join(f"{name} {cost * 1000:.1f} ms" for name, cost in costs if cost > SHOWN)
    within = f"  95 % within {found.late * 1000:.0f} ms, of {found.objective * 1000:.0f} ms allowed"
    costs_told = f"  CPU for each request: {named or 'none to speak of'}"
    return [told, within, costs_told, f"  in the file: scale: {{requests: {found.aim}}}"]


def _tables(found: Forecast) -> None:
    rows = [
        (
            *(each.name, str(each.now), str(each.pods), f"{each.least}-{each.most}"),
            *(f"{each.each:g}/s" if each.each else "-", each.why),
        )
        for each in found.services
    ]
    emit_table(SERVICES, rows)
    emit("")
    sizes = [
        (each.size, str(each.count), str(each.added), f"${each.price:g}", f"${each.month:.2f}")
        for each in found.nodes
    ]
    emit_table(SIZES, sizes)
    emit(f"all nodes: ${found.month:.2f} a month, if the load stayed")
    if found.pending:
        emit("")
        emit_table(("pending", "pods", "why"), [(of, str(pods), why) for of, pods, why in found.pending])


def _times(text: str) -> float:
    """Read 10x, or 10; nothing is 0. Raises UsageError."""
    try:
        found = float(text.lower().removesuffix("x") or 0)
    except ValueError:
        found = -1.0
    if text and not 0 < found <= MOST:
        raise UsageError(f"{text!r} is no load", remedy="say how many times the present one: --load 10x")
    return found


def _rate(text: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    return name, _number(number, text, "--requests 500, or --requests frontend=500")


def _price(text: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    return name, _number(number.removeprefix("$"), text, "--price small=0.04")


def _number(number: str, text: str, example: str) -> float:
    """Read a number above 0. Raises UsageError."""
    try:
        found = float(number)
    except ValueError:
        found = 0.0
    if not 0 < found <= MOST:
        raise UsageError(f"{text!r} cannot be read", remedy=f"such as {example}")
    return found
