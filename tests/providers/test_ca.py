"""The local authority: what it signs is trusted by a strict client, and only for local names."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from seaway.errors import Refused
from seaway.providers.local.ca import LIFE, LocalCertificates


def _chain(pem: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(pem.encode())


def test_a_certificate_is_good_for_the_domain_and_every_name_below_it(tmp_path: Path) -> None:
    certificates = LocalCertificates(tmp_path)
    issued = certificates.issue("shop.localhost")
    leaf, _ = _chain(issued.chain)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["shop.localhost", "*.shop.localhost"]
    assert leaf.not_valid_after_utc == issued.until
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < LIFE + timedelta(hours=2)


def test_several_names_are_in_one_certificate(tmp_path: Path) -> None:
    leaf, _ = _chain(LocalCertificates(tmp_path).issue("shop.localhost", "inn.localhost").chain)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    expected = ["shop.localhost", "*.shop.localhost", "inn.localhost", "*.inn.localhost"]
    assert names.get_values_for_type(x509.DNSName) == expected


def test_a_strict_client_trusts_it_for_its_own_names_alone(tmp_path: Path) -> None:
    certificates = LocalCertificates(tmp_path)
    leaf, authority = _chain(certificates.issue("shop.localhost").chain)
    trusting = PolicyBuilder().store(Store(_chain(certificates.authority_pem())))
    for name in ("shop.localhost", "www.shop.localhost"):
        trusted = trusting.build_server_verifier(x509.DNSName(name)).verify(leaf, [])
        assert trusted == [leaf, authority]
    with pytest.raises(VerificationError):
        trusting.build_server_verifier(x509.DNSName("other.localhost")).verify(leaf, [])


def test_the_authority_is_bound_to_local_names(tmp_path: Path) -> None:
    (authority,) = _chain(LocalCertificates(tmp_path).authority_pem())
    bound = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert bound.critical
    assert "localhost" in [name.value for name in bound.value.permitted_subtrees or ()]


def test_a_public_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"example\.com"):
        LocalCertificates(tmp_path).issue("shop.example.com")
    with pytest.raises(Refused, match=r"vouch for www\.example\.com$"):
        LocalCertificates(tmp_path).issue("shop.localhost", "www.example.com")


def test_the_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    LocalCertificates(tmp_path).authority_pem()
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600


def test_the_authority_is_made_once(tmp_path: Path) -> None:
    first = LocalCertificates(tmp_path)
    assert first.authority == ""
    pem = first.authority_pem()
    assert LocalCertificates(tmp_path).authority_pem() == pem
    assert first.authority


def test_the_key_of_a_certificate_does_not_print(tmp_path: Path) -> None:
    assert "PRIVATE" not in repr(LocalCertificates(tmp_path).issue("shop.localhost"))
