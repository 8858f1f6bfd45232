"""Every file below cases/ says beside each line what is wrong with it: `#! path: why → remedy`.

`#!@N …` on a line of its own speaks about line N, for lines that cannot hold a comment. FOLDER stands for the
folder the file lies in.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seaway.errors import SpecError
from seaway.flow.load import load

CASES = sorted(Path(__file__).with_name("cases").glob("*.yaml"))
SAID = re.compile(r"#!(?:@(\d+))? (.*?)(?= #!|$)")


def expected(path: Path) -> list[tuple[int, str]]:
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for other, text in SAID.findall(line):
            found.append((int(other or number), text.strip().replace("FOLDER", str(path.parent))))
    return sorted(found)


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_problems_are_told_all_at_once_with_their_lines(case: Path) -> None:
    with pytest.raises(SpecError) as raised:
        load(case)
    told = [
        (p.line, f"{p.path or 'file'}: {p.why}" + (f" → {p.remedy}" if p.remedy else ""))
        for p in raised.value.problems
    ]
    assert sorted(told) == expected(case)


def test_every_case_expects_something() -> None:
    assert all(expected(case) for case in CASES)
