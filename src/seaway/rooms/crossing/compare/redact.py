"""What is kept of an answer as an example: short, and without secrets and what is personal.

Nobody needs to see a password to know that it differs. What looks like one is hidden before anything is cut
or kept; where in doubt, it is hidden.
"""

from __future__ import annotations

import re
from typing import Final

#: Characters of one value of an example.
SHORT: Final = 60
#: Characters that are shown before the first that differs.
LEAD: Final = 20
#: Characters around the difference that are looked through for secrets.
AROUND: Final = 1000
HIDDEN: Final = "<hidden>"
NOTHING: Final = "nothing"

_SECRET: Final = re.compile(
    r"passw|passphrase|pwd|secret|token|csrf|xsrf|nonce|auth(?!or)|bearer|credential|session|cookie|\bsid\b|api.?key|"
    r"private|signature|otp\b|\bpin\b|"
    r"e.?mail|phone|mobile|\btel|fax|iban|bic\b|card|account.?n|ssn|tax.?id|passport|birth|\bdob\b|"
    r"first.?name|last.?name|sur.?name|given.?name|family.?name|full.?name|user.?name|street|zip|postcode|postal|address",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FORMS: Final = (
    (re.compile(r"[\w.+%-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), "<e-mail>"),
    (re.compile(r"\b(?:bearer|basic|digest|token)\s+[\w.~+/=:-]{6,}", re.IGNORECASE), "<credentials>"),
    (re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*){1,4}"), "<token>"),
    (re.compile(r"(?<=://)[^/\s@:]{1,64}:[^/\s@]{1,128}(?=@)"), "<credentials>"),
    (re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?\b"), "<number>"),
    (re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"), "<uuid>"),
    (re.compile(r"\b(?=[\w+=.-]*[0-9])(?=[\w+=.-]*[A-Za-z])[\w+=-]{16,}(?:[.:][\w+=-]{6,})*"), "<random>"),
    (re.compile(r"\b[A-Za-z0-9+=]{32,}\b"), "<random>"),
    (re.compile(r"(?<![\w.])(?!\d{4}-\d\d-\d\d)(?:\+|\(|\b)(?:[0-9][ ()/.-]{0,2}){8,}[0-9]"), "<number>"),
)
_PAIR: Final = re.compile(r"([\w.\[\]-]{1,60})(\"?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s&;,<>\"']+)")
_QUERY: Final = re.compile(r"([?&;])([^=&;#\s]{1,100})=([^&;#\s]*)")
_SMALL: Final = re.compile(r"[0-9]{1,6}|true|false|")


def is_secret(name: str) -> bool:
    """Whether what stands at this place, or in this field, is not to be shown."""
    return bool(_SECRET.search(_WORDS.sub(" ", name).replace("_", " ")) or _SECRET.search(name))


def redacted(place: str, value: str) -> str:
    """Hide what is secret or personal in the value of a place; wholly where the place says that it is."""
    if is_secret(place):
        return HIDDEN
    value = _QUERY.sub(_query, value)
    value = _PAIR.sub(
        lambda found: f"{found[1]}{found[2]}{HIDDEN}" if is_secret(found[1]) else found[0], value
    )
    for form, instead in _FORMS:
        value = form.sub(instead, value)
    return value


def target(path: str, query: str) -> str:
    """Give path and query of a request as an example: numbers stay, what people typed does not."""
    return _cut(redacted("", f"{path}?{query}"[:AROUND] if query else path[:AROUND]), 0, 2 * SHORT)


def pair(place: str, old: str | None, new: str | None) -> tuple[str, str]:
    """Give both values, short, around the first character that differs; None is nothing."""
    if old is None or new is None:
        return _one(place, old), _one(place, new)
    start = max(0, _first(old, new) - AROUND)
    shown = [redacted(place, value[start : start + 2 * AROUND]) for value in (old, new)]
    first = _first(*shown)
    skipped = 0 if shown[0] == shown[1] or max(map(len, shown)) <= SHORT else max(0, first - LEAD)
    return _cut(shown[0], skipped), _cut(shown[1], skipped)


def _one(place: str, value: str | None) -> str:
    return NOTHING if value is None else _cut(redacted(place, value[:AROUND]), 0)


def _first(one: str, other: str) -> int:
    """Count the characters before the first that differs."""
    both = min(len(one), len(other))
    return next((i for i in range(both) if one[i] != other[i]), both)


def _cut(text: str, start: int, most: int = SHORT) -> str:
    before, after = "…" if start and text else "", "…" if len(text) > start + most else ""
    return f"{before}{text[start : start + most]}{after}"


def _query(found: re.Match[str]) -> str:
    shown = found[3] if _SMALL.fullmatch(found[3]) and not is_secret(found[2]) else "<...>"
    return f"{found[1]}{found[2]}={shown}"
