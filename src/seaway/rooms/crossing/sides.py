"""The two sides of a crossing as the gateway tells them apart: their order, cookies and Envoy clusters.

In every rule the old side is backend 0 and the new side backend 1. Envoy Gateway names a cluster after the
places of rule and backend in the route, so that its name tells the side.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

#: Header that tells a backend, and the comparator, on which side of a crossing a request was.
SIDE_HEADER: Final = "x-seaway-side"

_CLUSTER: Final = re.compile(r"httproute/([^/]+)/crossing-([^/]+)/rule/([0-9]+)/backend/([01])")


class Side(IntEnum):
    """A side by its place among the backends of a rule; `word` is what headers and cookies call it."""

    OLD = 0
    NEW = 1

    @property
    def word(self) -> str:
        return "service" if self is Side.NEW else "monolith"


class Rule(IntEnum):
    """The rules of a crossing's route by their places.

    GET and REST share visitors by weight. No request matches SERVICE: by it the gateway knows the new side
    whatever the weight is. NEW_GET, NEW_REST and OLD are for those who are on one side: testers, and visitors
    with a cookie. COMPARED are the methods other than GET that are mirrored.
    """

    GET = 0
    REST = 1
    SERVICE = 2
    NEW_GET = 3
    NEW_REST = 4
    OLD = 5
    COMPARED = 6

    @property
    def word(self) -> str:
        """Its name in the route; rules for GET alone are asked again more often, see failover.py."""
        return self.name.lower().replace("_", "-")


#: Rules whose visitors all are on the new side.
OF_NEW: Final = frozenset({Rule.NEW_GET, Rule.NEW_REST})


def route_name(crossing: str) -> str:
    """Name a crossing's HTTPRoute."""
    return f"crossing-{crossing}"


def cookie_name(crossing: str) -> str:
    """Name the cookie that keeps a visitor on a side."""
    return f"seaway-{crossing}"


def set_cookie(crossing: str, side: Side, epoch: int) -> str:
    """Write the Set-Cookie header (RFC 6265, 4.1); the cookie ends with the browser's session."""
    return f"{cookie_name(crossing)}={side.word}.{epoch}; Path=/; Secure; HttpOnly; SameSite=Lax"


def cookie_pattern(name: str, value: str) -> str:
    """Give the RE2 expression that a whole Cookie header (RFC 6265, 4.2) matches where it has this pair."""
    return rf"(?:.*;\s*)?{re.escape(name)}={re.escape(value)}(?:\s*;.*)?"


def sticky_pattern(crossing: str, side: Side, epoch: int) -> str:
    """Give the expression for visitors whom a cookie of this epoch keeps on a side."""
    return cookie_pattern(cookie_name(crossing), f"{side.word}.{epoch}")


def whose(name: str) -> tuple[str, str, Side] | None:
    """Read namespace, crossing and side from the name of an Envoy cluster; None where it is no crossing's."""
    found = _CLUSTER.fullmatch(name)
    if found is None:
        return None
    side = Side.NEW if int(found[3]) in OF_NEW else Side(int(found[4]))
    return found[1], found[2], side
