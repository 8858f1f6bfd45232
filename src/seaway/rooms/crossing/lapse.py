"""When the certificates end that the proxies show, by their own statistics. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

#: A gauge of each certificate that a listener shows (Envoy: listener.*.ssl.certificate.*).
_GAUGES: Final = r"^listener\..*\.expiration_unix_time_seconds$"
QUERY: Final = f"/stats/prometheus?filter={quote(_GAUGES, safe='')}"
_LINE: Final = re.compile(
    r"^envoy_listener_ssl_certificate_expiration_unix_time_seconds\{([^}]*)\} ([0-9]+)$", re.MULTILINE
)
_NAME: Final = re.compile(r'envoy_tls_certificate="([^"]*)"')
#: `up` renews from 30 days on: what is left then was forgotten.
SOON: Final = timedelta(days=14)


def ends(statistics: str) -> dict[str, datetime]:
    """Read when each certificate ends, by the name of its Secret, from a proxy's answer to QUERY."""
    found = {}
    for line in _LINE.finditer(statistics):
        if name := _NAME.search(line[1]):
            found[name[1]] = datetime.fromtimestamp(int(line[2]), UTC)
    return found


def warnings(found: Mapping[str, datetime], now: datetime, soon: timedelta | None = None) -> list[str]:
    """Say which certificates end soon, and what to do; with `soon` it is the pilot that renews them."""
    remedy = "seaway up renews it" if soon is None else "seaway edge status tells why"
    return [
        f"{name} {'ended' if end <= now else 'ends'} on {end:%Y-%m-%d %H:%M} UTC: {remedy}"
        for name, end in sorted(found.items())
        if end - now < (SOON if soon is None else soon)
    ]
