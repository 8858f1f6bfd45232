"""The cluster's certificates: each is trusted for what it is, and survives a second look."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from seaway.errors import SeawayError
from seaway.providers.local import pki
from seaway.providers.local.certificate import Pair
from seaway.providers.local.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr("seaway.providers.local.home.STATE", tmp_path)
    place = Home("here", 3)
    pki.make_cluster(place)
    return place


def read(home: Home, name: str) -> x509.Certificate:
    return Pair.read(home.pki, name).certificate


def trusting(home: Home, authority: str = "ca") -> PolicyBuilder:
    return PolicyBuilder().store(Store([read(home, authority)])).time(datetime.now(UTC))


def test_the_api_server_is_trusted_under_each_of_its_names_and_addresses(home: Home) -> None:
    server = read(home, "apiserver")
    for name in (
        x509.DNSName("kubernetes.default.svc"),
        x509.IPAddress(home.control),
        x509.IPAddress(home.cluster_ips[1]),
    ):
        trusting(home).build_server_verifier(name).verify(server, [])
    with pytest.raises(VerificationError):
        trusting(home).build_server_verifier(x509.DNSName("elsewhere")).verify(server, [])


def test_a_component_says_who_it_is_as_a_client(home: Home) -> None:
    admin = read(home, "admin")
    assert admin.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:masters"
    assert admin.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "seaway-admin"
    admin.verify_directly_issued_by(read(home, "ca"))


def test_the_front_proxy_has_an_authority_of_its_own(home: Home) -> None:
    proxy = read(home, "front-proxy-client")
    proxy.verify_directly_issued_by(read(home, "front-proxy-ca"))
    with pytest.raises(ValueError, match="does not match"):
        proxy.verify_directly_issued_by(read(home, "ca"))


def test_nothing_of_it_is_for_others_to_read(home: Home) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.pki.iterdir()} == {0o600}


def test_a_second_look_leaves_every_file_alone(home: Home) -> None:
    before = {path.name: path.read_bytes() for path in home.pki.iterdir()}
    pki.make_cluster(home)
    assert {path.name: path.read_bytes() for path in home.pki.iterdir()} == before


def test_an_authority_with_another_kind_of_key_is_named(home: Home) -> None:
    other = Ed25519PrivateKey.generate()
    (home.pki / "ca.key").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SeawayError, match="ca is of another kind"):
        Pair.read(home.pki, "ca")
