"""What `seaway edge status` says of real certificates: those of the authority, and what is none."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.flow.edge import edge_of
from seaway.model.certificate import kept, mistrust
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.edge.certificates import EdgeFacts

DOMAIN = "shop.localhost"
ENVIRONMENT = EnvironmentSpec(on="local", domain=DOMAIN)
COMPLAINT = {"type": "ResolvedRefs", "status": "False", "message": "Secret shop/edge-tls must be a pair"}


@pytest.fixture
def authority(tmp_path: Path) -> LocalCertificates:
    return LocalCertificates(tmp_path)


def secret(authority: LocalCertificates, domain: str = DOMAIN, **other: str) -> dict[str, Any]:
    made = authority.issue(domain)
    found = {"tls.crt": made.chain, "tls.key": made.key.reveal(), **other}
    return {"data": {name: b64encode(text.encode()).decode() for name, text in found.items()}}


def test_a_certificate_is_shown_with_its_days_and_its_renewal(authority: LocalCertificates) -> None:
    mine = secret(authority)
    shown = kept(mine)
    told = edge_of(ENVIRONMENT, EdgeFacts(mine, None, shown), datetime.now(UTC)).as_json()
    assert told["names"] == [DOMAIN, f"*.{DOMAIN}"]
    assert told["issuer"].startswith("Seaway local authority")
    assert (told["days"], told["due"], told["failure"]) == (89, False, "")
    assert datetime.fromisoformat(told["renewal"]) == shown.until - timedelta(days=30)
    later = edge_of(ENVIRONMENT, EdgeFacts(mine, None, shown), shown.until - timedelta(days=29)).as_json()
    assert (later["days"], later["due"], later["failure"]) == (29, True, "")
    ended = edge_of(ENVIRONMENT, EdgeFacts(mine, None, shown), shown.until + timedelta(hours=1))
    assert (ended.days, ended.failure) == (0, f"it ended on {shown.until:%Y-%m-%d}")


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
    assert edge_of(ENVIRONMENT, silent, now).failure == (
        "the gateway shows none: Connection refused; Secret shop/edge-tls must be a pair"
    )
    other = replace(silent, shown=last, gateway=None)
    assert edge_of(ENVIRONMENT, other, now).failure == "the gateway shows another one than it has"
    garbage = edge_of(ENVIRONMENT, replace(other, secret={}), now)
    assert garbage.failure == "the Secret of the certificate is of no use: tls.crt in it is no certificate"
    assert garbage.certificate == last
    nothing = edge_of(ENVIRONMENT, EdgeFacts(None, None, None, "Connection refused"), now)
    assert (nothing.failure, nothing.as_json()["until"]) == ("there is no certificate yet", "")
