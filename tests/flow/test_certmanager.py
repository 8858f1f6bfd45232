"""A certificate that cert-manager keeps: planned, told, and given up again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.cli.edge import managed_lines
from seaway.errors import SpecError
from seaway.flow.edge import edge_of
from seaway.flow.load import read
from seaway.kit.kube import Ref
from seaway.model.snapshot import Snapshot
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.edge.certificates import EdgeFacts
from seaway.rooms.edge.certmanager import certificate_ref, managed_of
from tests.flow import worlds
from tests.flow.test_several_names import FILE, lines, signed, system
from tests.flow.worlds import planned

ASKED = ", https: {issuer: cert-manager, name: house, kind: Issuer}"
SIGNER = "cert-manager:Issuer/house"
CERTIFICATE = certificate_ref("shop")


def conditions(*found: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"type": kind, "status": status, "message": said} for kind, status, said in found]


def asked(*found: tuple[str, str, str], **status: Any) -> dict[str, Any]:
    issuer = {"name": "house", "kind": "Issuer", "group": "cert-manager.io"}
    return {"spec": {"issuerRef": issuer}, "status": {**status, "conditions": conditions(*found)}}


def kept(seen: Snapshot) -> Snapshot:
    return signed(seen, "shop.localhost", SIGNER)


def test_a_stand_in_is_there_before_cert_manager_is_asked_and_its_issuer_before_both() -> None:
    plan = planned(system(ASKED), worlds.nothing(system(ASKED)))
    why = f"there is none yet; a stand-in until {SIGNER} signs"
    told = [f"{c.verb.value} {c.thing}: {'; '.join(c.details)}" for c in plan.changes]
    assert f"create certificate shop.localhost: {why}" in told
    assert "wait Issuer house of cert-manager: it must be ready" in told
    ids = [step.id for step in plan.steps]
    order = ("edge/issuer/ready", "edge/certificate/issue", "edge/certificate/ask")
    assert sorted(order, key=ids.index) == list(order)
    assert plan.notes[-1].startswith("visitors see a stand-in until Issuer house of cert-manager signs")


def test_what_it_keeps_is_left_alone_however_old_and_of_no_use_is_made_anew() -> None:
    seen = kept(worlds.everything(system(ASKED)))
    later = replace(seen, now=seen.now + timedelta(days=400))
    assert lines(system(ASKED), seen) == lines(system(ASKED), later) == []
    useless = replace(seen, mistrust="tls.crt in it is no certificate")
    assert lines(system(ASKED), useless)[0].startswith(
        "update certificate shop.localhost: tls.crt in it is no"
    )


def test_another_issuer_and_a_further_name_are_asked_for_and_the_certificate_stays_meanwhile() -> None:
    seen = kept(worlds.everything(system(ASKED)))
    for words in (f"{ASKED}, names: www.shop.localhost", ASKED.replace("house", "other")):
        told = lines(system(words), seen)
        assert [each for each in told if each.startswith("wait Issuer")]
        assert [each for each in told if each.startswith("update Certificate shop/edge: spec.")]
        assert not [each for each in told if each.startswith("update certificate ")]


def test_the_local_authority_signs_again_once_cert_manager_no_longer_puts_its_own_back() -> None:
    seen = kept(worlds.everything(system(ASKED)))
    plan = planned(system(), seen)
    ids = [step.id for step in plan.steps]
    assert ids.index("edge/edge/remove-certificate") < ids.index("edge/certificate/issue")
    assert "delete Certificate shop/edge: " in lines(system(), seen)


def test_who_vouches_for_what_it_signs_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(LocalCertificates(tmp_path / "ca").authority_pem())
    text = FILE % ASKED.replace("kind: Issuer", "ca: ca.pem")
    assert read(text.encode(), "seaway.yaml", tmp_path).environments["rehearsal"].https.ca == "ca.pem"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("{issuer: cert-manager}", "cert-manager is not told which of its issuers signs"),
        (
            "{issuer: cert-manager, name: a, email: a@b.example}",
            "email means nothing on issuer: cert-manager",
        ),
        (
            "{issuer: acme, directory: 'https://a.b/d', kind: Issuer}",
            "kind means nothing on issuer: acme",
        ),
        ("{name: house}", "name means nothing on issuer: local"),
    ],
)
def test_words_of_another_issuer_are_refused(words: str, why: str) -> None:
    with pytest.raises(SpecError) as caught:
        system(f", https: {words}")
    assert [problem.why for problem in caught.value.problems] == [why]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (asked(("Ready", "True", "up to date"), renewalTime="2027-01-28T11:59:02Z"), ["· it is kept by"]),
        (asked(("Ready", "False", "does not exist")), ["· a stand-in for one of", "says: does not exist"]),
        (
            asked(
                ("Ready", "False", "does not exist"),
                ("Issuing", "False", "the issuer refused"),
                failedIssuanceAttempts=3,
            ),
            ["· a stand-in for one of", "(failed 3 times in a row): the issuer refused"],
        ),
        ({"spec": asked()["spec"]}, ["· a stand-in for one of", "it says nothing of it"]),
    ],
)
def test_what_it_says_is_told(found: dict[str, Any], said: Iterable[str]) -> None:
    managed = managed_of(found)
    environment = system(ASKED).environments["rehearsal"]
    told = edge_of(environment, EdgeFacts(None, None, None), None, datetime.now(UTC), managed).as_json()
    assert told["due"] is False
    assert told["renewal"] == (found.get("status", {}).get("renewalTime") or "")
    written = managed_lines(told["cert_manager"])
    assert len(written) == len(list(said))
    assert all(part in line for part, line in zip(said, written, strict=True))


def test_it_is_one_object_whose_notes_are_those_of_the_secret() -> None:
    made = worlds.everything(system(ASKED)).live.objects[CERTIFICATE]["spec"]
    assert (made["secretName"], made["dnsNames"]) == ("edge-tls", ["shop.localhost"])
    assert made["secretTemplate"]["annotations"]["seaway.dev/authority"] == SIGNER
    assert made["secretTemplate"]["labels"]["app.kubernetes.io/managed-by"] == "seaway"
    assert Ref.of(worlds.everything(system(ASKED)).live.objects[CERTIFICATE]) == CERTIFICATE
