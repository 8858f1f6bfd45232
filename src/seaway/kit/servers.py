"""Where a server is: HOST:PORT as people write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self

#: Of the domain name system (RFC 1035, 4.2).
DNS_PORT: Final = 53
_FORMS: Final = (
    re.compile(r"\[([0-9a-fA-F:.]+)\](?::(\d{1,5}))?"),
    re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(\d{1,5}))?"),
    re.compile(r"([0-9a-fA-F:]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*)()"),
)


@dataclass(frozen=True)
class NameServer:
    """A server of names, by number or by a name of its own."""

    host: str
    port: int = DNS_PORT

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read HOST, HOST:PORT, an IPv6 address or [IPV6]:PORT. Raises ValueError."""
        found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
        if not found or not 0 < int(found[2] or DNS_PORT) < 1 << 16:
            raise ValueError(f"{text!r} is no server")
        return cls(found[1], int(found[2] or DNS_PORT))

    def __str__(self) -> str:
        if self.port == DNS_PORT:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_ip(text: str) -> bool:
    """Whether this is an address of IPv4 or IPv6, and no name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
