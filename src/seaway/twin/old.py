"""A stand-in for the old server: it answers every request, and says who it is."""

from __future__ import annotations

from typing import Final

from seaway.twin.quiet import Quiet

ANSWER: Final = b"a rehearsal: this stands in for the old server\n"


class OldServer(Quiet):
    """The real one is out of a rehearsal's reach: nothing of the load shall come to it."""

    def _answer(self) -> None:
        self.body()
        self.reply(200, {"Content-Type": "text/plain", "X-Served-By": "monolith"}, ANSWER)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815
