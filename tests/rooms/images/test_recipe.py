"""An image's identity: it follows all that goes in, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from seaway.errors import UsageError
from seaway.rooms.images.recipe import Recipe, source_key
from seaway.rooms.images.spec import ImagesSpec


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    folder = tmp_path / "users"
    folder.mkdir()
    (folder / "app.py").write_text("x = 1\n")
    (folder / "requirements.txt").write_text("flask==3.1.0\n")
    return Recipe("thoughts", "users", folder, tmp_path, "gunicorn 'a b' users.wsgi", 8000)


def test_the_tag_is_the_first_half_of_the_hash(recipe: Recipe) -> None:
    ref = recipe.ref("127.0.0.1:5055")
    assert str(ref) == f"127.0.0.1:5055/thoughts/users:src-{source_key(recipe)[:32]}"


def test_the_command_is_split_into_words(recipe: Recipe) -> None:
    assert recipe.command == ("gunicorn", "a b", "users.wsgi")


@pytest.mark.parametrize("run", ["gunicorn 'a", "  "])
def test_a_command_that_cannot_be_read_is_named(recipe: Recipe, run: str) -> None:
    with pytest.raises(UsageError) as caught:
        _ = replace(recipe, run=run).command
    assert caught.value.where == "services.users.run"


def change_code(folder: Path) -> None:
    (folder / "app.py").write_text("x = 2\n")


def change_mode(folder: Path) -> None:
    (folder / "app.py").chmod(0o755)


def change_lock(folder: Path) -> None:
    (folder / "requirements.txt").write_text("flask==3.1.1\n")


def rename(folder: Path) -> None:
    (folder / "app.py").rename(folder / "apq.py")


def link(folder: Path) -> None:
    (folder / "b.py").symlink_to("app.py")


@pytest.mark.parametrize("change", [change_code, change_mode, change_lock, rename, link])
def test_a_change_of_what_goes_in_changes_it(recipe: Recipe, change: Callable[[Path], None]) -> None:
    before = source_key(recipe)
    change(recipe.folder)
    assert source_key(recipe) != before


def test_a_change_of_how_it_runs_changes_it(recipe: Recipe) -> None:
    others = (
        replace(recipe, run="gunicorn users.wsgi"),
        replace(recipe, port=9000),
        replace(recipe, system="other"),
        replace(recipe, images=ImagesSpec(packages=("libmagic1",))),
        replace(recipe, images=ImagesSpec(base="r.example.com/python:3.13")),
    )  # fmt: skip
    assert len({source_key(each) for each in (recipe, *others)}) == 6


def test_the_platforms_count_unless_they_are_what_this_machine_is(recipe: Recipe) -> None:
    def keyed(*platforms: Literal["amd64", "arm64"]) -> str:
        return source_key(replace(recipe, images=ImagesSpec(platforms=platforms)))

    assert len({source_key(recipe), keyed("amd64"), keyed("arm64"), keyed("amd64", "arm64")}) == 3
    assert source_key(recipe) in {keyed("amd64"), keyed("arm64")}
    assert keyed("arm64", "amd64", "arm64") == keyed("amd64", "arm64")


def test_a_lock_further_up_counts(recipe: Recipe) -> None:
    (recipe.folder / "requirements.txt").unlink()
    before = source_key(recipe)
    (recipe.top / "uv.lock").write_text("version = 1\n")
    assert source_key(recipe) != before


def test_times_caches_tests_and_secrets_do_not_count(recipe: Recipe) -> None:
    before = source_key(recipe)
    os.utime(recipe.folder / "app.py", (1, 1))
    for name in ("__pycache__/app.pyc", "tests/test_app.py", ".env", ".git/HEAD"):
        path = recipe.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert source_key(recipe) == before


def test_a_base_without_its_registry_is_refused(recipe: Recipe) -> None:
    with pytest.raises(UsageError, match="complete image name") as caught:
        source_key(replace(recipe, images=ImagesSpec(base="python:3.13")))
    assert caught.value.where == "images.base"
