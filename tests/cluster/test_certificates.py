"""Certificates of the small system's edge: renewed in time, made anew where they are of no use."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from seaway.app.world import open_world
from seaway.flow.load import load
from seaway.kit.kube import Ref
from seaway.model.event import silent
from seaway.model.plan import Verb
from seaway.pilot.lapsing import REASON, Lapsing
from seaway.providers.local import ca
from seaway.rooms.edge.steps import IssueCertificate
from tests.cluster.support import until
from tests.cluster.tiny_system import DOMAIN, SYSTEM, Tiny


def test_a_certificate_near_its_end_is_renewed_under_load(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = load(tiny.file)
    world = open_world(declared, declared.environment("test")[1], silent)
    with monkeypatch.context() as patch:
        patch.setattr(ca, "LIFE", timedelta(days=1))
        IssueCertificate("tiny", (DOMAIN,), "it shall end soon", Verb.UPDATE).run(world)
    world.kube.close()
    until(lambda: _days_left(tiny) < 2, "the certificate that ends soon")
    assert (
        _edge(tiny).items()
        >= {"names": [DOMAIN, f"*.{DOMAIN}"], "days": 0, "due": True, "failure": ""}.items()
    )
    Lapsing(tiny.cluster.kube, SYSTEM, lambda: True).look()
    said = tiny.cluster.kube.list("v1", "Event", namespace=SYSTEM, fields=f"reason={REASON}")
    assert f"{SYSTEM}/edge-tls ends on" in said[-1]["message"]
    with tiny.load("/"), closing(tiny.connect()) as visit:
        assert visit.ask("/").status == 200
        socket_before = visit.sock
        out, _ = tiny.seaway("up", "-o", "json")
        assert f"certificate {DOMAIN}" in out
        until(lambda: _days_left(tiny) > 80, "the new certificate")
        assert visit.ask("/").status == 200
        assert visit.sock is socket_before
    assert tiny.plan() == []


def test_a_certificate_replaced_by_garbage_is_named_and_made_anew(tiny: Tiny) -> None:
    garbage = {"tls.crt": b64encode(b"garbage").decode()}
    tiny.cluster.kube.patch(Ref("v1", "Secret", "edge-tls", SYSTEM), {"data": garbage})
    assert "tls.crt in it is no certificate" in _edge(tiny)["failure"]
    out, _ = tiny.seaway("plan", status=3)
    assert "tls.crt in it is no certificate" in out
    tiny.seaway("up")
    until(lambda: _edge(tiny)["failure"] == "", "the new certificate")
    assert tiny.ask("/").status == 200


def _days_left(tiny: Tiny) -> float:
    """How long the certificate is good that a new connection is shown."""
    with closing(tiny.connect()) as visit:
        visit.connect()
        shown = x509.load_der_x509_certificate(visit.sock.getpeercert(binary_form=True) or b"")
    return (shown.not_valid_after_utc - datetime.now(UTC)) / timedelta(days=1)


def _edge(tiny: Tiny) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tiny.seaway("edge", "status", "-o", "json")[0])
    return found
