"""What the pilot's image is made from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.rooms.images import pilot
from seaway.rooms.images.pilot import Package, pilot_recipe
from seaway.rooms.images.recipe import Recipe, source_key

#: What Seaway needs on a laptop and the pilot never does.
LAPTOP = ("boto3", "pathspec", "rich", "typer", "uv")


@pytest.fixture
def copied(tmp_path: Path) -> Recipe:
    """The recipe of an installed wheel: the package with its pins inside, in a folder of its own."""
    recipe = pilot_recipe()
    for path in recipe.project.files():
        there = tmp_path / path.relative_to(recipe.folder)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, there)
    pins = tmp_path / "seaway" / "_pilot.txt"
    assert isinstance(recipe.given, Package)
    shutil.copy(recipe.given.pinned, pins)
    return replace(recipe, folder=tmp_path, top=tmp_path, given=Package(tmp_path, tmp_path, pins))


def test_a_checkout_and_a_wheel_give_the_same_image(copied: Recipe) -> None:
    assert source_key(copied) == source_key(pilot_recipe())


def test_any_change_of_what_goes_in_is_another_image(copied: Recipe) -> None:
    before = source_key(copied)
    errors = copied.folder / "seaway" / "errors.py"
    errors.write_text(errors.read_text() + "\n")
    changed = source_key(copied)
    pins = copied.folder / "seaway" / "_pilot.txt"
    pins.write_text(pins.read_text() + "\n")
    assert len({before, changed, source_key(copied)}) == 3


def test_what_a_laptop_needs_is_not_in_it(copied: Recipe) -> None:
    parts = [path.relative_to(copied.folder).parts for path in copied.project.files()]
    kept = {"__init__.py", "errors.py", "kit", "model", "pilot", "ports", "providers", "rooms", "steps"}
    assert {each[1] for each in parts} == kept
    assert {each[2] for each in parts if each[1] == "providers"} == {"__init__.py", "dns"}
    pinned = (copied.folder / "seaway" / "_pilot.txt").read_text()
    assert not [name for name in LAPTOP if f"\n{name}==" in pinned]


def test_its_code_runs_without_what_is_not_in_it(copied: Recipe) -> None:
    hidden = f"import sys; sys.modules.update(dict.fromkeys({LAPTOP}))"
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {
        "PYTHONPATH": str(copied.folder)
    }
    doors = ", ".join(f"seaway.pilot.{each}__main__" for each in ("", "counter.", "comparator."))
    check = f"import {doors} as main; assert main.__file__.startswith(sys.argv[1]), main.__file__"
    subprocess.run([sys.executable, "-c", f"{hidden}; {check}", str(copied.folder)], env=env, check=True)


def test_every_part_is_there() -> None:
    recipe = pilot_recipe()
    for part in pilot.PARTS:
        assert (recipe.folder / "seaway" / part).exists()
