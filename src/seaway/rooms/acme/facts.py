"""What can be seen of a certificate from an ACME server: the wish, the life, and a Secret that holds one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seaway.kit.kube import Kube
from seaway.model.certificate import AUTHORITY, Certificate, kept, mistrust
from seaway.rooms.acme.life import Life, settled
from seaway.rooms.acme.wish import ACME, Wish, life_ref, wish_ref


@dataclass(frozen=True)
class AcmeFacts:
    """What the cluster wishes for, and how far that has come."""

    wish: Wish
    life: Life


def look_at_acme(kube: Kube, system: str) -> AcmeFacts | None:
    """Look at both; None where nobody wishes. Raises SeawayError where the cluster does not answer."""
    wish = Wish.read(kube.get(wish_ref(system)))
    return AcmeFacts(wish, settled(life_of(kube.get(life_ref(system))), wish)) if wish else None


def life_of(found: Mapping[str, Any] | None) -> Life:
    """Read the ConfigMap of a life; one that somebody broke is as though nothing had happened yet."""
    try:
        return Life.from_json(json.loads(((found or {}).get("data") or {}).get("life", "{}")))
    except ValueError:
        return Life()


def unfit(secret: Mapping[str, Any] | None, wish: Wish) -> str:
    """Say why a Secret that is there is of no use for the wished names; empty where it is."""
    return mistrust(secret, *wish.names)


def good(secret: Mapping[str, Any] | None, wish: Wish, now: datetime) -> Certificate | None:
    """Read the certificate of a Secret if it is of the wished server, fits, and has not ended."""
    notes = (secret or {}).get("metadata", {}).get("annotations") or {}
    if secret is None or notes.get(AUTHORITY) != wish.authority or unfit(secret, wish):
        return None
    found = kept(secret)
    return found if found.until > now else None


def shown(secret: Mapping[str, Any] | None, now: datetime) -> Certificate | None:
    """Read the certificate of a Secret if some server signed it, for whatever names, and it has not ended."""
    notes = (secret or {}).get("metadata", {}).get("annotations") or {}
    try:
        found = kept(secret or {})
    except ValueError:
        return None
    return found if notes.get(AUTHORITY, "").startswith(ACME) and found.until > now else None
