"""Promotion: every gate is asked of the digest that comes, all or none come, and the target knows of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import NotFound, Refused
from seaway.model.event import silent
from seaway.model.names import Digest, ImageRef
from seaway.rooms.images.attest import attest
from seaway.rooms.images.keys import PrivateKey, PublicKey, make_pair, private_key, public_key
from seaway.rooms.images.kinds import TYPES
from seaway.rooms.images.promote import Move, Promoted, Rules, judge, promote, promotions, weigh
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.signatures import Signature, sign, signatures
from seaway.rooms.images.spec import PromotionSpec, VoucherSpec
from seaway.rooms.images.statements import PREDICATE, Said, attach
from tests.rooms.images.registries import push, shelf

cluster = pytest.mark.cluster


def _key(folder: Path, one: VoucherSpec) -> PublicKey:
    return public_key(folder / one.key, one.key)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, PrivateKey]]:
    folder = tmp_path_factory.mktemp("keys")
    return folder, {
        name: private_key(make_pair(folder / name, None)[0]) for name in ("release", "ci", "other")
    }


@pytest.fixture
def rules(keys: tuple[Path, dict[str, PrivateKey]]) -> Rules:
    spec = PromotionSpec.model_validate({"signed": "release.pub", "attested": {"tests": "ci.pub"}})
    return Rules.of(spec, partial(_key, keys[0]))


@pytest.fixture
def move(server: Any, second_server: Any) -> Move:
    return Move(
        shelf(server.host), shelf(second_server.host, "prod/app"), "rehearsal", "production", "me@here"
    )


@pytest.fixture
def image(move: Move) -> ImageRef:
    return ImageRef(move.source.server.host, move.source.repository, "src-1")


def allow(where: Shelf, digest: Digest, keys: tuple[Path, dict[str, PrivateKey]]) -> None:
    sign(where, digest, keys[1]["release"])
    attest(where, digest, TYPES["tests"], {"result": "PASSED"}, keys[1]["ci"])


def carry(image: ImageRef, move: Move, rules: Rules, key: PrivateKey | None = None) -> Promoted:
    return promote({"app": (image, move)}, rules, silent, key)["app"]


RESULT = st.sampled_from(["PASSED", "FAILED", None])


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(["release", "other"])),
    st.lists(st.tuples(st.sampled_from(["ci", "other"]), RESULT)),
)
def test_only_the_right_key_opens_a_gate(
    keys: tuple[Path, dict[str, PrivateKey]], signed: list[str], said: list[tuple[str, str | None]]
) -> None:
    rules = Rules.of(
        PromotionSpec.model_validate({"signed": ["release.pub"], "attested": {"tests": "ci.pub"}}),
        partial(_key, keys[0]),
    )
    # The same key under another name is the same key.
    named = {name: PublicKey("by another name", key.public.key) for name, key in keys[1].items()}
    found = [Said(TYPES["tests"], {"result": result}, named[name]) for name, result in said]
    found += [Said(TYPES["tests"], {"result": "PASSED"}, None), Said(TYPES["approval"], {}, named["ci"])]
    gates = judge(rules, [Signature(named[name], "tag") for name in signed], found)
    assert [gate.name for gate in gates] == ["signed by release.pub", "tests attested by ci.pub"]
    assert [gate.passed for gate in gates] == ["release" in signed, ("ci", "PASSED") in said]
    assert all(gate.passed != bool(gate.why) for gate in gates)


def scan(by: PublicKey | None, when: str, *severities: str) -> Said:
    report = {"matches": [{"vulnerability": {"severity": each}} for each in severities]}
    said = {"scanner": {"result": report}, "metadata": {"scanFinishedOn": when}}
    return Said(TYPES["vulns"], said, by)


def test_the_newest_report_of_the_scanner_decides(keys: tuple[Path, dict[str, PrivateKey]]) -> None:
    spec = PromotionSpec.model_validate({"scanned": {"by": "ci.pub", "worst": "medium"}})
    rules, ci, other = (
        Rules.of(spec, partial(_key, keys[0])),
        keys[1]["ci"].public,
        keys[1]["other"].public,
    )

    def gate(*said: Said) -> tuple[bool, str]:
        (found,) = judge(rules, [], said)
        assert found.name == "scanned by ci.pub: nothing worse than medium"
        return found.passed, found.why

    assert gate() == (False, "no report of this key")
    assert gate(scan(other, "2"), scan(None, "2")) == (False, "no report of this key")
    assert gate(scan(ci, "1", "Low", "Medium")) == (True, "")
    assert gate(scan(ci, "2", "High", "Critical"), scan(ci, "1")) == (False, "it found 1 critical, 1 high")
    assert gate(scan(ci, "1", "High"), scan(ci, "2")) == (True, "")
    assert gate(scan(ci, "", "High"), scan(ci, "")) == (False, "it found 1 high")
    assert gate(scan(ci, "1"), Said(TYPES["vulns"], {"all": "well"}, ci))[0]
    assert gate(Said(TYPES["vulns"], {"all": "well"}, ci)) == (False, "its report is of no known form")


@pytest.mark.parametrize(
    ("ran", "passed", "why"),
    [
        (0, False, "it never ran there, as far as is known"),
        (59.5, False, "it ran for 59 s"),
        (60, True, ""),
        (1e6, True, ""),
    ],
)
def test_an_image_must_have_run_before(ran: float, passed: bool, why: str) -> None:
    (gate,) = judge(Rules(ran=60), [], [], ran)
    assert (gate.name, gate.passed, gate.why) == ("ran for 60 s before", passed, why)


@cluster
def test_an_image_that_passes_comes_with_all_and_is_recorded(
    keys: tuple[Path, dict[str, PrivateKey]], move: Move, image: ImageRef, rules: Rules
) -> None:
    digest = push(move.source, b"app", tag=image.tag)
    allow(move.source, digest, keys)
    done = carry(image, move, rules)
    assert (done.digest, done.fresh, [gate.passed for gate in done.gates]) == (digest, True, [True, True])
    assert move.target.server.resolve(move.target.repository, image.tag) == digest.value
    assert signatures(move.target, digest, [keys[1]["release"].public])
    (record,) = promotions(move.target, digest)
    assert {key: record[key] for key in ("from", "to", "by", "source", "gates")} == {
        "from": "rehearsal",
        "to": "production",
        "by": "me@here",
        "source": f"{move.source}@{digest}",
        "gates": ["signed by release.pub", "tests attested by ci.pub"],
    }
    assert promotions(move.source, digest) == []
    again = carry(image, move, rules)
    assert (again.fresh, len(promotions(move.target, digest))) == (False, 1)


@cluster
def test_a_refusal_tells_every_gate_and_copies_nothing(
    keys: tuple[Path, dict[str, PrivateKey]], move: Move, image: ImageRef, rules: Rules
) -> None:
    digest = push(move.source, b"app", tag=image.tag)
    sign(move.source, digest, keys[1]["other"])
    attest(move.source, digest, TYPES["tests"], {"result": "FAILED"}, keys[1]["ci"])
    with pytest.raises(Refused, match="not every gate to production holds") as caught:
        carry(image, move, rules)
    assert caught.value.why == (
        "app: failed: signed by release.pub (no signature of this key); "
        "app: failed: tests attested by ci.pub (what is attested is that they did not pass)"
    )
    assert move.target.server.resolve(move.target.repository, digest.value) is None


@cluster
def test_one_that_fails_keeps_all_of_them(
    keys: tuple[Path, dict[str, PrivateKey]], move: Move, rules: Rules
) -> None:
    host, repository = move.source.server.host, move.source.repository
    good, bad = push(move.source, b"good", tag="good"), push(move.source, b"bad", tag="bad")
    allow(move.source, good, keys)
    wanted = {each: (ImageRef(host, repository, each), move) for each in ("good", "bad")}
    with pytest.raises(Refused) as caught:
        promote(wanted, rules, silent)
    assert "good: passed: signed by release.pub" in caught.value.why
    assert "bad: failed: signed by release.pub" in caught.value.why
    assert [move.target.server.resolve(move.target.repository, each.value) for each in (good, bad)] == [
        None,
        None,
    ]


@cluster
def test_a_tag_that_moves_behind_the_gate_brings_nothing_else(
    keys: tuple[Path, dict[str, PrivateKey]],
    move: Move,
    image: ImageRef,
    rules: Rules,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = push(move.source, b"good", tag=image.tag)
    allow(move.source, good, keys)
    whole = Shelf.find

    def then_moves(where: Shelf, wanted: ImageRef) -> Digest:
        found = whole(where, wanted)
        push(move.source, b"evil", tag=image.tag)
        return found

    monkeypatch.setattr(Shelf, "find", then_moves)
    assert carry(image, move, rules).digest == good
    assert move.target.server.resolve(move.target.repository, image.tag) == good.value


@cluster
def test_what_the_registry_claims_of_an_image_is_no_gate(
    keys: tuple[Path, dict[str, PrivateKey]], move: Move, image: ImageRef, rules: Rules
) -> None:
    """Whoever can push may write anything beside an image: unsigned words, and annotations that lie."""
    digest = push(move.source, b"app", tag=image.tag)
    sign(move.source, digest, keys[1]["release"])
    attach(move.source, digest, TYPES["tests"], {"result": "PASSED"}, None)
    attach(move.source, digest, TYPES["tests"], {"result": "PASSED"}, keys[1]["other"])
    attest(move.source, digest, TYPES["approval"], None, keys[1]["ci"])
    (entry,) = [e for e in move.source.server.referrers(move.source.repository, digest.value)
                if e.get("annotations", {}).get(PREDICATE) == TYPES["approval"]]  # fmt: skip
    (layer,) = json.loads(move.source.server.manifest(move.source.repository, entry["digest"])[1])["layers"]
    move.source.refer(digest, layer["mediaType"], move.source.get(layer), {PREDICATE: TYPES["tests"]})
    assert [gate.passed for gate in weigh(image, move.source, rules).gates] == [True, False]


@cluster
def test_two_promotions_at_once_agree(
    keys: tuple[Path, dict[str, PrivateKey]], move: Move, image: ImageRef, rules: Rules
) -> None:
    digest = push(move.source, b"app" * 100_000, tag=image.tag)
    allow(move.source, digest, keys)
    with ThreadPoolExecutor(2) as pool:
        both = [each.result() for each in [pool.submit(carry, image, move, rules) for _ in range(2)]]
    assert [each.digest for each in both] == [digest, digest]
    assert promotions(move.target, digest)
    assert (
        weigh(ImageRef(move.target.server.host, move.target.repository, image.tag), move.target, rules).digest
        == digest
    )


@cluster
def test_a_signed_record_is_told_to_who_has_the_key(
    keys: tuple[Path, dict[str, PrivateKey]], move: Move, image: ImageRef
) -> None:
    digest, key = push(move.source, b"app", tag=image.tag), keys[1]["other"]
    for _ in range(2):
        carry(image, move, Rules(), key)
    assert promotions(move.target, digest) == []
    assert len(promotions(move.target, digest, [key.public])) == 1


@cluster
def test_an_image_that_was_never_built_is_told(move: Move, image: ImageRef, rules: Rules) -> None:
    with pytest.raises(NotFound, match="there is no image") as caught:
        carry(image, move, rules)
    assert "seaway image build" in caught.value.remedy
