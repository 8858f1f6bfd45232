"""What an ACME server asks of the cluster, and what the pilot reads back of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seaway.kit.kube import Ref
from seaway.model.manifests import stamp
from seaway.model.plan import Verb
from seaway.model.secret import Secret
from seaway.model.snapshot import Live
from seaway.rooms.acme.challenge import Exhibit, challenge, challenge_refs
from seaway.rooms.acme.plan import desired, plan
from seaway.rooms.acme.steps import GiveKey
from seaway.rooms.acme.wish import ZONE_KEY, Wish, wish_config
from tests.rooms import golden

CASES = golden.cases(Path(__file__).parent / "cases")
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "acme", "uid": "u-1", "labels": {}}}


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.stem)
def test_a_server_becomes_these_objects(case: Path) -> None:
    words = golden.given(case)
    record = words.pop("record", None)
    wish = Wish.of(**words)
    wish = wish.by_record(**record) if record else wish
    found = [item.manifest for item in desired("shop", wish)]
    golden.hold(case, [*found, *([] if record else challenge("shop", _exhibits(wish), OWNER))])


def _exhibits(wish: Wish) -> list[Exhibit]:
    """What a server is shown of each name; its token tells them apart."""
    tokens = [f"token{number or ''}" for number in range(len(wish.hosts))]
    return [
        Exhibit(name, f"/.well-known/acme-challenge/{token}", f"{token}.thumbprint")
        for name, token in zip(wish.hosts, tokens, strict=True)
    ]


def test_what_up_writes_is_what_the_pilot_reads() -> None:
    wish = Wish.of("shop.example.org", "letsencrypt", "ops@example.org", "")
    assert wish.staging.startswith("https://acme-staging")
    assert Wish.read(wish_config("shop", wish)) == wish
    by_record = wish.by_record("example.org", "ns1.example.org", wildcard=True)
    assert Wish.read(wish_config("shop", by_record)) == by_record
    assert by_record.names == ("shop.example.org", "*.shop.example.org")
    assert by_record.mark != wish.mark == wish.by_record("example.org", "ns1", wildcard=False).mark
    granted = wish.by_record("example.org", "", wildcard=False)
    assert Wish.read(wish_config("shop", granted)) == granted
    assert (wish.granted, by_record.granted, granted.granted) == (False, False, True)
    assert Wish.read(None) is None
    assert Wish.read({"data": {"domain": "shop.example.org"}}) is None


def test_the_key_of_the_zone_is_given_once_and_before_the_wish() -> None:
    wish = Wish.of("shop.localhost", "https://ca.example.com/dir", "", "")
    wish = wish.by_record("localhost", "ns1.example.com", wildcard=False)
    key = Secret("hmac-sha256:seaway:c2VjcmV0")
    steps = plan("shop", wish, Live(), {}, key)
    [given] = [step for step in steps if isinstance(step, GiveKey)]
    assert given.verb is Verb.CREATE
    assert given.id in next(step for step in steps if step.id == "acme/wish").after
    assert "c2VjcmV0" not in f"{given!r} {given.describe()!r}"
    meta = {"name": ZONE_KEY, "namespace": "shop", "labels": {}}
    there = Live.of([{"apiVersion": "v1", "kind": "Secret", "metadata": meta}])
    assert [s.verb for s in plan("shop", wish, there, {}, key) if isinstance(s, GiveKey)] == [Verb.UPDATE]
    assert not any(isinstance(step, GiveKey) for step in plan("shop", wish, there, {}))


def test_without_a_wish_all_goes_but_what_the_pilot_keeps() -> None:
    wanted = desired("shop", Wish.of("shop.localhost", "https://ca.example.com/dir", "", ""))
    made: list[Any] = [stamp(item.manifest) for item in wanted]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**made[0]["metadata"], "name": "acme-account"},
    }
    proof = challenge("shop", [Exhibit("shop.localhost", "/x", "y")], OWNER)
    steps = plan("shop", None, Live.of([*made, secret, *proof]), {})
    assert {step.ref for step in steps} == {Ref.of(each) for each in made}
    assert not {step.ref for step in steps} & set(challenge_refs("shop"))


def test_the_objects_of_a_challenge_are_those_that_are_taken_away() -> None:
    wish = Wish.of("shop.example.org", "letsencrypt", "", "", ["www.shop.example.org", "shop.example.com"])
    made = {Ref.of(each) for each in challenge("shop", _exhibits(wish), OWNER)}
    assert made == set(challenge_refs("shop", len(wish.hosts)))
    assert len(made) == 4


def test_a_name_below_the_star_is_not_ordered_beside_it() -> None:
    others = ["www.shop.example.org", "m.www.shop.example.org", "example.org"]
    wish = Wish.of("shop.example.org", "letsencrypt", "", "", others)
    assert wish.names == wish.hosts == ("shop.example.org", *others)
    assert Wish.read(wish_config("shop", wish)) == wish
    star = wish.by_record("example.org", "ns1.example.org", wildcard=True)
    assert star.names == ("shop.example.org", "*.shop.example.org", *others[1:])
    assert star.called == "shop.example.org and 3 more"
    assert Wish.read(wish_config("shop", star)) == star
    assert wish.least.names == star.least.names == ("shop.example.org",)
    assert len({wish.mark, star.mark, wish.least.mark}) == 3
