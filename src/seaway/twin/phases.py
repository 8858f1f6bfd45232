"""What all things of a small EKS share: phases that pass as one looks, lists in pages, refusals."""

from __future__ import annotations

from typing import Any, Final

PHASE: Final = 2
#: So few that every list has several pages.
PAGE: Final = 1

Thing = dict[str, Any]


class Wrong(Exception):  # noqa: N818  (reads as what happened)
    """A call that is refused: the error's code, as EKS's model names it, and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def phase(status: str) -> Thing:
    """Begin a phase that lasts for PHASE looks."""
    return {"status": status, "looks": PHASE}


def paged(key: str, items: list[Any], nextToken: str = "0", maxResults: int = PAGE) -> Thing:  # noqa: N803
    """Give one page of a list, as EKS does."""
    begin = int(nextToken)
    end = begin + min(maxResults, PAGE)
    return {key: items[begin:end], **({"nextToken": str(end)} if end < len(items) else {})}
