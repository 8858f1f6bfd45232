"""Texts of ownership: as external-dns writes them, and with what Seaway keeps in them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.kit.dns import Records
from seaway.rooms.domain.names import text_name
from seaway.rooms.domain.ownership import Ownership, read, written

NAME = "www.shop.test"
MOMENTS = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0))
RECORDS = st.builds(
    Records,
    st.just(NAME),
    st.sampled_from(["A", "AAAA", "CNAME"]),
    st.integers(0, 2**31 - 1),
    st.lists(st.sampled_from(["192.0.2.1", "2001:db8::1", "old.example.com."]), min_size=1).map(tuple),
)
OWNERSHIPS = st.builds(
    Ownership,
    st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    st.sampled_from(["", "gateway/shop/edge"]),
    st.none() | st.lists(RECORDS, max_size=12).map(tuple),
    st.none() | MOMENTS,
    st.none() | MOMENTS,
    st.none() | MOMENTS,
)


@pytest.mark.parametrize(
    ("kind", "prefix", "name"),
    [
        ("A", "", "a-www.shop.test"),
        ("CNAME", "", "cname-www.shop.test"),
        ("A", "own.", "own.a-www.shop.test"),
        # as docs/registry/txt.md of external-dns has it
        ("CNAME", "%{record_type}-abc-.", "cname-abc-.www.shop.test"),
    ],
)
def test_texts_lie_where_external_dns_looks_for_them(kind: str, prefix: str, name: str) -> None:
    assert text_name(NAME, kind, prefix) == name


def test_the_text_is_what_external_dns_reads() -> None:
    was = (Records(NAME, "A", 3600, ("192.0.2.1", "192.0.2.2")), Records(NAME, "AAAA", 300, ("2001:db8::1",)))
    at = datetime(2026, 11, 29, 21, 20, tzinfo=UTC)
    assert written(Ownership("seaway-shop", "gateway/shop/edge", was, at)) == (
        '"heritage=external-dns,external-dns/owner=seaway-shop,external-dns/resource=gateway/shop/edge,'
        "seaway/was=A 3600 192.0.2.1 192.0.2.2;AAAA 300 2001:db8::1,"
        'seaway/lowered=2026-11-29T21:20:00Z"'
    )
    theirs = read(
        '"heritage=external-dns,external-dns/owner=blue,external-dns/resource=ingress/shop/web"', NAME
    )
    assert theirs == Ownership("blue", "ingress/shop/web")


@given(OWNERSHIPS)
def test_what_is_written_is_read_again(made: Ownership) -> None:
    value = written(made)
    assert read(value, NAME) == made
    assert all(len(chunk) <= 255 for chunk in value.strip('"').split('" "'))


@pytest.mark.parametrize(
    "text", ['"v=spf1 -all"', '""', '"heritage=external-dns"', '"heritage=other,external-dns/owner=blue"']
)
def test_other_texts_name_no_owner(text: str) -> None:
    assert read(text, NAME) is None


@pytest.mark.parametrize("was", ["A", "A x 192.0.2.1", "MX 60 mail.shop.test.", "A 60"])
def test_what_was_is_not_known_where_it_cannot_be_read(was: str) -> None:
    found = read(f'"heritage=external-dns,external-dns/owner=us,seaway/was={was}"', NAME)
    assert found == Ownership("us")
