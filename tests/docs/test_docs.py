"""What the pages say is there: links lead somewhere, commands and their options exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seaway.cli import root

TOP = Path(__file__).parents[2]
PAGES = sorted([TOP / "README.md", *(TOP / "docs").rglob("*.md"), *(TOP / "examples").glob("*/README.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"^(?:\$ )?(?:sudo )?(?:\w+=\S* )*seaway (.*)")
FENCE = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> Iterator[list[str]]:
    """The words after `seaway` in every command of a page's shell blocks."""
    for block in FENCE.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            if found := COMMAND.match(line):
                yield shlex.split(found[1], comments=True)


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def named(page: Path) -> str:
    return str(page.relative_to(TOP))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, part = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if part:
            assert part in {anchor(text) for text in HEADING.findall(target.read_text())}, link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_and_their_options_exist(page: Path) -> None:
    for words in commands(page):
        command: Any = root()
        for word in words:
            if word.startswith("-"):
                options = {n for each in command.params for n in (*each.opts, *each.secondary_opts)}
                assert word.partition("=")[0] in options | {"--help"}, words
            elif hasattr(command, "get_command"):
                command = command.get_command(None, word)
                assert command, words
