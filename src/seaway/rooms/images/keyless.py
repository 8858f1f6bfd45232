"""Whoever signs without a key of their own: by an identity that an issuer vouches for (Sigstore)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from seaway.ports.keys import Authority, Certified
from seaway.rooms.images.keys import PublicKey, Signer


@dataclass(frozen=True)
class Identity:
    """Somebody of whom an issuer says who they are, as an authority's certificates tell."""

    who: str
    issuer: str
    authority: Authority = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """What the reader calls it."""
        return f"{self.who} of {self.issuer}"

    @property
    def hint(self) -> str:
        """What tells it from all other keys and identities."""
        return f"{self.issuer} {self.who}"

    def opens(self, bundle: bytes) -> bytes | None:
        """Give what a bundle says, where this identity signed it."""
        return self.authority.opened(bundle, self.who, self.issuer)


@dataclass(frozen=True)
class Keyless:
    """Somebody who signs so; `authority` is whom those ask who verify it."""

    certified: Certified
    authority: Authority

    @property
    def public(self) -> Identity:
        """Who that is. The first time a certificate is asked for; raises as the port does."""
        return Identity(self.certified.identity, self.certified.issuer, self.authority)

    def bundle(self, statement: bytes) -> bytes:
        return self.certified.bundle(statement)


#: Who can be shown to have signed.
Witness: TypeAlias = PublicKey | Identity
#: Who signs.
Author: TypeAlias = Signer | Keyless
