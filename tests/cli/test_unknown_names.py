"""A name that the file does not have is wrong input; a cluster that is not there is nothing to delete."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seaway.errors import UsageError
from seaway.model.names import Weight
from seaway.rooms.crossing.decide import decide_back, decide_move, find, fitting
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import Verb
from seaway.rooms.crossing.views import views

from .conftest import Run

SEEN = views({"login": CrossingSpec(routes=("/login",), to="web")}, {}, {})


@pytest.mark.parametrize(
    "ask",
    [
        lambda: find(SEEN, "logn"),
        lambda: decide_move(SEEN, "logn", Weight(5), {"web": 1}),
        lambda: decide_back(SEEN, "logn", with_dependents=True),
        lambda: fitting(SEEN, Verb.HOLD, ["login", "logn"]),
    ],
)
def test_a_crossing_that_the_file_does_not_have_is_wrong_input(ask: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match="there is no crossing 'logn' in the file") as error:
        ask()
    assert error.value.exit_status == 2
    assert "login" in error.value.remedy


def test_a_cluster_that_is_not_there_is_told_and_no_error(seaway: Run, tmp_path: Path) -> None:
    """As kind and k3d do: whoever deletes it again, in a script, gets what was wanted."""
    config = str(tmp_path / "config")
    done = seaway("cluster", "delete", "--name", "none", "--yes", KUBECONFIG=config)
    assert (done.returncode, done.stdout) == (0, "there is no cluster none on this machine\n")
    assert "seaway cluster list" in done.stderr
    done = seaway("cluster", "delete", "--name", "none", "-o", "json", KUBECONFIG=config)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"deleted": "none", "found": False})
