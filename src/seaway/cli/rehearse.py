"""`seaway rehearse`: the whole of production on this machine, from nothing and back to nothing."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.plan import costs, lines
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from seaway.app.environment import Survey
    from seaway.app.rehearsal import Rehearsal
    from seaway.twin.account import Twin

Monolith = Annotated[
    str,
    typer.Option(
        "--monolith", metavar="URL", help="An old server on this machine; without, a stand-in answers for it."
    ),
]
Rate = Annotated[
    int, typer.Option("--rate", min=1, max=1000, metavar="N", help="Requests of visitors a second.")
]
Keep = Annotated[
    bool, typer.Option("--keep", help="Once all has crossed, leave it running until Ctrl-C, to look around.")
]


def command(  # noqa: PLR0917  (typer's options)
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
    monolith: Monolith = "",
    rate: Rate = 40,
    keep: Keep = False,
) -> None:
    """Rehearse production on AWS: all of it on this machine, without an account, and nothing of it is left.

    AWS is played on loopback and a real Kubernetes stands behind its EKS. `up` makes all of it, crossings
    move under the load of visitors, back and again, and `down` removes it. Your account and your old server
    are out of reach. A table tells what that shows, and what it does not.

    For example:
      seaway rehearse --on production
      seaway rehearse --on production --monolith http://127.0.0.1:9000 --keep
    """
    from seaway.app import rehearsal as house  # noqa: PLC0415  (pydantic, lightkube, boto3)
    from seaway.flow.load import load  # noqa: PLC0415

    system = load(file)
    with _ended_softly(), Story() as story:
        hands = house.Hands(lambda found: _show(found, story), lambda twin: _stay(twin, story, keep=keep))
        found = house.rehearse(system, on, house.Wish(monolith, rate), hands, story)
    if output is Format.JSON:
        emit_json(found.as_json())
    else:
        _tell(found)
    next_commands(("seaway check", "what the real one needs"), ("seaway up", "do it for real"), on=on)
    if found.wrong:
        raise typer.Exit(1)


def _show(found: Survey, story: Story) -> None:
    """Say what would be asked about in production, and that this is none."""
    spec = found.environment
    story.note(
        f"A rehearsal: AWS account {spec.account}, {spec.region}, is played on this machine. Nothing leaves "
        "it, and nothing is paid. In production this would be asked about first:"
    )
    told = [*lines(found.plan), *([costs(found.bill)] if found.bill else [])]
    story.note("\n".join(told))


def _stay(twin: Twin, story: Story, *, keep: bool) -> None:
    """Say how to look around, and wait for Ctrl-C, where that was asked for."""
    if not keep:
        return
    story.close()
    cli = " ".join(f"{name}={shlex.quote(text)}" for name, text in twin.cli.items())
    ours = " ".join(f"{name}={shlex.quote(text)}" for name, text in twin.variables.items())
    cluster = twin.place.cluster
    sys.stderr.write(
        f"""
It all runs. Have a look, in another terminal:
  export {cli}
  aws eks describe-cluster --name {cluster}
  kubectl --kubeconfig {twin.folder}/kubeconfig --context {twin.context} get pods -A
or with seaway itself:
  {ours} seaway cluster list --on eks --region {twin.place.region}

Ctrl-C takes it all down.
"""
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        story.note("it goes now")


def _tell(found: Rehearsal) -> None:
    emit_table(("part", "", "what was shown"), [(p.name, p.state, p.shown) for p in found.parts])
    emit("", "Not rehearsed:", *(f"  {gap}" for part in found.parts for gap in part.gaps), "")
    took = found.seconds
    emit(
        f"{found.requests} requests of visitors, {found.failed} failed, 95 % within "
        f"{found.late * 1000:.0f} ms; crossed: {', '.join(found.crossed) or 'nothing'}",
        f"up {took['up']:.0f} s, crossings {took['crossing']:.0f} s, down {took['down']:.0f} s",
    )
    if found.wrong:
        emit("", *(f"wrong: {each}" for each in found.wrong))
    else:
        emit(f"{found.environment} went from nothing to crossed traffic and back to nothing")


@contextmanager
def _ended_softly() -> Iterator[None]:
    """Take the end that others ask for (SIGTERM, a lost terminal) as Ctrl-C: nothing may be left."""
    names = (signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.signal(name, signal.default_int_handler) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
