"""Certificates for the edge, whoever signs them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from seaway.model.secret import Secret


@dataclass(frozen=True)
class Issued:
    """A certificate chain in PEM, its key, and the moment it ends."""

    chain: str
    key: Secret
    until: datetime


class Certificates(Protocol):
    """Gives certificates for public names: signs them, or knows who does."""

    @property
    def renewal(self) -> timedelta:
        """How long before its end a certificate is issued anew."""

    @property
    def authority(self) -> str:
        """Identifier of the signing authority; another one means that everything must be issued anew."""

    def authority_pem(self) -> str:
        """Give the authority's own certificate in PEM, for clients that shall trust it."""

    def authority_path(self) -> str:
        """Where that PEM lies on this machine; empty where it is publicly trusted."""

    def issue(self, *names: str) -> Issued:
        """Give one new certificate for all the names; one that is signed here also knows those below them."""
