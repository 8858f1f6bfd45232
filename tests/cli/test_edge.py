"""How `seaway edge status` tells of an ACME server."""

from __future__ import annotations

from datetime import UTC, datetime

from seaway.cli.edge import acme_lines
from seaway.flow.edge import AcmeStatus
from seaway.rooms.acme.life import Failure, Kind

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
SERVER = "https://ca.example.com/dir"


def test_what_was_signed_is_told_with_what_comes_next() -> None:
    found = AcmeStatus(SERVER, signed=True, does="renewed from later", next=AT, failures=0, last=None)
    assert acme_lines(found.as_json()) == [
        f"· it is of {SERVER}",
        "· next 2026-11-29T12:00:00Z: renewed from later",
    ]


def test_a_stand_in_is_told_with_the_failures_in_a_row_and_not_with_one_that_is_over() -> None:
    last = Failure(Kind.REFUSED, "caa: CAA forbids", AT)
    failing = AcmeStatus(SERVER, signed=False, does="waits", next=AT, failures=2, last=last).as_json()
    assert acme_lines(failing)[0] == f"· a stand-in for one of {SERVER}"
    assert acme_lines({**failing, "stays": True})[0] == (
        f"· it is of {SERVER}, and stays until there is one for all names"
    )
    assert acme_lines(failing)[-1] == "✗ failed 2 times in a row, last 2026-11-29T12:00:00Z: caa: CAA forbids"
    assert len(acme_lines({**failing, "failures": 0})) == 2
