"""The certificate by which the API server knows this program: made, renewed and made known by itself.

Several pods share it through a Secret. A new one is made a third of its life before the end of the old; the
API server trusts both before any pod shows the new one.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from seaway.errors import Conflict
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.model.certificate import kept, self_signed
from seaway.model.manifests import SYSTEM_NAMESPACE, labels
from seaway.model.secret import Secret
from seaway.rooms.requests.manifests import EVERYBODY, HOST, NAME, ROOM, SECRET
from seaway.rooms.requests.steps import SERVICE

LIFE: Final = timedelta(days=90)
REF: Final = Ref("v1", "Secret", SECRET, SYSTEM_NAMESPACE)
MANAGER: Final = "seaway-counter"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM. `trusted` tells whether the API server knows it."""

    chain: str
    key: Secret
    trusted: bool


@dataclass(frozen=True)
class Keeper:
    """Looks after the Secret and after whom the API server trusts, by the clock `now`."""

    kube: Kube
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def look(self) -> Pair:
        """Give the pair that is good now, made anew where it must be.

        Raises Conflict where another pod was quicker, SeawayError where the API server does not answer.
        """
        found = self.kube.get(REF)
        if due(found, self.now()):
            found = self._renew(found)
        data = found["data"] if found else {}
        pem, key = (b64decode(data[each]).decode() for each in ("tls.crt", "tls.key"))
        return Pair(pem, Secret(key), self._known(data["ca.crt"]))

    def _renew(self, before: Manifest | None) -> Manifest:
        chain, key = self_signed([HOST], self.now().replace(microsecond=0), LIFE)
        old = b64decode((before or {}).get("data", {}).get("tls.crt", "")).decode() if good(before) else ""
        texts = {"tls.crt": chain, "tls.key": key.reveal(), "ca.crt": chain + old}
        data = {name: b64encode(text.encode()).decode() for name, text in texts.items()}
        if before is not None:
            version = {"resourceVersion": before["metadata"]["resourceVersion"]}
            return self.kube.patch(REF, {"metadata": version, "data": data}, manager=MANAGER)
        meta = {"name": SECRET, "namespace": SYSTEM_NAMESPACE, "labels": labels(EVERYBODY, ROOM, SECRET)}
        head = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "kubernetes.io/tls"}
        made = self.kube.create({**head, "data": data})
        if made is None:
            raise Conflict(f"another {NAME} made the certificate")
        return made

    def _known(self, bundle: str) -> bool:
        """Have the API server trust these; gives whether it did before."""
        registered = self.kube.get(SERVICE)
        if registered is None:
            return False
        spec = registered["spec"]
        mine = spec.get("service") or {}
        if (mine.get("namespace"), mine.get("name")) != (SYSTEM_NAMESPACE, NAME):
            return False
        if spec.get("caBundle") == bundle:
            return True
        self.kube.patch(SERVICE, {"spec": {"caBundle": bundle}}, manager=MANAGER)
        return False


def good(secret: Manifest | None) -> bool:
    """Whether the Secret holds a certificate for this program, with its key."""
    try:
        return secret is not None and HOST in kept(secret).names and "ca.crt" in secret["data"]
    except ValueError:
        return False


def due(secret: Manifest | None, now: datetime) -> bool:
    """Whether another certificate must be made."""
    return secret is None or not good(secret) or kept(secret).until - now < LIFE / 3
