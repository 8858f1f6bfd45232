"""What becomes of the certificate on bad days; the server that signs is stood in for by a local authority."""

from __future__ import annotations

import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmark.api_server import Store, api_server
from seaway.errors import Conflict
from seaway.kit import moments
from seaway.kit.kube import Kube, Ref
from seaway.model.certificate import AUTHORITY, DOMAIN, kept
from seaway.model.gateway import ENVOY_API, GATEWAY_API
from seaway.model.manifests import SYSTEM_NAMESPACE
from seaway.pilot import certifying as module
from seaway.pilot.renewing import Renewing
from seaway.pilot.signing import Asking, Show, Suggestion
from seaway.ports.certificates import Issued
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.acme.challenge import Exhibit
from seaway.rooms.acme.life import Failure, Kind
from seaway.rooms.acme.wish import Wish, wish_config
from tests.pilot.test_signing import visitable

WISH = Wish("shop.localhost", "https://ca.example.com/dir", email="ops@example.com")
PROOF = Exhibit(WISH.domain, "/.well-known/acme-challenge/t", "t.p")
EDGE, KEPT, ACCOUNT = "edge-tls", "acme-certificate", "acme-account"


@dataclass
class Server:
    """Signs whatever it is asked to, or fails as it is told to, and keeps what it was asked."""

    authority: LocalCertificates
    fails: Failure | None = None
    wishes: Wish = WISH
    signs: tuple[str, ...] = WISH.hosts
    asked: list[Asking] = field(default_factory=list)
    shows: bool = False

    def order(self, asking: Asking, names: Sequence[str], show: Show, _: threading.Event) -> Issued | Failure:
        assert tuple(names) == self.wishes.names
        self.asked.append(asking)
        if self.shows and (why := show([replace(PROOF, name=name) for name in names])):
            return Failure(Kind.HERE, why, datetime.now(UTC))
        return self.fails or self.authority.issue(*self.signs)


@dataclass
class Pilot:
    """One pilot that leads, unless it is told otherwise."""

    kube: Kube
    store: Store
    leads: bool = True

    def look(self) -> None:
        Renewing(self.kube, "shop", lambda: self.leads).look(threading.Event())

    def secret(self, name: str) -> dict[str, Any] | None:
        return self.store.of("secrets", name)

    @property
    def life(self) -> dict[str, Any]:
        found = self.store.of("configmaps", "acme-life")
        assert found
        life: dict[str, Any] = json.loads(found["data"]["life"])
        return life

    def events(self) -> list[str]:
        return [o["reason"] for o in self.store.objects.values() if o["kind"] == "Event"]

    def messages(self) -> list[str]:
        return [o["message"] for o in self.store.objects.values() if o["kind"] == "Event"]

    def rested(self) -> None:
        """Let the pause after a failure be over."""
        data = {**self.life, "not_before": None}
        self.kube.patch(Ref("v1", "ConfigMap", "acme-life", "shop"), {"data": {"life": json.dumps(data)}})


@pytest.fixture
def pilot() -> Iterator[Pilot]:
    with api_server() as (kube, store):
        kube.create(wish_config("shop", WISH))
        meta = {"name": "edge", "namespace": "shop"}
        kube.create({"apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": meta})
        yield Pilot(kube, store)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server(LocalCertificates(tmp_path))
    monkeypatch.setattr(module, "order", found.order)
    window = (datetime.now(UTC) + timedelta(days=50), datetime.now(UTC) + timedelta(days=51))
    monkeypatch.setattr(module, "suggestion", lambda *_: Suggestion(window, None))
    return found


def pair(secret: dict[str, Any] | None) -> dict[str, str]:
    assert secret
    return {key: secret["data"][key] for key in ("tls.crt", "tls.key")}


def stand_in(pilot: Pilot, authority: LocalCertificates, issuer: str = "local") -> None:
    """What `up` puts before the gateway."""
    made = authority.issue(WISH.domain)
    data = {"tls.crt": made.chain, "tls.key": made.key.reveal()}
    meta = {"name": EDGE, "namespace": "shop", "annotations": {AUTHORITY: issuer}}
    encoded = {key: b64encode(text.encode()).decode() for key, text in data.items()}
    pilot.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": encoded})


def test_a_stand_in_gives_way_to_what_the_server_signs_and_it_rests(pilot: Pilot, server: Server) -> None:
    stand_in(pilot, server.authority)
    pilot.look()
    edge = pilot.secret(EDGE)
    assert edge
    assert edge["metadata"]["annotations"][AUTHORITY] == WISH.authority
    assert pair(edge) == pair(pilot.secret(KEPT))
    assert pilot.events() == ["CertificateRenewed"]
    assert len(pilot.life["issued"]) == 1
    for _ in range(3):
        pilot.look()
    assert len(server.asked) == 1
    assert pilot.life["window"]["serial"] == f"{kept(edge).serial:x}"


@pytest.mark.parametrize("hand", ["delete", "garbage", "another", "half"])
def test_whatever_a_hand_does_to_the_gateways_secret_the_last_good_one_is_put_back(
    pilot: Pilot, server: Server, hand: str
) -> None:
    pilot.look()
    good, ref = pair(pilot.secret(EDGE)), Ref("v1", "Secret", EDGE, "shop")
    if hand == "delete":
        pilot.kube.delete(ref)
    elif hand == "garbage":
        pilot.kube.patch(ref, {"data": {"tls.crt": b64encode(b"garbage").decode()}})
    elif hand == "half":
        pilot.kube.patch(ref, {"data": {"tls.key": None}})
    else:
        stand_in(pilot, server.authority)
    pilot.look()
    assert pair(pilot.secret(EDGE)) == good
    assert len(server.asked) == 1


def test_a_kept_one_that_is_lost_is_taken_from_the_gateways_and_only_both_are_asked_for_anew(
    pilot: Pilot, server: Server
) -> None:
    pilot.look()
    good = pair(pilot.secret(EDGE))
    pilot.kube.delete(Ref("v1", "Secret", KEPT, "shop"))
    pilot.look()
    assert (pair(pilot.secret(KEPT)), len(server.asked)) == (good, 1)
    for name in (KEPT, EDGE):
        pilot.kube.delete(Ref("v1", "Secret", name, "shop"))
    pilot.look()
    assert len(server.asked) == 2
    assert pair(pilot.secret(EDGE)) != good


def test_what_a_server_signs_for_another_name_is_not_put_before_the_gateway(
    pilot: Pilot, server: Server
) -> None:
    server.signs = ("inn.localhost",)
    stand_in(pilot, server.authority)
    before = pair(pilot.secret(EDGE))
    pilot.look()
    assert pair(pilot.secret(EDGE)) == before
    assert pilot.secret(KEPT) is None
    assert "it is for inn.localhost" in pilot.life["last"]["why"]


def test_a_failure_is_told_once_kept_and_survives_the_pilot(pilot: Pilot, server: Server) -> None:
    stand_in(pilot, server.authority)
    before = pair(pilot.secret(EDGE))
    server.fails = Failure(Kind.REFUSED, "caa: CAA record forbids", datetime.now(UTC))
    pilot.look()
    Pilot(pilot.kube, pilot.store).look()
    assert len(server.asked) == 1, "another pilot keeps to the pause"
    assert pilot.life["last"]["why"] == "caa: CAA record forbids"
    pilot.rested()
    pilot.look()
    assert len(server.asked) == 2
    assert pilot.events() == ["CertificateNotRenewed"]
    assert pair(pilot.secret(EDGE)) == before
    server.fails = None
    pilot.rested()
    pilot.look()
    assert pilot.events() == ["CertificateNotRenewed", "CertificateRenewed"]
    assert "failures" not in pilot.life


def test_the_accounts_key_is_kept_and_made_anew_where_it_is_lost_or_broken(
    pilot: Pilot, server: Server
) -> None:
    server.fails = Failure(Kind.AWAY, "away", datetime.now(UTC))
    ref = Ref("v1", "Secret", ACCOUNT, "shop")
    hands = (
        lambda: None,
        lambda: pilot.kube.delete(ref),
        lambda: pilot.kube.patch(ref, {"data": {"key": "eA=="}}),
    )
    pilot.look()
    for hand in hands:
        hand()
        pilot.rested()
        pilot.look()
    first, same, new, newer = (asking.account.reveal() for asking in server.asked)
    assert first == same
    assert len({first, new, newer}) == 3
    assert all("PRIVATE KEY" in key for key in (first, new, newer))
    found = pilot.secret(ACCOUNT)
    assert found
    assert b64decode(found["data"]["key"]).decode() == newer


def test_of_two_pilots_only_one_orders(pilot: Pilot, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second read the life before the first wrote that it begins."""

    def order(*given: Any) -> Issued | Failure:
        with pytest.raises(Conflict):
            second.look()
        return server.order(*given)

    server.fails = Failure(Kind.AWAY, "away", datetime.now(UTC))
    pilot.look()
    pilot.rested()
    second = _Late(pilot.kube, pilot.store)
    second.read = pilot.store.of("configmaps", "acme-life")
    server.fails = None
    monkeypatch.setattr(module, "order", order)
    pilot.look()
    assert len(server.asked) == 2


class _Late(Pilot):
    """A pilot whose view of the life is old."""

    read: Any = None

    def look(self) -> None:
        old = self.read
        kube = self.kube

        class Behind(Kube):
            def __init__(self) -> None:
                vars(self).update(vars(kube))

            def get(self, ref: Ref) -> Any:
                return old if ref.name == "acme-life" else super().get(ref)

        Renewing(Behind(), "shop", lambda: self.leads).look(threading.Event())


def test_who_no_longer_leads_writes_nothing(pilot: Pilot, server: Server) -> None:
    pilot.leads = False
    with pytest.raises(Conflict):
        pilot.look()
    assert server.asked == []
    assert pilot.secret(ACCOUNT) is None


def test_a_wish_that_has_changed_meanwhile_is_not_overruled(
    pilot: Pilot, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(pilot, server.authority)
    before = pair(pilot.secret(EDGE))

    def order(*given: Any) -> Issued | Failure:
        pilot.kube.delete(Ref("v1", "ConfigMap", "acme", "shop"))
        return server.order(*given)

    monkeypatch.setattr(module, "order", order)
    with pytest.raises(Conflict):
        pilot.look()
    assert pair(pilot.secret(EDGE)) == before
    pilot.look()
    assert len(server.asked) == 1


def test_another_directory_is_ordered_from_while_the_old_certificate_is_shown(
    pilot: Pilot, server: Server
) -> None:
    pilot.look()
    before = pair(pilot.secret(EDGE))
    server.fails = Failure(Kind.AWAY, "away", datetime.now(UTC))
    pilot.kube.apply(wish_config("shop", replace(WISH, directory="https://other.example.com/dir")))
    pilot.look()
    assert pair(pilot.secret(EDGE)) == before
    assert [asking.directory for asking in server.asked] == [WISH.directory, "https://other.example.com/dir"]
    assert pilot.life["failures"] == 1
    shown = kept(pilot.secret(EDGE) or {})
    told = f"visitors see the one for {', '.join(shown.names)} until {moments.written(shown.until)}"
    assert f"{told}; a new one failed once: away" in pilot.messages()


def test_a_further_name_leaves_the_old_certificate_in_place_until_there_is_one_for_both(
    pilot: Pilot, server: Server
) -> None:
    pilot.look()
    before = pair(pilot.secret(EDGE))
    both = replace(WISH, others=("inn.localhost",))
    pilot.kube.apply(wish_config("shop", both))
    server.wishes, server.fails = both, Failure(Kind.REFUSED, "inn.localhost: dns", datetime.now(UTC))
    pilot.look()
    assert pair(pilot.secret(EDGE)) == before
    pilot.kube.delete(Ref("v1", "Secret", EDGE, "shop"))
    pilot.look()
    edge = pilot.secret(EDGE)
    assert edge
    assert (pair(edge), edge["metadata"]["annotations"][DOMAIN]) == (before, WISH.domain)
    assert pilot.events() == ["CertificateRenewed", "CertificateNotRenewed"]
    server.fails, server.signs = None, both.hosts
    pilot.rested()
    pilot.look()
    edge = pilot.secret(EDGE)
    assert edge
    assert set(both.hosts) < set(kept(edge).names)
    assert edge["metadata"]["annotations"][DOMAIN] == "shop.localhost inn.localhost"
    assert pair(edge) == pair(pilot.secret(KEPT)) != before
    server.wishes = WISH
    pilot.kube.apply(wish_config("shop", WISH))
    pilot.look()
    assert len(server.asked) == 3, "a name that is gone is no reason to order"


def test_a_name_that_the_certificate_covers_already_is_written_beside_it(
    pilot: Pilot, server: Server
) -> None:
    """The authority that signs here signs for all names below the domain too, as a server does by a `*`."""
    pilot.look()
    before = pair(pilot.secret(EDGE))
    pilot.kube.apply(wish_config("shop", replace(WISH, others=("www.shop.localhost",))))
    pilot.look()
    edge = pilot.secret(EDGE)
    assert edge
    assert (pair(edge), len(server.asked)) == (before, 1)
    assert edge["metadata"]["annotations"][DOMAIN] == "shop.localhost www.shop.localhost"


def test_the_challenge_is_taken_away_again_also_where_no_proxy_shows_it(
    pilot: Pilot, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seaway.pilot.proving.SHOWN", 0.0)
    server.shows = True
    pilot.look()
    assert pilot.life["last"]["why"] == "the gateway does not show the proof: no proxy runs"
    assert pilot.kube.get(Ref(GATEWAY_API, "HTTPRoute", "acme-challenge", "shop")) is None
    assert pilot.kube.get(Ref(ENVOY_API, "HTTPRouteFilter", "acme-challenge", "shop")) is None


def test_a_route_that_shadows_the_challenge_is_seen_before_the_server_is_asked_to_look(
    pilot: Pilot, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seaway.pilot.proving.SHOWN", 0.0)
    meta = {"name": "proxy", "namespace": SYSTEM_NAMESPACE}
    pilot.kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"podIP": "127.0.0.1"}})
    server.shows = True
    with visitable() as shown:
        monkeypatch.setattr("seaway.pilot.proving.PROXY_PORT", shown.port)
        shown.proofs[PROOF.place] = "a page of the service's own"
        pilot.look()
    why = f"the gateway does not show the proof: proxy answers 200 at {PROOF.name}{PROOF.place}"
    assert pilot.life["last"]["why"] == why
    assert "refused" not in pilot.life, "nothing was counted against us"


def test_without_a_wish_nothing_is_done_and_up_is_named_for_what_ends(pilot: Pilot, server: Server) -> None:
    renewing = Renewing(pilot.kube, "shop", lambda: True)
    renewing.look(threading.Event())
    left = renewing.soon()
    assert left
    assert timedelta(days=14) < left < timedelta(days=16)
    pilot.kube.delete(Ref("v1", "ConfigMap", "acme", "shop"))
    renewing.look(threading.Event())
    assert renewing.soon() is None
    assert len(server.asked) == 1
