"""How an ACME server of its own comes into the rehearsal's file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.benchmark.pebble import Server, _certificate
from scripts.rehearsal import acme, release, town
from seaway.flow.load import load
from seaway.providers.local.home import Home
from seaway.rooms.cluster.plan import name_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The example as the rehearsal copies it."""
    target = tmp_path / "system"
    shutil.copytree(town.EXAMPLE, target, ignore=shutil.ignore_patterns(".venv", "__pycache__"))
    release.add_staging(target / "seaway.yaml")
    return target / "seaway.yaml"


def test_the_example_is_signed_for_by_one_word_more(file: Path, tmp_path: Path) -> None:
    before, server = load(file), Server(tmp_path, http=80)
    directory = f"https://{Home('any', 39).outside}:{server.port}/dir"
    _certificate(tmp_path, acme.DOORS)
    acme.write(file, server, directory)
    _, environment = load(file).environment()
    https = environment.https
    assert (https.issuer, https.directory, https.ca) == ("acme", directory, "./acme-ca.pem")
    _, other = before.environment()
    assert environment.model_copy(update={"https": other.https}) == other
    assert str(Home("any", 0).outside) in acme.DOORS


def test_the_example_says_which_cluster_is_let_in_and_where_proofs_are_looked_for(file: Path) -> None:
    _, environment = load(file).environment()
    assert (name_of(environment), environment.ports.http) == (town.CLUSTER, acme.PROOFS)
