"""Which calls change an account, and a process that ends at one."""

from __future__ import annotations

from typing import Any

import boto3


class Killed(BaseException):
    """The process ended; nothing of it may catch this."""


class Calls:
    """Hears every call of a session that changes something; while `deadly`, the process ends after each.

    It also ends after the one that is `fatal`.
    """

    def __init__(self, session: boto3.Session) -> None:
        self.made: list[str] = []
        self.deadly = False
        self.fatal = ""
        session.events.register("after-call", self._heard)

    def _heard(self, model: Any, **_: Any) -> None:
        if not model.name.startswith(("Describe", "List", "Get", "BatchGet")):
            self.made.append(model.name)
            if self.deadly or model.name == self.fatal:
                raise Killed(model.name)
