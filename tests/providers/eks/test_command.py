"""`seaway cluster --on eks` as people and scripts type it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seaway.twin.inventory import Aws
from tests.cli.conftest import SEAWAY
from tests.providers.eks.conftest import Shop

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def seaway(rehearsal: Aws, shop: Shop) -> Run:  # noqa: ARG001
    """The installed command, for a cluster that is there."""

    def run(verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        argv: list[str | Path] = [SEAWAY, "cluster", verb, "--on", "eks", "--region", "eu-central-1", *words]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    return run


def test_nothing_happens_to_production_without_a_word(seaway: Run) -> None:
    for verb, words in (
        ("create", ["--name", "bank"]),
        ("scale", ["--name", "shop", "--nodes", "5"]),
        ("delete", ["--name", "shop"]),
    ):
        done = seaway(verb, *words)
        assert done.returncode == 1
        context = f"arn:aws:eks:eu-central-1:123456789012:cluster/{words[1]}"
        assert f"In AWS account 123456789012, eu-central-1, context {context}:" in done.stderr
        assert "give the option --yes as well" in done.stderr
        assert ("about $221.18 a month" in done.stderr) is (verb == "create")
    assert json.loads(seaway("list", "-o", "json").stdout)[0]["state"] == "running"


def test_nodes_are_scaled_and_shown(seaway: Run) -> None:
    done = seaway("scale", "--name", "shop", "--nodes", "3", "--yes", "-o", "json")
    assert [node["size"] for node in json.loads(done.stdout)["nodes"]] == ["m7i.large"] * 3
    assert "✓ nodes: nodes 2 → 3" in done.stderr
    assert "seaway cluster nodes --name shop --on eks --region eu-central-1" in done.stderr
    assert seaway("nodes", "--name", "shop").stdout.count(" ready") == 3
    assert seaway("scale", "--name", "shop", "--nodes", "2", "--yes").returncode == 0


def test_where_there_is_nothing_to_do_nothing_is_asked(seaway: Run) -> None:
    done = seaway("create", "--name", "shop", "--nodes", "2")
    assert (done.returncode, done.stdout.partition(";")[0]) == (0, "cluster shop runs")
    done = seaway("delete", "--name", "bank", "-o", "json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"deleted": "bank", "found": False})


@pytest.mark.parametrize(
    "words",
    [["--region", "eu-central-1"], ["--open-to", "192.0.2.0/24"], ["--access", "ada=viewer"], ["--keep"]],
)
def test_what_is_for_eks_only_is_refused_elsewhere(words: list[str]) -> None:
    argv: list[str | Path] = [SEAWAY, "cluster", "create", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{words[0]} is for clusters on EKS" in done.stderr
