"""`scripts/rehearse` after its set-up: from the old server to the end of the journey."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from scripts.benchmark.pebble import Server
from scripts.rehearsal import acme, journey, report, scaling, town, visitor
from scripts.rehearsal.load import TOGETHER, Load
from scripts.rehearsal.seaway import Seaway
from seaway.cli.story import Story as Told
from seaway.providers.local import engine

RATE: Final = 200
HOLD: Final = 1.5
LIMIT: Final = 900
OLD: Final = f"http://127.0.0.1:{town.MONOLITH}"


def main() -> None:
    given = _arguments()
    seconds: dict[str, float] = {}
    with Told() as told, _timed(seconds, "engine"):
        programs = engine.ensure(told)
    with _timed(seconds, "old server"):
        _say("The old server: PostgreSQL and a Django monolith on 127.0.0.1:9000")
        town.raise_town()
    system = town.copy_system()
    seaway = Seaway(system / "seaway.yaml", {name: town.secret(name) for name in town.SHARED})
    if given.production:
        _produce(given, seaway)
        return
    if given.fresh:
        seaway.tell("down", "--yes")
    signer = _signer(given, system)
    with _timed(seconds, "seaway up"):
        _say("seaway up: a cluster, a gateway, two databases and three services beside it")
        seaway.tell("up", "--yes")
    journey.begin(seaway)
    edge = _edge(seaway, signer, seconds)
    load = _load(programs, edge, given.rate, LIMIT)
    wrong = _load(programs, edge, scaling.LOGINS, scaling.LASTS, scaling.ALONE)
    step = scaling.Step(seaway, wrong)
    story = journey.Story(seconds)
    with _timed(seconds, "journey"):
        _say(f"{given.rate} requests a second over HTTPS; routes leave, one returns and goes again")
        load.start(journey.TARGETS, {"Cookie": [visitor.cookie(OLD)]})
        try:
            load.flowing()
            _travel(seaway, system, story, step, given.hold)
        finally:
            step.stop()
            load.stop()
    result = report.document(story, load, step)
    if signer:
        result["certificate"] = acme.await_signature(seaway)
    given.report.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(report.table(result) + "\n")
    _farewell(given, edge, system, seaway)
    sys.exit(0 if result["ok"] else 1)


def _produce(given: argparse.Namespace, seaway: Seaway) -> None:
    """Rehearse the example's production, with the old server in its place."""
    _say("seaway rehearse --on production: AWS is played on this machine")
    seaway.tell("rehearse", "--on", "production", "--monolith", OLD)
    if given.down_after:
        town.lower_town()


def _signer(given: argparse.Namespace, system: Path) -> Server | None:
    """Bring an ACME server where that is asked for, and have it sign for the visitors of this system."""
    if given.https != "acme":
        acme.end(town.RUN)
        return None
    _say("An ACME server: Pebble on 127.0.0.1:14000, with an authority of its own")
    signer = acme.begin(town.RUN, town.HOME / "acme", town.HOME / "logs")
    with Told() as told:
        directory = acme.let_in(signer, town.CLUSTER, told)
    acme.write(system / "seaway.yaml", signer, directory)
    return signer


def _edge(seaway: Seaway, signer: Server | None, seconds: dict[str, float]) -> dict[str, Any]:
    """See where the edge answers, and whom its visitors trust, once its certificate is the wished one."""
    edge: dict[str, Any] = seaway.ask("status")["edge"]
    if signer:
        _say("The ACME server signs, and visitors are shown what it signed")
        with _timed(seconds, "signature"):
            acme.await_signature(seaway)
        edge["ca"] = str(acme.trusted(signer))
        seaway.tell("edge", "status")
    return edge


def _travel(seaway: Seaway, system: Path, story: journey.Story, step: scaling.Step, hold: float) -> None:
    seconds = story.seconds
    with _timed(seconds, "by itself"):
        journey.let_cross(seaway, story, journey.FIRST)
    _say(f"Beside it wrong logins, {scaling.LOGINS} a second: replicas come for them, and a node for these")
    step.start(visitor.Visitor(OLD, "not-this-one"))
    with _timed(seconds, "by hand"):
        journey.move(seaway, story, journey.AGAIN, (*journey.STEPS, journey.BACK), hold)
    with _timed(seconds, "by itself"):
        journey.let_cross(seaway, story, journey.AGAIN)
    with _timed(seconds, "by hand"):
        journey.move(seaway, story, journey.AGAIN, (journey.BACK, *journey.SHORT), hold)
    _say("New versions of three services are built, promoted and rolled out under the same load")
    with _timed(seconds, "rollouts"):
        journey.roll_over(seaway, system, story)
    with _timed(seconds, "node gone"):
        step.settle()


def _load(
    programs: engine.Engine, edge: dict[str, Any], rate: int, limit: int, options: Sequence[str] = TOGETHER
) -> Load:
    url = edge["url"]
    port = int(url.rsplit(":", 1)[1]) if url.count(":") > 1 else 443
    ca = Path(edge["ca"])
    return Load(programs.program("vegeta"), url, port, ca, rate=rate, limit=limit, options=options)


def _farewell(given: argparse.Namespace, edge: dict[str, Any], system: Path, seaway: Seaway) -> None:
    if given.down_after:
        seaway.tell("down", "--yes")
        town.lower_town()
        return
    file = system / "seaway.yaml"
    sys.stdout.write(f"""
  The system is running: {edge["url"]}   (log in as {visitor.NAME} / {visitor.PASSWORD})
  Figures: {given.report}

Next:
  .venv/bin/seaway status -f {file}
  .venv/bin/seaway cross status -f {file}
  .venv/bin/seaway down -f {file}      (the old server: scripts/rehearse --stop)
""")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/rehearse", description="Rehearse the whole journey on this machine."
    )
    parser.add_argument(
        "--report", type=Path, default=Path("rehearsal.json"), metavar="FILE", help="where the figures go"
    )
    parser.add_argument("--fresh", action="store_true", help="begin without what an earlier rehearsal left")
    parser.add_argument("--down-after", action="store_true", help="remove everything at the end")
    parser.add_argument(
        "--production", action="store_true",
        help="instead: the example's production on AWS, which is played on this machine, and nothing is left",
    )  # fmt: skip
    parser.add_argument("--stop", action="store_true", help="only stop and remove what a rehearsal left")
    parser.add_argument(
        "--https",
        choices=["local", "acme"],
        default="local",
        help="who signs the certificate: this machine's own authority, or an ACME server that comes with it",
    )
    parser.add_argument("--rate", type=int, default=RATE, help="requests a second (default %(default)s)")
    parser.add_argument(
        "--hold", type=float, default=HOLD, help="seconds at each weight (default %(default)s)"
    )
    given = parser.parse_args()
    if given.stop:
        Seaway(town.EXAMPLE / "seaway.yaml", {}).tell("down", "--yes")
        town.lower_town(data=True)
        sys.exit(0)
    if given.fresh:
        town.lower_town(data=True)
    return given


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add how long this takes to what is known of it."""
    began = time.monotonic()
    yield
    seconds[name] = seconds.get(name, 0) + time.monotonic() - began


def _say(text: str) -> None:
    sys.stderr.write(f"\n== {text}\n")


if __name__ == "__main__":
    main()
