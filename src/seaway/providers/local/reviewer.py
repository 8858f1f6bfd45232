"""Who says whose a token is that a cluster does not know itself: a webhook of this machine.

Only a cluster that was told of one asks (kubernetes.io, Authenticating: webhook token authentication).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seaway.kit import kubeconfig
from seaway.providers.local import record

if TYPE_CHECKING:
    from pathlib import Path

    from seaway.providers.local.home import Home

#: Seconds for which an answer holds: who is shut out now shall be out soon.
_HOLDS: Final = 1


@dataclass(frozen=True)
class Webhook:
    """It answers TokenReviews (authentication.k8s.io/v1) on `port` of this machine's loopback, over TLS.

    Its certificate is for `name`, by the authority `ca` (PEM).
    """

    port: int
    name: str
    ca: bytes


def note(place: Home, webhook: Webhook) -> bool:
    """Write down how it is reached; gives whether that is news."""
    from seaway.providers.local import certificate  # noqa: PLC0415  (cryptography: whoever pushes pays for it)

    cluster = {
        "server": f"https://{place.outside}:{webhook.port}",
        "tls-server-name": webhook.name,
        "certificate-authority-data": base64.b64encode(webhook.ca).decode(),
    }
    file, text = _file(place), json.dumps(kubeconfig.entries("reviewer", cluster, {})).encode()
    if file.exists() and file.read_bytes() == text:
        return False
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    record.change(place, reviewer=webhook.port)
    certificate.write(file, text)
    return True


def flags(place: Home) -> list[str]:
    """Compose what the API server is told of it; nothing where nobody was named."""
    if not _file(place).exists():
        return []
    return [
        f"--authentication-token-webhook-config-file={_file(place)}",
        "--authentication-token-webhook-version=v1",
        f"--authentication-token-webhook-cache-ttl={_HOLDS}s",
    ]


def _file(place: Home) -> Path:
    return place.pki / "reviewer.kubeconfig"
