"""Nothing secret or personal is in an example, and what differs still shows."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.rooms.crossing.compare import redact

SECRETS = {
    "a token by its place": ("$.user.accessToken", "abc", "abc"),
    "a password by its place": ("html input[password] @value", "hunter2", "hunter2"),
    "an e-mail by its place": ("$.email", "ann", "ann"),
    "a phone by its place": ("$.items[].mobile_phone", "555", "555"),
    "a name by its place": ("$.firstName", "Ann", "Ann"),
    "a session by its place": ("header set-cookie", "sid=1", "sid"),
    "a form's token": ("html input[csrfmiddlewaretoken] @value", "x", "x\n"),
    "an e-mail in a text": ("html p", "write to ann.b@mail.example.org now", "ann"),
    "an e-mail in a link": ("html a @href", "mailto:ann@example.org", "ann"),
    "an e-mail in a query": ("html a @href", "/u?q=ann%40example.org", "ann"),
    "a bearer": ("$.log", "Authorization: Bearer abcdef123", "abcdef"),
    "a JWT": ("html p", "eyJhbGciOi.eyJzdWIiOi.SflKxwRJSM", "eyJ"),
    "a password in a text": ("html p", "password: hunter2, and more", "hunter2"),
    "a password in JSON in a text": ("$.raw", '{"password": "hunter two"}', "hunter"),
    "a password in an address": ("$.dsn", "postgres://app:hunter2@db/app", "hunter2"),
    "a random string": ("html a @href", "/reset/9f8e7d6c5b4a39281706", "9f8e"),
    "a random string without digits": ("$.x", "QWxhZGRpbjpvcGVuIHNlc2FtZUFsYWRkaW5h", "QWxh"),
    "a uuid": ("$.x", "0b8e2d5c-7f5f-4d8a-9a52-0c5e3f1d2b3a", "0b8e"),
    "a phone number": ("html p", "call +49 (170) 123-4567", "170"),
    "a card": ("html p", "4111 1111 1111 1111", "4111"),
    "an IBAN": ("html p", "DE89 3704 0044 0532 0130 00", "3704"),
    "a query's token": ("header location", "/next?token=abc&page=2", "abc"),
    "what somebody searched": ("header location", "/s?q=divorce+lawyer", "divorce"),
}


@pytest.mark.parametrize("case", SECRETS)
def test_secrets_are_hidden(case: str) -> None:
    place, value, secret = SECRETS[case]
    for shown in (
        redact.redacted(place, value),
        *redact.pair(place, value, "other"),
        *redact.pair(place, value, None),
    ):
        assert secret not in shown


PLAIN = {
    "html h1": "Thoughts of today",
    "$.at": '"2026-11-24T10:00:00Z"',
    "$.day": "2026-11-24",
    "$.author": "Ann",
    "$.count": "12345",
    "header location": "/thoughts/7?page=2",
    "html a @href": "/about/our-small-company",
    "header content-type": "text/html; charset=utf-8",
    "status": "500",
    "body": "512 bytes, SHA-256 0a1b2c3d4e5f",
}


@pytest.mark.parametrize("place", PLAIN)
def test_what_is_no_secret_is_shown(place: str) -> None:
    assert redact.redacted(place, PLAIN[place]) == PLAIN[place]


def test_examples_are_short_and_show_where_they_differ() -> None:
    old, new = redact.pair(
        "html p", f"{'so much ' * 50}one{' tail' * 50}", f"{'so much ' * 50}two{' tail' * 50}"
    )
    assert len(old) <= redact.SHORT + 2
    assert "one" in old
    assert "two" in new
    assert old.startswith("…")


def test_a_difference_in_what_is_hidden_shows_the_beginning() -> None:
    assert redact.pair("html p", "ann@a.example wrote", "bob@a.example wrote") == ("<e-mail> wrote",) * 2


def test_a_request_shows_names_of_its_query_and_numbers() -> None:
    assert redact.target("/s", "q=my+illness&page=3&token=5") == "/s?q=<...>&page=3&token=<...>"
    assert len(redact.target("/" + "word/" * 1000, "")) <= 2 * redact.SHORT + 1


@pytest.mark.parametrize(
    "text", ["a-" * 200_000, "a=" * 200_000, "1 " * 200_000, "a@a." * 100_000, "?a=" * 100_000]
)
def test_hostile_values_take_no_long_time(text: str) -> None:
    began = time.thread_time()
    redact.pair("$.x", text, f"{text}x")
    redact.target(text, text)
    assert time.thread_time() - began < 2


@given(
    st.text(max_size=300),
    st.text(max_size=300),
    st.text(alphabet="abcdefghij0123456789", min_size=20, max_size=40),
)
def test_a_random_string_never_shows(before: str, after: str, secret: str) -> None:
    value = f"{before} x1{secret} {after}"
    shown = redact.pair("html p", value, f"{before} {after}")
    assert all(f"x1{secret}"[:16] not in text for text in shown)
