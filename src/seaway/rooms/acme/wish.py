"""What is wished of an ACME server: `up` writes it, as a ConfigMap; the pilot and `edge status` read it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from urllib.parse import urlsplit

from seaway.kit.kube import Ref
from seaway.model.fields import DIRECTORIES
from seaway.model.manifests import Manifest, labels
from seaway.model.names import covers

ROOM: Final = "acme"
#: ConfigMaps: what is wished, and the life of the certificate, which the pilot writes.
WISH: Final = "acme"
LIFE: Final = "acme-life"
#: Secrets: the account's key, and the last good certificate with its key.
ACCOUNT: Final = "acme-account"
KEPT: Final = "acme-certificate"
#: Secret: the key that changes the zone (RFC 8945), where proofs are put into one.
ZONE_KEY: Final = "acme-dns-key"
#: How what a server signed is told by the annotation of its Secret; the directory follows.
ACME: Final = "acme:"
OTHERS: Final = "others"
#: What is not written where there is none of it: the cluster's copy stays as an earlier version made it.
RARE: Final = frozenset({"wildcard", "zone", "server", OTHERS})


@dataclass(frozen=True)
class Wish:
    """Which names at which server, and whom it may write to; `ca` (PEM) vouches for a server that is private.

    `staging` is the directory of the same server at which failures do no harm. `others` are further public
    names, `wildcard` is one more (`*.DOMAIN`). With a `zone` proofs are records in it (DNS-01): `server`
    keeps it (HOST or HOST:PORT), without one Route 53 does.
    """

    domain: str
    directory: str
    staging: str = ""
    email: str = ""
    ca: str = ""
    wildcard: str = ""
    zone: str = ""
    server: str = ""
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, domain: str, directory: str, email: str, ca: str, others: Iterable[str] = ()) -> Self:
        """Make it from the file's words: the directory's name or its URL."""
        url, staging = DIRECTORIES.get(directory, (directory, ""))
        return cls(domain, url, staging, email, ca, others=tuple(others))

    def by_record(self, zone: str, server: str, *, wildcard: bool) -> Self:
        """Give the same with proofs in a zone."""
        return replace(self, zone=zone, server=server, wildcard=f"*.{self.domain}" if wildcard else "")

    @classmethod
    def read(cls, found: Mapping[str, Any] | None) -> Self | None:
        """Read the ConfigMap; None where there is none, or one that somebody broke."""
        data = (found or {}).get("data") or {}
        if not data.get("domain") or not data.get("directory"):
            return None
        found = {key: str(data.get(key, "")) for key in cls.__dataclass_fields__ if key != OTHERS}
        return cls(**found, others=tuple(str(data.get(OTHERS, "")).split()))

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every name under which visitors come, the domain first."""
        return (self.domain, *self.others)

    @property
    def names(self) -> tuple[str, ...]:
        """Give the names that are ordered: servers refuse one beside the `*` that it lies below."""
        star = (self.wildcard,) if self.wildcard else ()
        return (self.domain, *star, *(name for name in self.others if not covers(star, name)))

    @property
    def called(self) -> str:
        """Give a name for people, however many there are."""
        more = len(self.names) - 1
        return f"{self.domain} and {more} more" if more else self.domain

    @property
    def least(self) -> Self:
        """Give the wish without what the system can do without for a while: all names but the domain."""
        return replace(self, others=(), wildcard="")

    @property
    def authority(self) -> str:
        """Name who signs, as the Secret's annotation says it."""
        return f"{ACME}{self.directory}"

    @property
    def mark(self) -> str:
        """Give what tells this wish from another: the same names at the same server are the same."""
        return hashlib.sha256(f"{' '.join(self.names)} {self.directory}".encode()).hexdigest()[:16]

    @property
    def granted(self) -> bool:
        """Whether the zone is at Route 53, where the pilot has rights instead of a key."""
        return bool(self.zone) and not self.server

    @property
    def port(self) -> int:
        """Give the server's TCP port."""
        return urlsplit(self.directory).port or 443


def wish_ref(system: str) -> Ref:
    return Ref("v1", "ConfigMap", WISH, system)


def life_ref(system: str) -> Ref:
    return Ref("v1", "ConfigMap", LIFE, system)


def key_ref(system: str) -> Ref:
    return Ref("v1", "Secret", ZONE_KEY, system)


def wish_config(system: str, wish: Wish) -> Manifest:
    """Compose the ConfigMap."""
    meta = {"name": WISH, "namespace": system, "labels": labels(system, ROOM, WISH)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": _said(wish)}


def _said(wish: Wish) -> dict[str, str]:
    said = {**vars(wish), OTHERS: " ".join(wish.others)}
    return {key: value for key, value in said.items() if value or key not in RARE}
