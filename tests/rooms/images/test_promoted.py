"""What was promoted to an environment, as the records beside its images tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seaway.model.event import silent
from seaway.model.names import Digest, ImageRef
from seaway.rooms.images.keys import make_pair, private_key
from seaway.rooms.images.promote import PROMOTION, Move, Rules, promote
from seaway.rooms.images.promoted import Record, of, records
from seaway.rooms.images.statements import UNSIGNED_PREDICATE, attach
from tests.rooms.images.registries import before, push, shelf

cluster = pytest.mark.cluster
DIGEST = Digest("sha256:" + "a" * 64)
FIRST, LATER = "2026-11-24T10:00:00Z", "2026-11-25T10:00:00Z"


def said(**more: str) -> dict[str, str]:
    return {"to": "production", "at": FIRST, "by": "ann@desk", "migrations": "expand", **more}


@pytest.mark.parametrize(
    ("all_of_it", "found"),
    [
        ([said()], (FIRST, "ann@desk", "expand")),
        ([said(at="2026-11-24T11:00:00+01:00")], (FIRST, "ann@desk", "expand")),
        ([said(at=LATER, by="bob@desk"), said()], (FIRST, "ann@desk", "expand")),
        ([said(), said(at=LATER, migrations="contract")], (FIRST, "ann@desk", "contract")),
        ([{"to": "production", "at": FIRST}], (FIRST, "", "")),
        ([said(to="staging", at="2026-11-01T00:00:00Z"), said()], (FIRST, "ann@desk", "expand")),
        ([said(to="staging")], None),
        ([{"to": "production"}, said(at="yesterday"), {}, "words", None], None),
    ],
)
def test_the_first_promotion_counts_and_whatever_took_data_away(all_of_it: list[Any], found: Any) -> None:
    assert of(DIGEST, all_of_it, "production") == (Record(DIGEST, *found) if found else None)


@cluster
def test_what_was_promoted_is_found_whoever_signed_the_record(
    tmp_path: Path, server: Any, second_server: Any
) -> None:
    source, target = shelf(server.host), shelf(second_server.host, "prod/app")
    key = private_key(make_pair(tmp_path / "release", None)[0])
    move = Move(source, target, "rehearsal", "production", "me@here")
    images = [push(source, f"app {n}".encode(), tag=f"src-{n}") for n in range(3)]
    for image, migrations, signer in zip(
        images, ("expand", "contract", "expand"), (None, key, None), strict=True
    ):
        on = Move(source, target, "rehearsal", "production", "me@here", migrations=migrations)
        tag = f"src-{images.index(image)}"
        promote({"app": (ImageRef(server.host, source.repository, tag), on)}, Rules(), silent, signer)
    pushed = push(target, b"pushed by hand", tag="src-3")
    attach(target, pushed, PROMOTION, {"to": "staging", "at": FIRST}, None)
    target.refer(pushed, "text/plain", b"none", {UNSIGNED_PREDICATE: PROMOTION})
    target.server.delete_manifest(target.repository, images[2].value)
    found = records(target, move.after)
    assert {each.digest: (each.by, each.migrations) for each in found} == {
        images[0]: ("me@here", "expand"), images[1]: ("me@here", "contract"),
    }  # fmt: skip
    assert records(source, move.after) == []


@cluster
def test_one_that_lost_its_tag_is_found_by_its_digest(server: Any) -> None:
    with before(server.host, knows_referrers=True) as front:
        where = shelf(front.host)
        first = push(where, b"on the base of yesterday", tag="src-1")
        attach(where, first, PROMOTION, said(), None)
        second = push(where, b"on a newer base", tag="src-1")
        attach(where, second, PROMOTION, said(at=LATER), None)
        assert [each.digest for each in records(where, "production")] == [second]
        assert [each.digest for each in records(where, "production", first)] == [first, second]
        assert [each.digest for each in records(where, "production", DIGEST)] == [second]
