"""Several public names of one environment: planned, shown, moved and led back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scripts.benchmark.names import NAME, ZONE, Knot
from seaway.app import arrival as house
from seaway.errors import Refused
from seaway.flow.domain import back_all, domain_status, look, move_all
from seaway.flow.edge import edge_of
from seaway.flow.load import read
from seaway.flow.plan import login_wish
from seaway.flow.system import System
from seaway.kit.dns import Records, ask
from seaway.kit.kube import Ref
from seaway.model.certificate import AUTHORITY, DOMAIN, UNTIL, kept
from seaway.model.gateway import TLS_SECRET
from seaway.model.snapshot import Live, Snapshot
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.acme.facts import AcmeFacts
from seaway.rooms.acme.life import Life, settled
from seaway.rooms.acme.wish import Wish
from seaway.rooms.edge.certificates import EdgeFacts
from tests.flow import worlds
from tests.flow.names import OLD, WISH, Place, place
from tests.flow.test_edge import secret
from tests.flow.worlds import NOW, planned

FILE = """
system: shop
environments: {rehearsal: {on: local, domain: shop.localhost%s}}
monolith: http://127.0.0.1:9000
services: {web: {source: ., run: gunicorn web}}
crossings: {login: {routes: [/login], to: web}}
"""
TWO = ", names: www.shop.localhost"
ACME = ', https: {issuer: acme, directory: "https://ca.example.com/dir"}'
SIGNER = "acme:https://ca.example.com/dir"
SECRET = Ref("v1", "Secret", TLS_SECRET, "shop")


def system(words: str = "") -> System:
    return read((FILE % words).encode(), "seaway.yaml", Path())


def lines(found: System, seen: Snapshot) -> list[str]:
    return [f"{c.verb.value} {c.thing}: {'; '.join(c.details)}" for c in planned(found, seen).changes]


def signed(seen: Snapshot, names: str, by: str = SIGNER) -> Snapshot:
    """The same with a certificate before the gateway that is for these names."""
    notes = {DOMAIN: names, UNTIL: (NOW + timedelta(days=80)).isoformat(), AUTHORITY: by}
    found = seen.live.objects[SECRET]
    fresh = {**found, "metadata": {**found["metadata"], "annotations": notes}}
    return replace(seen, live=Live({**seen.live.objects, SECRET: fresh}))


def test_a_further_name_gets_every_route_and_another_certificate_and_then_nothing_is_left() -> None:
    assert sorted(lines(system(TWO), worlds.everything(system()))) == [
        "update Crossing shop/login: spec.names",
        "update HTTPRoute shop/monolith: spec.hostnames",
        "update HTTPRoute shop/redirect: spec.hostnames",
        "update certificate shop.localhost www.shop.localhost: it was for shop.localhost",
        "wait crossing login: until the gateway has its route",
    ]
    assert lines(system(TWO), worlds.everything(system(TWO))) == []
    gone = lines(system(), worlds.everything(system(TWO)))
    assert "update certificate shop.localhost: it was for shop.localhost, www.shop.localhost" in gone


def test_another_order_of_the_names_is_no_other_certificate() -> None:
    seen = signed(worlds.everything(system(TWO)), "www.shop.localhost shop.localhost", worlds.SIGNER)
    assert lines(system(TWO), seen) == []


def test_what_a_server_signed_for_fewer_names_is_not_replaced_by_a_stand_in() -> None:
    two, before = system(TWO + ACME), signed(worlds.everything(system(ACME)), "shop.localhost")
    plan = planned(two, before)
    assert not any(c.thing.startswith("certificate") for c in plan.changes)
    assert "update ConfigMap shop/acme: data.others" in lines(two, before)
    waits = "the certificate is not for www.shop.localhost until https://ca.example.com/dir signs"
    assert waits in plan.notes
    done = signed(worlds.everything(two), "shop.localhost www.shop.localhost")
    assert planned(two, done).notes == ()
    other = signed(worlds.everything(two), "inn.localhost www.shop.localhost")
    assert any(line.startswith("update certificate") for line in lines(two, other))
    stand_in = signed(worlds.everything(two), "shop.localhost", worlds.SIGNER)
    assert any(line.startswith("update certificate") for line in lines(two, stand_in))


def test_who_logs_in_comes_back_to_the_name_that_was_asked_for() -> None:
    login = ', login: {issuer: "https://login.example.com", client: shop, secret: sso, paths: /admin}'
    for words, url in ((login, "https://shop.localhost"), (TWO + login, "https://%REQ(:authority)%")):
        found = system(words)
        wish = login_wish(found, found.environment()[1])
        assert wish
        assert wish.url == url


def test_a_certificate_that_lacks_a_name_is_told_and_every_address_is_shown(tmp_path: Path) -> None:
    authority, now = LocalCertificates(tmp_path), datetime.now(UTC)
    _, environment = system(", ports: {https: 8443}, names: inn.localhost").environment()
    mine = {"metadata": {"annotations": {AUTHORITY: SIGNER}}, **secret(authority, "shop.localhost")}
    told = edge_of(environment, EdgeFacts(mine, None, kept(mine)), None, now).as_json()
    assert told["failure"] == "it is not for inn.localhost"
    assert told["urls"] == ["https://shop.localhost:8443", "https://inn.localhost:8443"]
    wish = Wish("shop.localhost", SIGNER.removeprefix("acme:"), others=("inn.localhost",))
    acme = AcmeFacts(wish, settled(Life(), wish))
    told = edge_of(environment, EdgeFacts(mine, None, kept(mine)), acme, now).as_json()
    assert (told["acme"]["signed"], told["acme"]["stays"], told["due"]) == (False, True, False)
    assert told["acme"]["does"] == "is asked to sign: there is none for all its names yet"


BELOW, STRANGE = f"m.{NAME}", f"shop.{ZONE}"
OTHER = Records(BELOW, "A", 3600, ("192.0.2.3",))


@pytest.fixture
def there(knot: Knot, tmp_path: Path) -> Iterator[Place]:
    """Two names that lead to the old server, and are nobody's; the gateway serves both."""
    knot.put(ZONE, *OLD, OTHER)
    with place(knot, tmp_path) as found:
        yield found


def named(there: Place, name: str) -> Place:
    """The same place for another name."""
    return replace(there, here=replace(there.here, wish=replace(WISH, name=name)))


def test_names_move_one_after_the_other_and_go_back_together(there: Place, knot: Knot) -> None:
    both = [there.here, named(there, BELOW).here]
    assert [each.leads for each in move_all(both, adopt=True)] == ["gateway", "gateway"]
    for name in (NAME, BELOW):
        assert "owner=seaway-shop" in ask(knot.server, f"a-{name}", "TXT").values[0]
    watched = [e.text for e in there.told.events if e.text.startswith(("lead", "watch"))]
    assert watched.index("watch the gateway; an interrupt leaves the name there") < next(
        i for i, text in enumerate(watched) if text.startswith(f"lead {BELOW} to")
    ), "the first one is watched before the second moves"
    waited = there.clock.waited
    assert [each.leads for each in back_all(both)] == ["old server", "old server"]
    assert look(both[0]).records == OLD
    assert look(both[1]).records == (OTHER,)
    assert there.clock.waited - waited < 2 * 60, "they are waited for together"


def test_where_one_could_not_move_none_does(there: Place, knot: Knot) -> None:
    strange = Records(STRANGE, "A", 60, ("192.0.2.4",))
    knot.put(ZONE, strange)
    with pytest.raises(Refused, match=f"the gateway does not serve {STRANGE}"):
        move_all([there.here, named(there, STRANGE).here], adopt=True)
    assert look(there.here).records == OLD
    assert domain_status(there.here).owner == ""


def test_one_that_cannot_go_back_keeps_no_other(there: Place, knot: Knot) -> None:
    both = [named(there, BELOW).here, there.here]
    move_all(both, adopt=True)
    foreign = '"heritage=external-dns,external-dns/owner=blue,external-dns/resource=ingress/shop/web"'
    knot.put(ZONE, Records(f"a-{BELOW}", "TXT", 300, (foreign,)))
    with pytest.raises(Refused, match=f"{BELOW} is not ours: it is owned by blue"):
        back_all(both)
    assert look(there.here).records == OLD
    assert domain_status(both[0]).leads == "gateway"


def test_the_name_that_has_not_moved_yet_is_the_one_that_is_told(there: Place) -> None:
    dns = f"{{provider: manual, zone: {ZONE}, to: {WISH.to[0]}, resolvers: '{there.here.resolvers[0]}'}}"
    away = f"on: kubeconfig, context: a, registry: r, domain: {NAME}, names: {BELOW}, dns: {dns}"
    text = (FILE % "").replace("on: local, domain: shop.localhost", away)
    found = read(text.encode(), "seaway.yaml", Path())
    ask_around = house.arrival(found, found.environment()[1])
    for leads in ((NAME, "old server"), (BELOW, "old server"), (NAME, "gateway")):
        told = ask_around()
        assert told
        assert (told.name, told.leads) == leads
        move_all([named(there, told.name).here], adopt=True)
