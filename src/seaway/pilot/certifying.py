"""The certificate that an ACME server signs: kept, given to the gateway, renewed in time; failures are told.

Whatever the Secret `edge-tls` holds, the last good certificate lies beside it and is put back within seconds.
"""

from __future__ import annotations

import json
import logging
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from seaway.errors import Conflict, SeawayError
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.model.certificate import AUTHORITY, DOMAIN, UNTIL, Certificate, kept
from seaway.model.gateway import EDGE, GATEWAY_API, TLS_SECRET
from seaway.model.manifests import labels
from seaway.model.names import covers
from seaway.model.secret import Secret
from seaway.pilot.hands import told
from seaway.pilot.proving import Proof
from seaway.pilot.signing import Asking, new_key, order, suggestion
from seaway.ports.certificates import Issued
from seaway.rooms.acme.facts import good, life_of, shown, unfit
from seaway.rooms.acme.life import (
    Ask,
    Failure,
    Kind,
    Life,
    Order,
    asked,
    begun,
    failed,
    passed,
    settled,
    turn,
    unanswered,
    warning,
)
from seaway.rooms.acme.wish import ACCOUNT, KEPT, LIFE, ROOM, Wish, life_ref, wish_ref
from seaway.rooms.crossing.turn import Emit

if TYPE_CHECKING:
    from seaway.pilot.publishing import Publishing

#: Seconds between two tries to write down what was signed, and how many there are: nothing is worth more.
WRITING: Final = 3.0
WRITES: Final = 20
RENEWED: Final = "CertificateRenewed"
FAILED: Final = "CertificateNotRenewed"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Certifying:
    """One look at a certificate, and what it asks for. Every write is refused once another `leads`."""

    kube: Kube
    system: str
    wish: Wish
    owner: Manifest
    leads: Callable[[], bool]
    stop: threading.Event
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def look(self) -> Certificate | None:
        """See that the gateway has the last good certificate, and do what its life asks for now; gives it.

        One that is for the domain stays while another is ordered that is for further names too.

        Raises SeawayError where the API server does not answer, Conflict where another was quicker.
        """
        edge, mine = self._secret(TLS_SECRET), self._secret(KEPT)
        now = self.now()
        held = good(mine, self.wish, now)
        if held is None and (held := good(edge, self.wish, now)):
            mine = self._put(KEPT, _pair(edge or {}), held)
        stays = held or good(mine, self.wish.least, now)
        if stays and (_pair(edge or {}) != _pair(mine or {}) or _told(edge) != self._covered(stays)):
            log.info("the gateway is given the last good certificate")
            self._put(TLS_SECRET, _pair(mine or {}), stays)
        found = self.kube.get(life_ref(self.system))
        life = settled(life_of(found), self.wish)
        does = turn(life, self.wish, held, now)
        if isinstance(does, Ask) and held:
            life = self._ask(life, held, mine or {})
        elif isinstance(does, Order):
            return self._order(does, life, stays, found)
        self._tell(life, stays, found)
        return stays

    def _ask(self, life: Life, held: Certificate, mine: Mapping[str, Any]) -> Life:
        chain = b64decode(mine["data"]["tls.crt"]).decode()
        said, now = suggestion(self.wish.directory, self.wish.ca, chain), self.now()
        if isinstance(said, Failure):
            log.warning("the server does not say when to renew: %s", said.why)
            return unanswered(life, held, now)
        return asked(life, held, said.window, said.again, now)

    def _order(
        self, does: Order, life: Life, held: Certificate | None, found: Manifest | None
    ) -> Certificate | None:
        log.info("a certificate for %s is ordered from %s: %s", self.wish.called, does.directory, does.why)
        by_record = bool(self.wish.zone)
        asking = Asking(does.directory, self.wish.ca, self._account(), self.wish.email, by_record)
        proof = self._proof()
        found = self._save(begun(life, self.now()), found)
        try:
            got = order(asking, self.wish.names, proof.show, self.stop)
        finally:
            proof.clear()
        now = self.now()
        if isinstance(got, Issued) and (wrong := self._unfit(got, now)):
            got = Failure(Kind.REFUSED, f"what the server signed is of no use: {wrong}", now)
        if isinstance(got, Failure):
            log.warning("no certificate for %s: %s", self.wish.called, got.why)
            self._tell(failed(life, replace(got, at=now)), held, found)
            return held
        if not does.rehearsal:
            held = self._take(got)
        self._persist(lambda: self._save(passed(life, now, rehearsal=does.rehearsal), found))
        if held and not does.rehearsal:
            until = f"{held.until:%Y-%m-%d %H:%M} UTC"
            self._event(Emit("Normal", RENEWED, f"{self.wish.called} until {until}, by {held.issuer}"))
        return held

    def _proof(self) -> Proof | Publishing:
        """Choose how the names are proved to be ours."""
        if not self.wish.zone:
            hosts = len(self.wish.hosts)
            return Proof(self.kube, self.system, hosts, self.owner, self.leads, self.stop)
        from seaway.pilot.publishing import Publishing, open_zone  # noqa: PLC0415  (memory)

        return Publishing(
            partial(open_zone, self.kube, self.system, self.wish, self.stop), self.leads, self.stop
        )

    def _unfit(self, got: Issued, now: datetime) -> str:
        """Say why the gateway must not be given what was signed."""
        if wrong := unfit({"data": _data(got)}, self.wish):
            return wrong
        return f"it ended on {got.until:%Y-%m-%d %H:%M}" if got.until <= now else ""

    def _take(self, got: Issued) -> Certificate:
        """Keep what was signed, then give it to the gateway; the server will not sign the same again."""
        held = kept({"data": _data(got)})
        self._persist(lambda: self._put(KEPT, _data(got), held))
        self._persist(lambda: self._put(TLS_SECRET, _data(got), held))
        return held

    def _persist(self, write: Callable[[], object]) -> None:
        """Write, again and again where the API server is away."""
        for _ in range(WRITES):
            try:
                write()
            except Conflict:
                raise
            except SeawayError as error:
                log.warning("not written yet: %s %s", error, error.why)
                if self.stop.wait(WRITING):
                    break
            else:
                return
        write()

    def _tell(self, life: Life, held: Certificate | None, found: Manifest | None) -> None:
        """Warn people if that is due, and write the life down where it is another one than was found."""
        now = self.now()
        before = None if held or not life.failures else shown(self._secret(TLS_SECRET), now)
        if said := warning(life, held, now, before):
            self._event(Emit("Warning", FAILED, said))
            life = replace(life, told=now)
        if life != life_of(found):
            self._save(life, found)

    def _event(self, event: Emit) -> None:
        log.info("%s: %s", event.reason, event.message)
        about = Ref(GATEWAY_API, "Gateway", EDGE, self.system)
        if gateway := self.kube.get(about):
            self._must_lead()
            self.kube.create(told(about, gateway["metadata"]["uid"], event))

    def _account(self) -> Secret:
        """Give the account's key; one that was lost or broken is made anew, and is another account."""
        found = self._secret(ACCOUNT)
        try:
            pem = b64decode(((found or {}).get("data") or {})["key"]).decode()
            load_pem_private_key(pem.encode(), None)
            return Secret(pem)
        except (KeyError, TypeError, ValueError, UnsupportedAlgorithm):
            log.info("a new account's key is made")
        key = new_key()
        self._write(ACCOUNT, "Opaque", {"key": _encoded(key.reveal())}, {})
        return key

    def _put(self, name: str, data: Mapping[str, str], held: Certificate) -> Manifest:
        """Write a Secret with the pair. Raises Conflict where somebody no longer wishes for it."""
        if Wish.read(self.kube.get(wish_ref(self.system))) != self.wish:
            raise Conflict("another certificate is wished for by now")
        notes = {
            DOMAIN: self._covered(held),
            UNTIL: held.until.isoformat(),
            AUTHORITY: self.wish.authority,
        }
        return self._write(name, "kubernetes.io/tls", data, notes)

    def _covered(self, held: Certificate) -> str:
        """Name those of the public names that it is for, as `up` reads them."""
        return " ".join(name for name in self.wish.hosts if covers(held.names, name))

    def _write(self, name: str, kind: str, data: Mapping[str, str], notes: Mapping[str, str]) -> Manifest:
        self._must_lead()
        head = {"apiVersion": "v1", "kind": "Secret", "type": kind}
        meta = {**self._meta(name), "annotations": dict(notes)}
        change = {"metadata": {"annotations": dict(notes)}, "data": dict(data)}
        made = self.kube.create({**head, "metadata": meta, "data": dict(data)})
        return made or self.kube.patch(Ref("v1", "Secret", name, self.system), change)

    def _save(self, life: Life, found: Manifest | None) -> Manifest:
        """Write the life down over the one that was found. Raises Conflict where that is another by now."""
        self._must_lead()
        data = {"life": json.dumps(life.as_json(), sort_keys=True)}
        if found is not None:
            version = {"resourceVersion": found["metadata"]["resourceVersion"]}
            return self.kube.patch(life_ref(self.system), {"metadata": version, "data": data})
        head = {"apiVersion": "v1", "kind": "ConfigMap"}
        made = self.kube.create({**head, "metadata": self._meta(LIFE), "data": data})
        if made is None:
            raise Conflict("another pilot began first")
        return made

    def _secret(self, name: str) -> Manifest | None:
        return self.kube.get(Ref("v1", "Secret", name, self.system))

    def _meta(self, name: str) -> dict[str, Any]:
        room = "edge" if name == TLS_SECRET else ROOM
        return {"name": name, "namespace": self.system, "labels": labels(self.system, room, name)}

    def _must_lead(self) -> None:
        if not self.leads():
            raise Conflict("another pilot leads, or nobody may at this moment")


def _told(secret: Mapping[str, Any] | None) -> str:
    return str(((secret or {}).get("metadata", {}).get("annotations") or {}).get(DOMAIN, ""))


def _pair(secret: Mapping[str, Any]) -> dict[str, str]:
    data = secret.get("data") or {}
    return {key: data.get(key, "") for key in ("tls.crt", "tls.key")}


def _data(got: Issued) -> dict[str, str]:
    return {"tls.crt": _encoded(got.chain), "tls.key": _encoded(got.key.reveal())}


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode()
