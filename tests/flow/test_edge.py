"""What `seaway edge status` says of real certificates: those of the authority, and what is none."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.flow.edge import edge_of
from seaway.kit import moments
from seaway.model.certificate import AUTHORITY, Certificate, kept, mistrust
from seaway.ports.certificates import Certificates
from seaway.providers.anywhere.certificates import StandIns
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.acme.facts import AcmeFacts
from seaway.rooms.acme.life import DAY, Failure, Kind, Life, asked, failed, settled
from seaway.rooms.acme.wish import Wish
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.edge.certificates import EdgeFacts

DOMAIN = "shop.localhost"
ENVIRONMENT = EnvironmentSpec(on="local", domain=DOMAIN)
COMPLAINT = {"type": "ResolvedRefs", "status": "False", "message": "Secret shop/edge-tls must be a pair"}


@pytest.fixture
def authority(tmp_path: Path) -> LocalCertificates:
    return LocalCertificates(tmp_path)


def secret(authority: Certificates, *names: str, **other: str) -> dict[str, Any]:
    made = authority.issue(*(names or (DOMAIN,)))
    found = {"tls.crt": made.chain, "tls.key": made.key.reveal(), **other}
    return {"data": {name: b64encode(text.encode()).decode() for name, text in found.items()}}


def test_a_certificate_is_shown_with_its_days_and_its_renewal(authority: LocalCertificates) -> None:
    mine = secret(authority)
    shown = kept(mine)
    told = edge_of(ENVIRONMENT, EdgeFacts(mine, None, shown), None, datetime.now(UTC)).as_json()
    assert told["names"] == [DOMAIN, f"*.{DOMAIN}"]
    assert told["issuer"].startswith("Seaway local authority")
    assert (told["days"], told["due"], told["failure"]) == (89, False, "")
    assert datetime.fromisoformat(told["renewal"]) == shown.until - timedelta(days=30)
    later = edge_of(
        ENVIRONMENT, EdgeFacts(mine, None, shown), None, shown.until - timedelta(days=29)
    ).as_json()
    assert (later["days"], later["due"], later["failure"]) == (29, True, "")
    ended = edge_of(ENVIRONMENT, EdgeFacts(mine, None, shown), None, shown.until + timedelta(hours=1))
    assert (ended.days, ended.failure) == (0, f"it ended on {shown.until:%Y-%m-%d}")


def test_a_load_balancer_shows_another_one_than_the_gateway_has() -> None:
    """That of ACM, which AWS renews; the gateway's own is seen by nobody."""
    domain, other = names = ("shop.example.com", "www.example.com")
    words = {"on": "eks", "domain": domain, "names": [other], "https": "acm"}
    production = EnvironmentSpec.model_validate(words)
    own = secret(StandIns(timedelta(days=3650)), *names)
    theirs = Certificate(names, "Amazon RSA 2048 M02", datetime.now(UTC), datetime.now(UTC), 7)
    now = theirs.until - timedelta(days=20)
    told = edge_of(production, EdgeFacts(own, None, theirs), None, now)
    assert (told.certificate, told.due, told.renewal) == (theirs, False, None)
    fewer = edge_of(production, EdgeFacts(own, None, replace(theirs, names=(domain,))), None, now)
    assert fewer.failure == "the load balancer shows one that is not for www.example.com"
    silent = edge_of(production, EdgeFacts(own, None, None, "refused"), None, now)
    assert (silent.certificate, silent.failure) == (None, "the gateway shows none: refused")


def test_a_secret_that_is_of_no_use_is_told_with_the_reason(authority: LocalCertificates) -> None:
    assert mistrust(None, DOMAIN) == ""
    assert mistrust(secret(authority), DOMAIN) == ""
    assert mistrust({}, DOMAIN) == "tls.crt in it is no certificate"
    assert mistrust(secret(authority, **{"tls.crt": "x"}), DOMAIN) == "tls.crt in it is no certificate"
    assert mistrust(secret(authority, **{"tls.key": "x"}), DOMAIN) == "tls.key in it is no key"
    another = authority.issue(DOMAIN).key.reveal()
    assert "not the key" in mistrust(secret(authority, **{"tls.key": another}), DOMAIN)
    assert mistrust(secret(authority, "inn.localhost"), DOMAIN) == "it is for inn.localhost, *.inn.localhost"


def test_what_the_gateway_does_not_show_is_told_with_what_it_says(authority: LocalCertificates) -> None:
    mine, gateway = secret(authority), {"status": {"listeners": [{"conditions": [COMPLAINT]}]}}
    now, last = datetime.now(UTC), kept(secret(authority))
    silent = EdgeFacts(mine, gateway, None, "Connection refused")
    assert edge_of(ENVIRONMENT, silent, None, now).failure == (
        "the gateway shows none: Connection refused; Secret shop/edge-tls must be a pair"
    )
    other = replace(silent, shown=last, gateway=None)
    assert edge_of(ENVIRONMENT, other, None, now).failure == "the gateway shows another one than it has"
    garbage = edge_of(ENVIRONMENT, replace(other, secret={}), None, now)
    assert garbage.failure == "the Secret of the certificate is of no use: tls.crt in it is no certificate"
    assert garbage.certificate == last
    nothing = edge_of(ENVIRONMENT, EdgeFacts(None, None, None, "Connection refused"), None, now)
    assert (nothing.failure, nothing.as_json()["until"]) == ("there is no certificate yet", "")


WISH = Wish(DOMAIN, "https://ca.example.com/dir")


def signed(authority: LocalCertificates) -> dict[str, Any]:
    """What the pilot would have put there; who really signed it is of no matter here."""
    return {"metadata": {"annotations": {AUTHORITY: WISH.authority}}, **secret(authority)}


def test_what_an_acme_server_signed_is_shown_with_what_comes_next(authority: LocalCertificates) -> None:
    mine, now = signed(authority), datetime.now(UTC)
    shown = kept(mine)
    life = asked(Life(mark=WISH.mark), shown, (now + timedelta(days=50), now + timedelta(days=51)), None, now)
    told = edge_of(ENVIRONMENT, EdgeFacts(mine, None, shown), AcmeFacts(WISH, life), now).as_json()
    assert now + timedelta(days=50) < datetime.fromisoformat(told["renewal"]) + timedelta(seconds=1)
    assert told["acme"] == {
        "directory": WISH.directory,
        "signed": True,
        "stays": False,
        "does": f"renewed from {told['renewal']}",
        "next": moments.written(now + timedelta(hours=6)),
        "failures": 0,
        "last_failure": "",
        "last_failure_at": "",
    }
    assert not told["due"]
    almost = edge_of(ENVIRONMENT, EdgeFacts(mine, None, shown), AcmeFacts(WISH, life), shown.until - DAY)
    assert not almost.due  # it is the pilot's, not that of `up`


def test_a_stand_in_is_told_with_the_last_failure(authority: LocalCertificates) -> None:
    mine, now = secret(authority), datetime.now(UTC)
    fresh = settled(Life(), WISH)
    begins = edge_of(ENVIRONMENT, EdgeFacts(mine, None, kept(mine)), AcmeFacts(WISH, fresh), now)
    assert begins.acme
    assert (begins.acme.does, begins.renewal) == ("is asked to sign: there is none yet", None)
    life = failed(fresh, Failure(Kind.REFUSED, "dns: no such name", now))
    told = edge_of(ENVIRONMENT, EdgeFacts(mine, None, kept(mine)), AcmeFacts(WISH, life), now).as_json()
    assert not told["acme"]["signed"]
    assert (told["acme"]["failures"], told["acme"]["last_failure"]) == (1, "dns: no such name")
    assert told["acme"]["does"] == "the last try failed: dns: no such name"
    assert told["acme"]["next"] > moments.written(now + timedelta(minutes=14))
    assert told["failure"] == ""
