"""What the rehearsal reads of nodes that come and go."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from scripts.rehearsal.load import Load
from scripts.rehearsal.scaling import Step
from scripts.rehearsal.seaway import Seaway
from seaway.cli.scale import changing
from seaway.flow.scale import Scale


class Watch:
    """What `seaway scale watch` writes where there is no terminal."""

    def __init__(self, *added: int) -> None:
        looks = [Scale((), ({"claim": ""}, *[{"claim": "x"}] * each), (), 3) for each in added]
        lines = [f"{what}: {text}\n" for look in looks for what, text in changing(look)]
        self.stdout = io.StringIO("".join(lines))


def _told(*added: int, after: int = 2) -> dict[str, Any]:
    """Have a step see so many added nodes, the load over after so many looks."""
    load = Load(Path("vegeta"), "https://x.localhost", 443, Path("ca"), rate=1, limit=1)
    step = Step(Seaway(Path("seaway.yaml"), {}), load)
    step._read(cast("subprocess.Popen[str]", Watch(*added)))
    step.seen = [(float(at), count, more) for at, (_, count, more) in enumerate(step.seen, 1)]
    step.ended = after + 0.5
    return step.as_json()


def test_a_node_comes_with_the_load_and_goes_after_it() -> None:
    told = _told(0, 1, 0)
    assert (told["nodes"], told["came_s"], told["gone_s"]) == ([1, 2, 1], 2.0, 0.5)


@pytest.mark.parametrize("added", [(0, 0, 0), (0, 1, 1), (0,)])
def test_a_node_that_did_not_come_or_did_not_go_is_told(added: tuple[int, ...]) -> None:
    told = _told(*added)
    assert not (told["came_s"] and told["gone_s"])


def test_a_node_that_goes_while_the_load_lasts_has_not_gone_after_it() -> None:
    assert _told(0, 1, 0, after=3)["gone_s"] is None
