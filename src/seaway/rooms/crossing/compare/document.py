"""An answer as places and what stands there: `status`, `header location`, `$.items[].name`, `html h1`.

Values of one place are listed in their order, without numbers of items, so that a place means the same in
every answer of a route.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from seaway.rooms.crossing.compare import page
from seaway.rooms.crossing.compare.answer import Answer, Asked
from seaway.rooms.crossing.compare.spec import CompareSpec

Places = Mapping[str, list[str]]
STATUS: Final = "status"
ANSWER: Final = "answer"
BODY: Final = "body"
ORDER: Final = "html order"
#: Values of one document that are compared one by one; a larger one is compared by its hash.
MOST: Final = 50_000
#: Nested deeper than this, a document is compared by its hash.
DEEPEST: Final = 200
LONGEST_KEY: Final = 60

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_DATA_KEY: Final = re.compile(r"[0-9]+|[0-9a-fA-F]{12,}|(?=.*[0-9])[A-Za-z0-9_=-]{16,}|.*@.*")
_LINKS: Final = ("@href", "@src", "@action")
#: Codecs that no page has; some take a time that grows with the square of the length.
_NOT_OF_PAGES: Final = frozenset({"idna", "punycode", "utf-7", "unicode_escape", "raw_unicode_escape"})
_COOKIE_VALUE: Final = re.compile(r"^([^=;]+)=[^;]*")
_EXPIRES: Final = re.compile(r"(expires|max-age)=[^;]*", re.IGNORECASE)


def places(asked: Asked, answer: Answer, spec: CompareSpec, *, pages: bool = True) -> Places:
    """Take an answer apart; without `pages` an HTML page is its bytes. Raises UnreadableError of a page."""
    if answer.failure:
        return {ANSWER: [answer.failure]}
    found: dict[str, list[str]] = {STATUS: [str(answer.status)]}
    for name in spec.headers:
        values = answer.headers.get(name, ())
        found[f"header {name}"] = [_header(asked, name, value) for value in values]
    for place, value in _body(asked, answer, pages=pages):
        found.setdefault(place, []).append(value)
    return found


def is_ignored(place: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns means this place or one that it is a part of."""
    return any(re.fullmatch(f"{_expression(p)}([.\\[ ].*)?", place) for p in patterns)


def _expression(pattern: str) -> str:
    return ".*".join(re.escape(part) for part in pattern.split("*"))


def _header(asked: Asked, name: str, value: str) -> str:
    if name == "location":
        return link(asked, value)
    if name == "content-type":
        parts = [part.strip() for part in value.lower().split(";")]
        return "; ".join([parts[0], *sorted(part.replace('"', "") for part in parts[1:] if part)])
    if name == "set-cookie":
        return _EXPIRES.sub(r"\1", _COOKIE_VALUE.sub(r"\1", value))
    return " ".join(value.split())


def link(asked: Asked, target: str) -> str:
    """Give where a link leads, without the host where that is the side itself (RFC 3986, 5.2)."""
    own = next(iter(asked.hosts), "side.invalid")
    try:
        found = urlsplit(urljoin(f"http://{own}{asked.path}", target.strip()))
        host = found.hostname or ""
    except ValueError:
        return target
    if found.scheme in {"http", "https"} and host in {*asked.hosts, own}:
        return urlunsplit(("", "", found.path or "/", found.query, found.fragment))
    return urlunsplit(found)


def _body(asked: Asked, answer: Answer, *, pages: bool) -> Iterator[tuple[str, str]]:
    kind = answer.header("content-type").partition(";")[0].strip().lower()
    if kind == "text/event-stream" or asked.method == "HEAD":
        return
    read = None
    if not answer.cut and (kind == "application/json" or kind.endswith("+json")):
        read = _json(answer.body)
    elif pages and not answer.cut and kind in {"text/html", "application/xhtml+xml"}:
        read = _html(asked, answer)
    if read is None:
        digest = hashlib.sha256(answer.body).hexdigest()[:12]
        first = "the first " if answer.cut else ""
        read = [(BODY, f"{first}{len(answer.body)} bytes, SHA-256 {digest}")] if answer.body else []
    yield from read


def _json(body: bytes) -> list[tuple[str, str]] | None:
    """List a JSON document's values (RFC 8259); None where it is none, or too large."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found: list[tuple[str, str]] = []
    waiting: list[tuple[str, Any, int]] = [("$", document, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        if len(found) >= MOST or depth > DEEPEST:
            return None
        found.append((place, _value(value)))
        if isinstance(value, dict):
            inner = [(f"{place}{_step(key)}", item) for key, item in sorted(value.items(), reverse=True)]
        elif isinstance(value, list):
            inner = [(f"{place}[]", item) for item in reversed(value)]
        else:
            continue
        waiting += [(where, item, depth + 1) for where, item in inner]
    return found


def _step(key: str) -> str:
    """Name a member; keys that are data, such as ids, are all one."""
    if _DATA_KEY.fullmatch(key) or len(key) > LONGEST_KEY:
        return ".*"
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f".{json.dumps(key, ensure_ascii=False)}"


def _value(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value, ensure_ascii=False)


def _html(asked: Asked, answer: Answer) -> list[tuple[str, str]] | None:
    """List what a person sees of a page; None where it is too large. Raises UnreadableError."""
    found = page.read(_decoded(answer))
    if len(found) > MOST:
        return None
    seen = [(p, link(asked, v) if p.endswith(_LINKS) else v) for p, v in found]
    return [*seen, (ORDER, "page"), *((ORDER, place) for place, _ in found if "@" not in place)]


def _decoded(answer: Answer) -> str:
    """Decode by the charset that the answer names; UTF-8 where it names none that exists."""
    _, _, parameters = answer.header("content-type").partition(";")
    named = re.search(r"charset=\"?([A-Za-z0-9_.:-]+)", parameters, re.IGNORECASE)
    try:
        codec = codecs.lookup(named[1]).name if named else "utf-8"
        return answer.body.decode("utf-8" if codec in _NOT_OF_PAGES else codec, "replace")
    except (LookupError, ValueError):
        return answer.body.decode("utf-8", "replace")
