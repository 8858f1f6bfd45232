"""The whole way of a certificate on bad days: the pilot's own code, the real Pebble, a real zone, and time.

Only the cluster's API is played. Pebble looks into no CAA records; what follows from such a refusal is in
test_certifying.py. Time passes by the pilot's clock; the server's own stands still.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmark.api_server import Store, api_server
from scripts.benchmark.names import KEY, LOOPBACK, Knot, free_port
from scripts.benchmark.pebble import Pebble, pebble
from seaway.kit.dns import Records, ask
from seaway.kit.kube import Kube
from seaway.model.certificate import Certificate, kept
from seaway.model.gateway import GATEWAY_API
from seaway.model.manifests import SYSTEM_NAMESPACE
from seaway.pilot import proving
from seaway.pilot.renewing import Renewing
from seaway.rooms.acme.facts import look_at_acme
from seaway.rooms.acme.life import Life
from seaway.rooms.acme.wish import Wish, wish_config
from tests.pilot.test_signing import visitable

pytestmark = pytest.mark.cluster

ZONE = "shop.test"
DOMAIN = f"www.{ZONE}"
PLACE = f"_acme-challenge.{DOMAIN}"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Pilot:
    """One system's pilot, with a clock that may be wrong."""

    kube: Kube
    store: Store
    off: timedelta = timedelta()

    def wish(self, wish: Wish) -> None:
        self.kube.apply(wish_config("shop", wish))

    def look(self) -> Certificate | None:
        """Look once; gives the certificate before the gateway."""
        Renewing(self.kube, "shop", lambda: True, lambda: datetime.now(UTC) + self.off).look(
            threading.Event()
        )
        found = self.secret("edge-tls")
        return kept(found) if found else None

    def rest(self) -> None:
        """Let the pause after a failure be over."""
        self.off += max(timedelta(), self.pause)

    @property
    def pause(self) -> timedelta:
        """What is left of the pause after a failure."""
        return (self.life.not_before or datetime.now(UTC)) - datetime.now(UTC) - self.off

    @property
    def life(self) -> Life:
        found = look_at_acme(self.kube, "shop")
        assert found
        return found.life

    @property
    def why(self) -> str:
        return self.life.last.why if self.life.failures and self.life.last else ""

    def secret(self, name: str) -> dict[str, Any] | None:
        return self.store.of("secrets", name)

    def events(self) -> list[str]:
        return [o["reason"] for o in self.store.objects.values() if o["kind"] == "Event"]


@pytest.fixture
def pilot() -> Iterator[Pilot]:
    with api_server() as (kube, store):
        kube.create(
            {"apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": {"name": "edge", "namespace": "shop"}}
        )
        meta = {"name": "acme-dns-key", "namespace": "shop"}
        data = {"key": b64encode(KEY.line().encode()).decode()}
        kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})
        meta = {"name": "proxy", "namespace": SYSTEM_NAMESPACE}
        kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"podIP": LOOPBACK}})
        yield Pilot(kube, store)


def by_record(server: Pebble, knot: Knot, *, wildcard: bool = False) -> Wish:
    found = Wish(DOMAIN, server.directory, ca=server.ca)
    return found.by_record(ZONE, str(knot.server), wildcard=wildcard)


@contextmanager
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A proxy that shows what the routes say; gives its port."""
    with visitable() as shown:
        monkeypatch.setattr(proving, "PROXY_PORT", shown.port)

        def apply(kube: Kube, manifest: Any, **words: Any) -> Any:
            if manifest["kind"] == "HTTPRoute":
                for rule in manifest["spec"]["rules"]:
                    path = rule["matches"][0]["path"]["value"]
                    shown.proofs[path] = filters[rule["filters"][0]["extensionRef"]["name"]]
            elif manifest["kind"] == "HTTPRouteFilter":
                answer = manifest["spec"]["directResponse"]["body"]["inline"]
                filters[manifest["metadata"]["name"]] = answer
            return real(kube, manifest, **words)

        filters, real = dict[str, str](), Kube.apply
        monkeypatch.setattr(Kube, "apply", apply)
        yield shown.port


def test_a_name_that_leads_nowhere_yet_gets_a_certificate_with_its_wildcard(
    pilot: Pilot, knot: Knot, tmp_path: Path
) -> None:
    others = Records(PLACE, "TXT", 60, ('"another client\'s"',))
    knot.put(ZONE, others)
    with pebble(tmp_path, 1, names=knot.server) as server:
        pilot.wish(by_record(server, knot, wildcard=True))
        held = pilot.look()
    assert held, pilot.why
    assert set(held.names) == {DOMAIN, f"*.{DOMAIN}"}
    assert ask(knot.server, DOMAIN, "A").values == ()
    assert ask(knot.server, PLACE, "TXT").values == others.values


def test_a_zone_that_is_not_delegated_yet_is_told_and_found_once_it_is(
    pilot: Pilot, knot: Knot, tmp_path: Path
) -> None:
    port = free_port()
    with Knot(tmp_path / "above", {"test": ""}) as above:
        with pebble(tmp_path, 1, names=above.server, port=port) as server:
            pilot.wish(by_record(server, knot))
            assert pilot.look() is None
        assert "unauthorized" in pilot.why
        assert pilot.events() == ["CertificateNotRenewed"]
        assert ask(knot.server, PLACE, "TXT").values == ()
    with pebble(tmp_path, 1, names=knot.server, port=port):
        pilot.rest()
        assert pilot.look(), pilot.why
    assert pilot.events() == ["CertificateNotRenewed", "CertificateRenewed"]


def test_a_server_away_for_a_week_is_warned_of_and_its_new_chain_is_taken_up(
    pilot: Pilot, knot: Knot, tmp_path: Path
) -> None:
    """It comes back with other keys, and knows no accounts any more."""
    port = free_port()
    with pebble(tmp_path, 1, names=knot.server, port=port, days=42) as server:
        pilot.wish(by_record(server, knot))
        first = pilot.look()
        assert first
        pilot.look()  # asks when to renew: after 28 days, give or take one
    pilot.off = 30 * DAY
    for _ in range(7):
        assert pilot.look() == first  # asks again
        assert pilot.look() == first  # orders
        pilot.off += DAY
    assert pilot.life.failures == 7
    assert "did not answer" in pilot.why
    assert pilot.events().count("CertificateNotRenewed") == 7
    with pebble(tmp_path, 1, names=knot.server, port=port, days=42):
        pilot.look()
        second = pilot.look()
    assert second
    assert second.issuer != first.issuer
    assert pilot.why == ""


def test_a_clock_that_is_an_hour_off_orders_once_and_no_more_when_it_is_set(
    pilot: Pilot, knot: Knot, tmp_path: Path
) -> None:
    """The certificate begins in an hour, as it seems."""
    pilot.off = -HOUR
    with pebble(tmp_path, 1, names=knot.server) as server:
        pilot.wish(by_record(server, knot))
        first = pilot.look()
        assert first
        for off in (-HOUR, timedelta(), HOUR):
            pilot.off = off
            assert pilot.look() == first
    assert len(pilot.life.issued) == 1


def test_a_wrong_answer_of_the_name_system_is_told_and_mended(
    pilot: Pilot, knot: Knot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knot.put(ZONE, Records(DOMAIN, "A", 1, ("127.0.0.77",)))
    with gateway(monkeypatch) as port, pebble(tmp_path, port, names=knot.server) as server:
        pilot.wish(Wish(DOMAIN, server.directory, ca=server.ca))
        assert pilot.look() is None
        assert pilot.why.startswith(f"{DOMAIN}: connection: ")
        assert "127.0.0.77" in pilot.why
        knot.put(ZONE, Records(DOMAIN, "A", 1, (LOOPBACK,)))
        pilot.rest()
        assert pilot.look(), pilot.why
