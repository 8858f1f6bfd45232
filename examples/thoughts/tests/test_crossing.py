"""Both sides at once: a visitor who is moved between them must not notice."""

import httpx
import pytest

from testing.processes import eventually
from testing.visitor import PASSWORD, Visitor

PAGES = ["/", "/login/", "/logout/", "/thoughts/", "/thoughts/new", "/search", "/search?q=tide",
         "/search?q=%22old+program%22+-coffee", "/search?q=%00", "/search?q=%3Cscript%3E&x=1",
         "/thoughts", "/search/", "/login?next=/thoughts/new", "/login?next=//evil.example",
         "/no/such/page"]  # fmt: skip
SAME_HEADERS = ["content-type", "content-length", "content-security-policy", "cache-control",
                "vary", "location", "referrer-policy", "x-content-type-options"]  # fmt: skip
BOTH_WAYS = pytest.mark.parametrize(("one", "other"), [("monolith", "frontend"), ("frontend", "monolith")])


def same(a: httpx.Response, b: httpx.Response) -> None:
    """Equal in all but who served it."""
    assert (a.headers["x-served-by"], b.headers["x-served-by"]) == ("monolith", "frontend")
    assert a.status_code == b.status_code
    for name in SAME_HEADERS:
        assert a.headers.get(name) == b.headers.get(name), name
    assert a.text == b.text


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("name", [None, "ada"])
def test_pages_are_equal(sides, visitor: Visitor, path: str, name: str | None):
    visitor.get(sides.monolith.url + "/login/")  # for the form cookie
    if name:
        visitor.log_in(sides.frontend.url, name)
        assert visitor.who(sides.monolith.url) == name
    same(visitor.get(sides.monolith.url + path), visitor.get(sides.frontend.url + path))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/login/", "/thoughts/", "/thoughts/new", "/search"])
def test_other_methods_are_equal(sides, visitor: Visitor, method: str, path: str):
    visitor.get(sides.monolith.url + "/login/")
    one, other = (visitor.request(method, s.url + path) for s in (sides.monolith, sides.frontend))
    assert one.status_code == other.status_code
    assert one.text == other.text == ""


def test_forms_that_are_refused_are_equal(sides, visitor: Visitor):
    for name, posts in {
        None: [("/login/", {"name": "ada", "password": "wrong", "next": "/"}),
               ("/login/", {"name": "<nobody>\x00", "password": "x"}),
               ("/thoughts/new", {"text": "x"})],
        "grace": [("/thoughts/new", {"text": " \r\n "}),
                  ("/thoughts/new", {"text": "\r\n é" + "x" * 280})],
    }.items():  # fmt: skip
        if name:
            visitor.log_in(sides.monolith.url, name)
        for path, fields in posts:
            shown = "/login/" if name is None else path
            for token in (visitor.token(sides.frontend.url + shown), "0" * 64, ""):
                data = {**fields, "form_token": token}
                same(*(visitor.post(s.url + path, data=data) for s in both(sides)))


@BOTH_WAYS
def test_logged_in_on_one_side_is_logged_in_on_the_other(sides, visitor, one, other):
    first, second = getattr(sides, one).url, getattr(sides, other).url
    assert visitor.log_in(first, "grace", then="/thoughts/new").headers["location"] == ("/thoughts/new")
    assert visitor.who(first) == visitor.who(second) == "grace"
    assert visitor.submit(second, "/logout/").status_code == 303
    assert visitor.who(first) is visitor.who(second) is None


@BOTH_WAYS
def test_a_form_of_one_side_may_be_posted_to_the_other(sides, visitor, one, other):
    first, second = getattr(sides, one).url, getattr(sides, other).url
    assert visitor.log_in(first, "alan", PASSWORD, to=second).status_code == 303
    assert visitor.who(first) == "alan"
    answer = visitor.write(first, f"from a form of the {one}", to=second)
    assert (answer.status_code, answer.headers["location"]) == (303, "/thoughts/")
    assert visitor.submit(first, "/logout/", to=second).status_code == 303
    assert visitor.who(second) is None


@BOTH_WAYS
def test_a_thought_is_found_on_both_sides(sides, visitor, one, other):
    first, second = getattr(sides, one).url, getattr(sides, other).url
    visitor.log_in(first, "edsger")
    word = f"uniqueword{one}"
    assert visitor.write(first, f"A {word} & <b>more</b>").status_code == 303
    shown = f"<p>A {word} &amp; &lt;b&gt;more&lt;/b&gt;</p>"
    for path in (f"/search?q={word}", "/thoughts/", "/"):
        assert shown in visitor.get(first + path).text
        assert eventually(lambda p=path: shown in visitor.get(second + p).text, seconds=3)
        same(*(visitor.get(side.url + path) for side in both(sides)))


def both(sides):
    return sides.monolith, sides.frontend
