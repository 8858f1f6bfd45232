"""What poetry.lock says, as requirements: the groups, markers and sources that Poetry 2 writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import Refused, SeawayError
from seaway.rooms.images.poetry import exported

PACKAGE = """
[[package]]
name = "{name}"
version = "1.0"
optional = {optional}
python-versions = ">=3.11"
groups = {groups}
{markers}
files = [
    {{file = "{name}-1.0-py3-none-any.whl", hash = "sha256:aa"}},
    {{file = "{name}-1.0.tar.gz", hash = "sha256:bb"}},
]
"""
END = """
[metadata]
lock-version = "{version}"
python-versions = ">=3.11"
content-hash = "cc"
"""


def package(name: str, groups: str = '["main"]', markers: str = "", optional: str = "false") -> str:
    return PACKAGE.format(name=name, groups=groups, markers=markers, optional=optional)


def lock(folder: Path, *parts: str, version: str = "2.1") -> Path:
    file = folder / "poetry.lock"
    file.write_text("".join(parts) + END.format(version=version))
    return file


def test_only_the_main_group_is_needed_and_no_extra(tmp_path: Path) -> None:
    file = lock(
        tmp_path,
        package("web"),
        package("both", groups='["dev", "main"]'),
        package("linter", groups='["dev"]'),
        package("more", optional="true", markers="markers = 'extra == \"more\"'"),
    )
    hashes = "--hash=sha256:aa --hash=sha256:bb"
    assert exported(file) == f"web==1.0 {hashes}\nboth==1.0 {hashes}\n"


@pytest.mark.parametrize(
    "markers",
    [
        "markers = 'python_version < \"3.12\"'",
        "markers = {main = 'python_version < \"3.12\"', dev = 'os_name == \"nt\"'}",
    ],
)
def test_a_marker_comes_along_and_only_that_of_the_group(tmp_path: Path, markers: str) -> None:
    (line,) = exported(lock(tmp_path, package("web", markers=markers))).splitlines()
    assert line.startswith('web==1.0 ; python_version < "3.12" --hash=')


def test_an_index_of_your_own_is_one_of_your_settings(tmp_path: Path) -> None:
    source = '\n[package.source]\ntype = "legacy"\nurl = "https://index.example.com"\nreference = "own"\n'
    assert exported(lock(tmp_path, package("web"), source)).startswith("web==1.0 --hash=")


@pytest.mark.parametrize("kind", ["directory", "git", "url", "file"])
def test_what_is_not_in_an_index_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    source = f'\n[package.source]\ntype = "{kind}"\nurl = "../web"\n'
    with pytest.raises(Refused, match=f"the project needs web from ../web, a {kind}"):
        exported(lock(tmp_path, package("web"), source))


def test_the_lock_of_an_older_poetry_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(SeawayError, match="older Poetry") as caught:
        exported(lock(tmp_path, package("web"), version="2.0"))
    assert "Poetry 2" in caught.value.remedy


@pytest.mark.parametrize("text", ["[[package", "[metadata]\n", "[metadata]\nlock-version = 'new'\n"])
def test_a_broken_lock_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "poetry.lock").write_text(text)
    with pytest.raises(SeawayError, match=r"poetry\.lock cannot be read"):
        exported(tmp_path / "poetry.lock")
