"""Two answers of the old side and one of the new: each kind of difference, and each that is none."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from typing import Any

import pytest

from seaway.rooms.crossing.compare import page
from seaway.rooms.crossing.compare.answer import LARGEST, Answer, Asked, headers_of, unpacked
from seaway.rooms.crossing.compare.contrast import MORE, MOST, Comparison, compare
from seaway.rooms.crossing.compare.document import is_ignored, link, places
from seaway.rooms.crossing.compare.spec import CompareSpec

SPEC = CompareSpec()
ASKED = Asked("GET", "/thoughts/7", "page=2", frozenset({"thoughts.localhost", "monolith", "frontend"}))


def answer(body: Any, kind: str = "", status: int = 200, **headers: str) -> Answer:
    """An answer: HTML where the body is text, JSON otherwise, or of the kind that is named."""
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    kind = kind or ("text/html; charset=utf-8" if isinstance(body, str) else "application/json")
    pairs = [("Content-Type", kind), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return Answer(status, headers_of(pairs), text.encode() if isinstance(text, str) else text)


def found(old: Answer, new: Answer, second: Answer | None = None, spec: CompareSpec = SPEC) -> Comparison:
    return compare(ASKED, old, new, second or old, spec)


SAME = {
    "order of members": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "white space of JSON": (b'{"a": [1,  2]}', b'{"a":[1,2]}'),
    "attributes in another order": (
        '<a href="/x" class="b">x</a>',
        "<a class='b' href='/x'>x</a>",
    ),
    "white space of a page": ("<p>one  two\n three</p>", "<p>\n one two three </p>"),
    "scripts and styles": (
        "<style>p{}</style><p>x</p><script>let a = 1 < 2</script>",
        "<p>x</p><script src=/b.js></script>",
    ),
    "wrappers": (
        "<div><div class=a><p>x</p></div></div>",
        "<section><p>x</p></section>",
    ),
    "classes and ids": ("<h1 id=a class=b>x</h1>", "<h1>x</h1>"),
    "emphasis": ("<p>so <b>much</b> text</p>", "<p>so <strong>much</strong> text</p>"),
    "comments": ("<!-- 1 --><p>x</p>", "<p>x</p>"),
    "entities": ("<p>a&amp;b&eacute;</p>", "<p>a&#38;b\u00e9</p>"),
    "links with and without host": (
        '<a href="https://thoughts.localhost/x?y=1">x</a>',
        '<a href="/x?y=1">x</a>',
    ),
    "relative links": ('<a href="8">x</a>', '<a href="/thoughts/8">x</a>'),
    "slashes of void elements": ("<input name=a value=b/><br>", "<input name='a' value='b/'/><br/>"),
    "case of tags": ("<P>x</P>", "<p>x</p>"),
}


@pytest.mark.parametrize("case", SAME)
def test_alike(case: str) -> None:
    old, new = SAME[case]
    kind = "application/json" if isinstance(old, bytes) else ""
    assert found(answer(old, kind), answer(new, kind)) == Comparison()


UNLIKE = {
    "a value": ({"a": 1}, {"a": 2}, ("$.a",)),
    "a type": ({"a": 1}, {"a": "1"}, ("$.a",)),
    "true is not 1": ({"a": True}, {"a": 1}, ("$.a",)),
    "null is not missing": ({"a": None}, {}, ("$.a",)),
    "a member more": ({"a": 1}, {"a": 1, "b": 1}, ("$.b",)),
    "in all items": (
        {"items": [{"name": "a"}, {"name": "b"}]},
        {"items": [{"name": "A"}, {"name": "b"}]},
        ("$.items[].name",),
    ),
    "order of items": ([1, 2], [2, 1], ("$[]",)),
    "an item less": ([{"a": 1}, {"a": 1}], [{"a": 1}], ("$[]", "$[].a")),
    "an empty list is no missing one": ({"a": []}, {}, ("$.a",)),
    "a list is no object": ({"a": []}, {"a": {}}, ("$.a",)),
    "keys that are data": ({"u": {"17": "a"}}, {"u": {"17": "b"}}, ("$.u.*",)),
    "text": ("<p>one</p>", "<p>two</p>", ("html text",)),
    "a heading": ("<h1>one</h1>", "<h1>two</h1>", ("html h1",)),
    "a heading that is none": ("<h1>x</h1>", "<p>x</p>", ("html h1", "html order", "html text")),
    "the order of parts": (
        "<h1>x</h1><p>y</p>",
        "<p>y</p><h1>x</h1>",
        ("html order",),
    ),
    "where a link leads": ('<a href="/a">x</a>', '<a href="/b">x</a>', ("html a @href",)),
    "another host": ('<a href="/a">x</a>', '<a href="https://other.example/a">x</a>', ("html a @href",)),
    "a field that is gone": (
        "<form action=/a><input name=b></form>",
        "<form action=/a></form>",
        ("html input[b]", "html order"),
    ),
    "a field's value": ("<input name=b value=1>", "<input name=b value=2>", ("html input[b] @value",)),
    "a box that is ticked": (
        "<input type=checkbox name=b checked>",
        "<input type=checkbox name=b>",
        ("html input[b] @checked",),
    ),
    "a form's target": ("<form action=/a>", "<form action=/b>", ("html form @action",)),
    "a title": ("<title>a</title>", "<title>b</title>", ("html title",)),
}


@pytest.mark.parametrize("case", UNLIKE)
def test_unlike(case: str) -> None:
    old, new, expected = UNLIKE[case]
    assert found(answer(old), answer(new)).different == expected
    assert found(answer(new), answer(old)).different == expected, "whichever side it is"


HEADS = {
    "https://thoughts.localhost/a?b=1": ("/a?b=1", True),
    "http://monolith/a": ("http://frontend/a", True),
    "8": ("/thoughts/8", True),
    "/a": ("/b", False),
    "https://login.example/a": ("/a", False),
    "https://login.example/b": ("https://login.example/b", True),
    "http://[bad": ("http://[bad", True),
}


@pytest.mark.parametrize("old", HEADS)
def test_redirects_are_compared_without_the_host_of_the_side(old: str) -> None:
    new, alike = HEADS[old]
    seen = found(answer("", status=302, location=old), answer("", status=302, location=new))
    assert seen.different == (() if alike else ("header location",))


def test_kinds_of_content_are_compared_as_they_mean() -> None:
    one, two = 'text/html;charset="UTF-8"', "text/html; charset=utf-8"
    assert not found(answer("x", one), answer("x", two)).different
    assert found(answer("x", one), answer("x", "text/html")).different == ("header content-type",)


def test_cookies_are_compared_by_name_and_attributes_never_by_value() -> None:
    spec = CompareSpec(headers=("set-cookie",))
    one = answer("x", set_cookie="session=abcdef; Path=/; HttpOnly; Expires=Tue, 24 Nov 2026 10:00:00 GMT")
    two = answer("x", set_cookie="session=ghijkl; Path=/; HttpOnly; Expires=Tue, 24 Nov 2026 10:00:09 GMT")
    assert not found(one, two, spec=spec).different
    three = answer("x", set_cookie="session=ghijkl; Path=/")
    seen = found(one, three, spec=spec)
    assert seen.different == ("header set-cookie",)
    assert seen.example
    assert "abcdef" not in str(seen.example)


def test_another_status_is_all_that_is_said() -> None:
    seen = found(answer({"a": 1}), answer("<h1>failed</h1>", status=500))
    assert seen.different == ("status",)
    assert seen.example
    assert (seen.example.old, seen.example.new) == ("200", "500")
    assert seen.example.request == "GET /thoughts/7?page=2"


def test_a_status_that_may_differ_is_left() -> None:
    spec = CompareSpec(ignore=("status",))
    assert not found(answer({"a": 1}), answer({"a": 1}, status=203), spec=spec).different
    assert found(answer({"a": 1}), answer({"a": 2}, status=203), spec=spec).different == ("$.a",)


def test_an_answer_that_the_new_side_does_not_give_differs() -> None:
    seen = found(answer("x"), Answer(failure="no answer in time"))
    assert seen.different == ("answer",)
    assert seen.example
    assert (seen.example.old, seen.example.new) == ("nothing", "no answer in time")


@pytest.mark.parametrize("new", [answer("x"), Answer(failure="no connection")])
def test_an_answer_that_the_old_side_does_not_give_says_nothing(new: Answer) -> None:
    broken = Answer(failure="no connection")
    assert found(broken, new) == Comparison(failure="no connection")
    assert found(answer("x"), new, broken) == Comparison(failure="no connection")


def test_what_differs_by_itself_is_no_difference() -> None:
    first, new, second = ({"at": at, "name": "x"} for at in ("10:00:00", "10:00:01", "10:00:01"))
    seen = found(answer(first), answer(new), answer(second))
    assert (seen.different, seen.unstable) == ((), ("$.at",))


def test_what_differs_beside_what_differs_by_itself_is_seen() -> None:
    first, new, second = ({"token": i, "name": "x"} for i in (1, 2, 3))
    seen = found(answer(first), answer({**new, "name": "y"}), answer(second))
    assert (seen.different, seen.unstable) == (("$.name",), ("$.token",))


def test_a_status_that_differs_by_itself_is_no_difference() -> None:
    assert found(answer("x"), answer("x", status=503), answer("x", status=503)).unstable == ("status",)


def test_form_tokens_differ_by_themselves() -> None:
    def form(token: str) -> Answer:
        return answer(f"<form action=/login><input type=hidden name=csrf_token value={token}></form>")

    seen = found(form("aaa"), form("bbb"), form("ccc"))
    assert (seen.different, seen.unstable) == ((), ("html input[csrf_token] @value",))


@pytest.mark.parametrize(
    ("pattern", "place", "ignored"),
    [
        ("$.items[].updated", "$.items[].updated", True),
        ("$.items[].updated", "$.items[].updated_by", False),
        ("$.debug", "$.debug.sql[].time", True),
        ("$.items[]", "$.items[]", True),
        ("$.items", "$.items[].name", True),
        ("$.*.at", "$.a.b.at", True),
        ("*at", "$.a.b.at", True),
        ("html input[csrf*]", "html input[csrf_token] @value", True),
        ("html img @src", "html img @src", True),
        ("html img @src", "html img @alt", False),
        ("header location", "header location", True),
    ],
)
def test_places_that_may_differ(pattern: str, place: str, ignored: bool) -> None:
    assert is_ignored(place, (pattern,)) is ignored


def test_other_bodies_are_compared_by_length_and_hash() -> None:
    one, two = (answer(body, "image/png") for body in (b"\x89PNG1", b"\x89PNG2"))
    seen = found(one, two)
    assert seen.different == ("body",)
    assert seen.example
    assert seen.example.old.startswith("5 bytes, SHA-256 ")
    assert not found(one, one).different


NO_DOCUMENTS = {
    "no JSON": b'{"a": ',
    "too deep": b"[" * 100_000,
    "deep, and whole": b"[" * 500 + b"]" * 500,
    "too many": json.dumps([1] * 60_000).encode(),
    "a number without end": b"1" * 10_000,
    "of another encoding": b"\xff\xfe\xfa{",
    "empty": b"",
}


@pytest.mark.parametrize("case", NO_DOCUMENTS)
def test_json_that_cannot_be_read_is_compared_as_bytes(case: str) -> None:
    one = answer(NO_DOCUMENTS[case], "application/json")
    assert not found(one, one).different
    seen = found(one, answer({"a": 1}))
    assert seen.different == ("body",)
    assert seen.example
    assert seen.example.new == "json"


ENDLESS = (
    "<!--",
    "<a ",
    "<a b='",
    '<a "',
    "</",
    "</a ",
    "<p>",
    "&",
    "<![CDATA[",
    "<!",
    "<?",
    "<script>",
    "<b></c>",
)


@pytest.mark.parametrize("part", ENDLESS)
def test_hostile_pages_are_given_up_in_time(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PATIENCE", 0.1)
    one = answer(part * (LARGEST // 4 // len(part)))
    began = time.thread_time()
    assert not found(one, one).different
    assert time.thread_time() - began < 4, "three answers, each with what was begun when the time was over"


def test_a_page_that_was_read_only_twice_of_three_times_is_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_time, reads = page.read, iter((True, True, False))

    def read(text: str) -> list[tuple[str, str]]:
        if next(reads):
            return in_time(text)
        raise page.UnreadableError

    monkeypatch.setattr(page, "read", read)
    one = answer("<p>the same</p>")
    assert found(one, one) == Comparison()


@pytest.mark.parametrize(
    "charset", ["iso-8859-1", "none-such", "idna", "hex", "utf-16", "\x00", "unicode_escape"]
)
def test_any_charset_is_read_somehow(charset: str) -> None:
    one = answer("<p>é\\ud800</p>".encode(), f"text/html; charset={charset}")
    assert not found(one, one).different


def test_a_page_is_read_by_its_charset() -> None:
    latin = answer("<p>\u00e9</p>".encode("latin-1"), "text/html; charset=iso-8859-1")
    utf = answer("<p>\u00e9</p>".encode(), "text/html; charset=utf-8")
    assert found(latin, utf).different == ("header content-type",)


def test_a_head_request_has_no_body_to_compare() -> None:
    asked = Asked("HEAD", "/")
    seen = compare(asked, answer({"a": 1}), answer({"a": 2}), answer({"a": 1}), SPEC)
    assert seen == Comparison()


def test_an_endless_stream_is_compared_by_its_head() -> None:
    kind = "text/event-stream"
    assert not found(answer(b"data: 1", kind), answer(b"data: 2", kind)).different


def test_a_body_that_was_cut_is_compared_as_far_as_it_was_read() -> None:
    def cut(body: bytes) -> Answer:
        return Answer(200, {"content-type": ("application/json",)}, body, cut=True)

    assert not found(cut(b'{"a'), cut(b'{"a')).different
    seen = found(cut(b'{"a'), cut(b'{"b'))
    assert seen.example
    assert seen.example.old.startswith("the first 3 bytes")


def test_many_places_are_named_as_more() -> None:
    seen = found(answer({}), answer({f"m{n:02}": n for n in "abcdefghijklmnopqrstuvwxyz"}))
    assert len(seen.different) == MOST + 1
    assert seen.different[-1] == MORE


@pytest.mark.parametrize("encoding", ["gzip", "X-GZIP", "deflate"])
def test_packed_bodies_are_unpacked(encoding: str) -> None:
    packed = zlib.compress(b"hello") if encoding == "deflate" else gzip.compress(b"hello")
    assert unpacked(packed, encoding, cut=False) == (b"hello", False)


def test_a_raw_deflate_is_unpacked_too() -> None:
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(b"hello") + packer.flush()
    assert unpacked(packed, "deflate", cut=False) == (b"hello", False)


def test_a_bomb_is_cut() -> None:
    bomb = gzip.compress(b"\0" * 40_000_000)
    body, cut = unpacked(bomb, "gzip", cut=False)
    assert (len(body), cut) == (LARGEST, True)


def test_what_is_not_packed_as_it_says_stays() -> None:
    assert unpacked(b"plain", "gzip", cut=False) == (b"plain", False)
    assert unpacked(b"plain", "br", cut=False) == (b"plain", False)
    assert unpacked(gzip.compress(b"hello" * 100)[:30], "gzip", cut=True)[1]


def test_links_of_other_kinds_stay() -> None:
    assert link(ASKED, "mailto:a@b.example") == "mailto:a@b.example"
    assert link(ASKED, "#top") == "/thoughts/7#top"


def test_places_of_a_page() -> None:
    text = """<!doctype html><html><head><title>Thoughts</title><meta name=a content=b>
      <meta http-equiv=refresh content="5; url=/x"></head><body>
      <p>See <a href="/a">this</a> now<br>or later</p>
      <ul><li>one<li>two</ul><select name=s><option value=1 selected>One</select>
      <textarea name=t rows=3>typed</textarea><img src=/i.png alt="An image">
      <noscript>no</noscript></body></html>"""
    seen = places(ASKED, answer(text), CompareSpec(headers=()))
    assert {place: values for place, values in seen.items() if place != "html order"} == {
        "status": ["200"],
        "html title": ["Thoughts"],
        "html meta @content": ["5; url=/x"],
        "html text": ["See", "now or later"],
        "html a": ["this"],
        "html a @href": ["/a"],
        "html li": ["one", "two"],
        "html select[s]": ["field"],
        "html option @value": ["1"],
        "html option @selected": ["selected"],
        "html option": ["One"],
        "html textarea[t]": ["field"],
        "html textarea": ["typed"],
        "html img @src": ["/i.png"],
        "html img @alt": ["An image"],
    }
