"""Proofs of names in a zone of a real server: ours come and go, and nobody else's is touched."""

from __future__ import annotations

import pytest

from scripts.benchmark.names import KEY, Knot
from seaway.errors import Refused
from seaway.kit.dns import Records
from seaway.ports.proofs import Standing
from seaway.providers.dns.rfc2136 import Rfc2136
from seaway.rooms.domain.proofs import ZoneProofs

NAME = "_3639ac514e785e898d2646601fa951d5.www.shop.test"
VALUE = "_98d2646601fa951d53639ac514e785e8.acm-validations.aws."
RECORD = Records(NAME, "CNAME", 300, (VALUE,))
TEXT = f"cname-{NAME}"


@pytest.fixture
def zone(knot: Knot) -> Rfc2136:
    return Rfc2136("shop.test", knot.server, KEY)


@pytest.fixture
def proofs(zone: Rfc2136) -> ZoneProofs:
    return ZoneProofs(lambda: zone, "seaway-shop", "certificate/shop")


def owned_by(owner: str) -> Records:
    return Records(TEXT, "TXT", 300, (f'"heritage=external-dns,external-dns/owner={owner}"',))


def test_a_proof_comes_with_a_text_of_whose_it_is_and_goes_with_it(
    zone: Rfc2136, proofs: ZoneProofs, knot: Knot
) -> None:
    assert proofs.standing(NAME, VALUE) is Standing.ABSENT
    proofs.put(NAME, VALUE.rstrip("."))
    assert zone.read(NAME) == (RECORD,)
    text = "heritage=external-dns,external-dns/owner=seaway-shop,external-dns/resource=certificate/shop"
    assert zone.read(TEXT) == (Records(TEXT, "TXT", 300, (f'"{text}"',)),)
    proofs.put(NAME, VALUE)
    assert proofs.standing(NAME, VALUE.upper()) is Standing.OURS
    assert proofs.standing(NAME, "elsewhere.example.com") is Standing.ABSENT
    knot.put("shop.test", Records(NAME, "CNAME", 60, ("elsewhere.example.com.",)))
    proofs.put(NAME, VALUE)
    assert zone.read(NAME) == (RECORD,)
    proofs.take(NAME, "elsewhere.example.com")
    assert zone.read(NAME) == (RECORD,)
    proofs.take(NAME, VALUE)
    assert (zone.read(NAME), zone.read(TEXT)) == ((), ())
    proofs.take(NAME, VALUE)


@pytest.mark.parametrize("texts", [(), (owned_by("terraform"),)], ids=["nobody", "another"])
def test_what_somebody_else_keeps_does_and_stays(
    zone: Rfc2136, proofs: ZoneProofs, knot: Knot, texts: tuple[Records, ...]
) -> None:
    knot.put("shop.test", RECORD, *texts)
    assert proofs.standing(NAME, VALUE) is Standing.THEIRS
    proofs.take(NAME, VALUE)
    with pytest.raises(Refused, match=f"the place of the proof {NAME} is another's") as refused:
        proofs.put(NAME, "elsewhere.example.com")
    assert refused.value.why == ("it is owned by terraform" if texts else "no TXT record says who owns it")
    assert (zone.read(NAME), zone.read(TEXT)) == ((RECORD,), texts)


def test_a_place_that_is_kept_free_for_another_is_not_taken(
    zone: Rfc2136, proofs: ZoneProofs, knot: Knot
) -> None:
    knot.put("shop.test", owned_by("external"))
    with pytest.raises(Refused, match="is another's"):
        proofs.put(NAME, VALUE)
    assert zone.read(NAME) == ()
