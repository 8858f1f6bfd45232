"""A file that several projects have is the same in all of them; seaway.yaml fits the folders."""

import re
from pathlib import Path

import pytest

from testing.processes import ROOT, SERVICES

HOMES = {
    "monolith": ROOT / "monolith/mythoughts",
    **{name: ROOT / name / name for name in ("users", "thoughts", "frontend")},
}
SHARED = {
    "environment.py": HOMES.keys(),
    "signing.py": HOMES.keys(),
    "rules.py": ["monolith", "thoughts", "frontend"],
    "client.py": ["users", "thoughts", "frontend"],
    "database.py": ["users", "thoughts"],
    "feed.py": ["users", "thoughts"],
}


@pytest.mark.parametrize("name", SHARED)
def test_copies_are_equal(name: str):
    first, *others = (HOMES[project] / name for project in SHARED[name])
    for other in others:
        assert other.read_text() == first.read_text(), f"copy {first} to {other}, or back"


def test_templates_are_equal():
    one, other = (templates(HOMES[side] / "templates") for side in ("monolith", "frontend"))
    assert one == other


@pytest.mark.parametrize("name", SERVICES)
def test_seaway_file_fits_the_folders(name: str):
    service = SERVICES[name]
    folder = ROOT / service["source"]
    assert (folder / "pyproject.toml").is_file()
    assert (folder / "requirements.txt").is_file()
    module = service["run"].split()[-1]
    assert (folder / module.replace(".", "/")).with_suffix(".py").is_file()


@pytest.mark.parametrize("file", sorted(ROOT.glob("*/requirements.txt")), ids=lambda f: f.parts[-2])
def test_requirements_are_pinned_with_hashes_and_name_no_registry(file: Path):
    text = file.read_text()
    assert "://" not in text
    pins = re.findall(r"^[a-z0-9][^\n]*\n", text, re.MULTILINE)
    assert pins
    assert all("==" in pin and pin.rstrip().endswith("\\") for pin in pins)


def templates(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}
