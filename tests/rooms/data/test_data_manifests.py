"""What a database is in the cluster."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seaway.rooms.data.manifests import start_script, url
from seaway.rooms.data.plan import desired
from seaway.rooms.data.spec import DatabaseSpec
from tests.rooms import golden

CASES = golden.cases(Path(__file__).parent / "cases")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.stem)
def test_a_database_becomes_these_objects(case: Path) -> None:
    given = golden.given(case)
    databases = {name: DatabaseSpec.model_validate(spec) for name, spec in given["databases"].items()}
    golden.hold(case, [item.manifest for item in desired("shop", databases, given.get("users", {}))])


def test_the_url_names_the_database_its_role_and_its_service() -> None:
    assert url("orders") == "postgresql://orders:{value}@orders-db:5432/orders"


def test_the_start_script_is_a_posix_script() -> None:
    done = subprocess.run(["sh", "-n", "-c", start_script()], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
