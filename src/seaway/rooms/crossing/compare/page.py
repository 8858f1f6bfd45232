"""What a person sees of an HTML page: its text, where its links lead, and the fields of its forms.

White space, the order of attributes, wrappers such as div and span, scripts and styles make no difference.
Parsed with html.parser of the standard library, which takes any text as a page, as browsers do.
"""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from typing import Final

#: Seconds of work after which a page counts as one that cannot be read: html.parser takes a time that grows
#: with the square of the number of tags where none of them ends.
PATIENCE: Final = 1.0

#: Elements whose content nobody sees.
UNSEEN: Final = frozenset({"script", "style", "template", "noscript"})
#: Elements that stand within a line of text and do not part it.
INLINE: Final = frozenset(
    {"abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "mark",
     "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr"}
)  # fmt: skip
#: Elements that say by themselves what their text is.
NAMED: Final = frozenset(
    {"title", "h1", "h2", "h3", "h4", "h5", "h6", "li", "dt", "dd", "td", "th", "caption", "pre",
     "blockquote", "figcaption", "legend", "label", "button", "option", "summary", "a", "textarea"}
)  # fmt: skip
#: What is seen of an element beside its text.
ATTRIBUTES: Final = {
    "a": ("href",),
    "area": ("href", "alt"),
    "form": ("action", "method"),
    "input": ("type", "value", "placeholder", "checked", "disabled"),
    "select": ("disabled",),
    "option": ("value", "selected"),
    "textarea": ("placeholder", "disabled"),
    "button": ("type", "value", "disabled"),
    "img": ("src", "alt"),
    "iframe": ("src",),
    "video": ("src",),
    "audio": ("src",),
    "source": ("src",),
    "meta": ("content",),
}
FLAGS: Final = frozenset({"checked", "disabled", "selected"})
FIELDS: Final = frozenset({"input", "select", "textarea", "button"})
#: Elements without an end (HTML, 13.1.2).
VOID: Final = frozenset(
    {"input", "img", "area", "source", "meta", "br", "hr", "link", "col", "embed", "track", "base"}
)

_DIGITS: Final = re.compile(r"[0-9]+")


class UnreadableError(Exception):
    """The page takes too long."""


def read(text: str) -> list[tuple[str, str]]:
    """List what is seen, in order: place, and value there. Raises UnreadableError."""
    page = _Page(time.thread_time() + PATIENCE)
    page.feed(text)
    page.close()
    page.flush()
    return page.found


class _Page(HTMLParser):
    """Reads until `end`, by the clock of this thread; each piece of markup takes a time that is bounded."""

    def __init__(self, end: float) -> None:
        super().__init__(convert_charrefs=True)
        self._end = end
        self.found: list[tuple[str, str]] = []
        self._open: list[str] = []
        self._unseen = 0
        self._text: list[str] = []

    def parse_starttag(self, i: int) -> int:
        self._in_time()
        return super().parse_starttag(i)

    def parse_endtag(self, i: int) -> int:
        self._in_time()
        return super().parse_endtag(i)

    def parse_html_declaration(self, i: int) -> int:
        self._in_time()
        return super().parse_html_declaration(i)

    def parse_comment(self, i: int, report: bool = True) -> int:
        self._in_time()
        return super().parse_comment(i, report)

    def parse_pi(self, i: int) -> int:
        self._in_time()
        return super().parse_pi(i)

    def _in_time(self) -> None:
        if time.thread_time() > self._end:
            raise UnreadableError

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self._unseen += 1
        if self._unseen:
            return
        if tag not in INLINE and tag != "br":
            self.flush()
        if tag == "br":
            self._text.append(" ")
        self._attributes(tag, dict(attrs))
        if tag in NAMED:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take `<br/>` as `<br>`; on other elements the slash means nothing (HTML, 13.1.2.1)."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif not self._unseen and tag not in INLINE and tag not in VOID:
            self.flush()
            if tag in self._open:
                del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._text.append(data)

    def flush(self) -> None:
        """End a piece of text."""
        text = " ".join("".join(self._text).split())
        self._text.clear()
        if text:
            self.found.append((f"html {self._open[-1] if self._open else 'text'}", text))

    def _attributes(self, tag: str, attrs: dict[str, str | None]) -> None:
        if tag == "meta" and (attrs.get("http-equiv") or "").lower() != "refresh":
            return
        place = f"html {tag}"
        if tag in FIELDS:
            name = _DIGITS.sub("*", attrs.get("name") or attrs.get("id") or "")
            place += f"[{name}]"
            self.found.append((place, "field"))
        for name in ATTRIBUTES.get(tag, ()):
            if name in attrs:
                value = name if name in FLAGS else " ".join((attrs[name] or "").split())
                self.found.append((f"{place} @{name}", value))
