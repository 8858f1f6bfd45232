"""What is true of a thought and of a page, whichever side serves it.

The same file is in the monolith, the frontend and the thoughts service;
tests/test_copies.py keeps them equal.
"""

import base64
import hashlib
from typing import NamedTuple

LONGEST_TEXT = 280
LONGEST_QUERY = 200
LONGEST_BODY = 64 * 1024
MOST = 20  # thoughts on a page: the newest

TEXT_MISSING = "Write something first."
TEXT_TOO_LONG = f"A thought has at most {LONGEST_TEXT} characters."
WRONG_LOGIN = "That name and password do not go together."
FORM_REFUSED = "This form is too old or was not made for you. Go back, reload it and try again."

AFTER_LOGIN = ("/thoughts/", "/thoughts/new", "/")  # the only places a log-in leads to


def clean(text: str) -> str:
    """Text as it is stored and searched: no NUL, one kind of line end, no outer space."""
    text = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode("utf-8").strip()


def problem_with(text: str) -> str | None:
    """Why this cleaned text cannot be a thought, or None."""
    if not text:
        return TEXT_MISSING
    return TEXT_TOO_LONG if len(text) > LONGEST_TEXT else None


def query(text: str) -> str:
    """A search as it is asked of the database."""
    return clean(text)[:LONGEST_QUERY].strip()


def after_login(wanted: str | None) -> str:
    """Where to go after a log-in: a place of ours, so an open redirect cannot be built."""
    return wanted if wanted in AFTER_LOGIN else AFTER_LOGIN[0]


class Shown(NamedTuple):
    """A thought as the pages show it."""

    author: str
    text: str
    created: str
    when: str


def shown(author: str, text: str, created: str) -> Shown:
    """From a moment in ISO 8601 and UTC, which is cut, not parsed: it is done for every line."""
    return Shown(author, text, created, f"{created[:10]} {created[11:16]} UTC")


def page_headers(css: str) -> dict[str, str]:
    """The headers of every page; the inline style is allowed by its hash, scripts are not."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "same-origin",
        "Vary": "Cookie",
        "X-Content-Type-Options": "nosniff",
    }
