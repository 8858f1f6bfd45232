"""A cluster by its context alone, and certificates that somebody else signed."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.errors import NotFound, Refused
from seaway.kit import kubeconfig
from seaway.model.event import silent
from seaway.model.names import covers
from seaway.providers.anywhere.away import Away
from seaway.providers.anywhere.certificates import GivenCertificates
from seaway.providers.anywhere.clusters import ContextClusters
from seaway.providers.local import certificate

DOMAIN = "shop.example.com"


def _config(file: Path, context: str) -> str:
    document = kubeconfig.entries(context, {"server": "https://127.0.0.1:1"}, {"token": "x"})
    file.write_text(yaml.safe_dump(document))
    return str(file)


def test_a_context_is_found_in_any_file_of_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [_config(tmp_path / name, name) for name in ("one", "two")]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(files))
    kube = ContextClusters("two").connect()
    assert (kube.context, kube.address) == ("two", "https://127.0.0.1:1")
    kube.close()
    with pytest.raises(NotFound, match="there is no context three in your kubeconfig"):
        ContextClusters("three").get("three")


def test_a_cluster_of_somebody_else_is_neither_made_nor_scaled_nor_removed() -> None:
    theirs = ContextClusters("ctx")
    for act in (
        lambda: theirs.create("ctx", 1, "", silent),
        lambda: theirs.scale("ctx", 2, "", silent),
        lambda: theirs.delete("ctx", silent),
    ):
        with pytest.raises(Refused, match="the cluster behind context ctx is not"):
            act()
    away = Away(theirs, "kubeconfig")
    away.check_ports("ctx", (443,))
    for lacking in (
        lambda: away.autoscale("ctx", silent),
        lambda: away.count("ctx", silent),
        lambda: away.admit("ctx", (9000,), silent),
        lambda: away.publish("ctx", {}, silent),
    ):
        with pytest.raises(Refused, match="a cluster on: kubeconfig cannot"):
            lacking()


def _given(folder: Path, days: float, *names: str) -> GivenCertificates:
    authority = certificate.authority("tests", timedelta(days=9))
    whom, uses = certificate.subject("shop"), [ExtendedKeyUsageOID.SERVER_AUTH]
    known = [x509.DNSName(name) for name in names]
    made = certificate.issue(authority, whom, timedelta(days=days), known, uses)
    (folder / "chain.pem").write_bytes(made.pem + authority.pem)
    (folder / "key.pem").write_bytes(certificate.pem(made.key))
    return GivenCertificates(folder / "chain.pem", folder / "key.pem")


def test_a_given_certificate_is_handed_on_as_it_is(tmp_path: Path) -> None:
    given = _given(tmp_path, 5, DOMAIN)
    issued = given.issue(DOMAIN)
    assert issued.chain == (tmp_path / "chain.pem").read_text()
    assert issued.key.reveal() == (tmp_path / "key.pem").read_text()
    before = given.authority
    assert len(before) == 32
    assert before == given.authority
    assert _given(tmp_path, 5, DOMAIN).authority != before


def test_a_given_certificate_that_will_not_do_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="will not do") as refused:
        _given(tmp_path, -0.01, DOMAIN).issue(DOMAIN)
    assert refused.value.why.startswith("it ended on ")
    with pytest.raises(Refused) as refused:
        _given(tmp_path, 5).issue(DOMAIN)
    assert refused.value.why == f"it is not for {DOMAIN}"
    with pytest.raises(Refused) as refused:
        _given(tmp_path, 5, DOMAIN).issue("www.example.org", DOMAIN, "www.example.com")
    assert refused.value.why == "it is not for www.example.org, www.example.com"
    assert _given(tmp_path, 5, DOMAIN, "*.example.org").issue(DOMAIN, "www.example.org")
    given = _given(tmp_path, 5, DOMAIN)
    (tmp_path / "key.pem").write_bytes(certificate.pem(certificate.new_key()))
    with pytest.raises(Refused) as refused:
        given.issue(DOMAIN)
    assert refused.value.why.startswith("it is not the key of")
    (tmp_path / "chain.pem").unlink()
    with pytest.raises(Refused) as refused:
        _ = given.authority
    assert refused.value.why == "No such file or directory"
    assert GivenCertificates().authority == ""
    with pytest.raises(Refused, match=f"there is no certificate for {DOMAIN}"):
        GivenCertificates().issue(DOMAIN)


@pytest.mark.parametrize(
    ("names", "does"),
    [
        (["shop.example.com"], True),
        (["SHOP.example.com"], True),
        (["*.example.com"], True),
        (["*.com"], False),
        (["example.com"], False),
        (["*.shop.example.com"], False),
        ([], False),
    ],
)
def test_a_star_is_one_label(names: list[str], does: bool) -> None:
    assert covers(names, DOMAIN) is does
