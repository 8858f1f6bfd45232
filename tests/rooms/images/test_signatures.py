"""Signatures in both of cosign's forms: what is written, and that nothing else passes for one."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import NotFound, Refused, SeawayError, UsageError
from seaway.kit import oci
from seaway.model.event import silent
from seaway.model.names import Digest
from seaway.model.secret import Secret
from seaway.model.wrong import Wrong
from seaway.rooms.images import statements
from seaway.rooms.images.attest import attest
from seaway.rooms.images.copy import copy
from seaway.rooms.images.keys import PASSWORD, PrivateKey, make_pair, private_key, public_key
from seaway.rooms.images.kinds import TYPES, predicate_type
from seaway.rooms.images.shelf import Shelf, companion_tag
from seaway.rooms.images.signatures import SIGNATURE, SIMPLE, sign, signatures
from tests.rooms.images.registries import push, shelf, stored

DIGEST = Digest("sha256:" + "a" * 64)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pair(tmp_path_factory.mktemp("keys") / "release", None)[0]


@pytest.fixture
def key(pair: Path) -> PrivateKey:
    return private_key(pair)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> PrivateKey:
    return private_key(make_pair(tmp_path_factory.mktemp("keys") / "other", None)[0])


@pytest.fixture
def here(server: Any) -> Shelf:
    return shelf(server.host)


def forms(where: Shelf, digest: Digest, *keys: PrivateKey) -> list[str]:
    return sorted(each.form for each in signatures(where, digest, [k.public for k in keys]))


def test_openssl_takes_our_pairs_and_signatures(pair: Path, key: PrivateKey, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"what is signed")
    (tmp_path / "signature").write_bytes(key.sign(b"what is signed"))
    argv = ["openssl", "dgst", "-sha256", "-verify", str(pair.with_suffix(".pub"))]
    argv += ["-signature", str(tmp_path / "signature"), str(tmp_path / "data")]
    assert "Verified OK" in subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    told = subprocess.run(
        ["openssl", "pkey", "-in", pair, "-noout", "-text"], check=True, capture_output=True
    )
    assert b"prime256v1" in told.stdout


def test_signatures_of_openssl_are_taken(pair: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"what is signed")
    argv = ["openssl", "dgst", "-sha256", "-sign", str(pair), str(tmp_path / "data")]
    made = subprocess.run(argv, check=True, capture_output=True).stdout
    assert public_key(pair.with_suffix(".pub")).verifies(made, b"what is signed")


def test_a_private_key_is_for_its_owner_alone(pair: Path) -> None:
    assert pair.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused, match="is there already"):
        make_pair(pair.with_suffix(""), None)


def test_a_key_with_a_password_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = make_pair(tmp_path / "hidden", Secret("open sesame"))
    assert b"ENCRYPTED PRIVATE KEY" in path.read_bytes()
    for given_ in (None, "wrong"):
        monkeypatch.setenv(PASSWORD, given_) if given_ else monkeypatch.delenv(PASSWORD, raising=False)
        with pytest.raises(UsageError, match="cannot be used as a private key") as caught:
            private_key(path)
        assert PASSWORD in caught.value.remedy
    monkeypatch.setenv(PASSWORD, "open sesame")
    assert private_key(path).public.verifies(private_key(path).sign(b"x"), b"x")


def test_what_is_no_key_of_ours_is_told(tmp_path: Path, pair: Path) -> None:
    with pytest.raises(NotFound, match="there is no key"):
        public_key(tmp_path / "none.pub")
    (tmp_path / "words").write_text("not a key")
    with pytest.raises(UsageError, match="cannot be used as a public key"):
        public_key(tmp_path / "words")
    with pytest.raises(UsageError, match="cannot be used as a public key"):
        public_key(pair)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "ed"], check=True)
    with pytest.raises(UsageError, match="no ECDSA key on the curve P-256"):
        private_key(tmp_path / "ed")
    (tmp_path / "cosign.key").write_text("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    with pytest.raises(UsageError, match="cosign's own way"):
        private_key(tmp_path / "cosign.key")


def test_a_payload_is_encoded_as_dsse_has_it() -> None:
    """The example of DSSE v1, protocol.md."""
    wanted = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert statements.encoded(b"hello world", "http://example.com/HelloWorld") == wanted


def test_a_bundle_is_as_cosign_writes_it(key: PrivateKey, pair: Path) -> None:
    made = json.loads(statements.bundle(statements.statement(DIGEST, statements.SIGNED, {}), key))
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", pair.with_suffix(".pub"), "-outform", "DER"],
        check=True, capture_output=True,
    ).stdout  # fmt: skip
    hint = base64.b64encode(hashlib.sha256(der).digest()).decode()
    assert made["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert made["verificationMaterial"] == {"publicKey": {"hint": hint}}
    assert made["dsseEnvelope"]["payloadType"] == "application/vnd.in-toto+json"
    assert json.loads(base64.b64decode(made["dsseEnvelope"]["payload"])) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": "a" * 64}}],
        "predicateType": "https://sigstore.dev/cosign/sign/v1",
        "predicate": {},
    }


@settings(max_examples=60)
@given(st.sampled_from(["payload", "sig"]), st.integers(0, 1000), st.integers(1, 255))
def test_a_bundle_that_was_changed_is_none(pair: Path, part: str, place: int, flip: int) -> None:
    key = private_key(pair)
    made = json.loads(statements.bundle(statements.statement(DIGEST, TYPES["approval"], {"n": 1}), key))
    envelope = made["dsseEnvelope"]
    assert statements.opened(json.dumps(made).encode(), [key.public]) is not None
    holder = envelope if part == "payload" else envelope["signatures"][0]
    raw = bytearray(base64.b64decode(holder[part]))
    raw[place % len(raw)] ^= flip
    holder[part] = base64.b64encode(raw).decode()
    assert statements.opened(json.dumps(made).encode(), [key.public]) is None


KEYS = st.sampled_from(["dsseEnvelope", "payload", "payloadType", "signatures", "sig", "subject", "digest"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=60)
@given(st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_whatever_else_lies_there_is_no_bundle_and_no_statement(pair: Path, junk: bytes) -> None:
    assert statements.opened(junk, [private_key(pair).public]) is None
    assert statements.read(junk, DIGEST, None) is None


def test_types_have_short_names() -> None:
    assert predicate_type("tests") == "https://in-toto.io/attestation/test-result/v0.1"
    assert predicate_type("https://example.com/audit/v1") == "https://example.com/audit/v1"
    with pytest.raises(Wrong, match="'test' is no type") as caught:
        predicate_type("test")
    assert caught.value.remedy == "did you mean tests?"


@pytest.mark.cluster
def test_a_signed_image_is_verified_by_its_key_alone(here: Shelf, key: PrivateKey, other: PrivateKey) -> None:
    digest = push(here, b"app")
    assert forms(here, digest, key, other) == []
    assert sign(here, digest, key)
    assert forms(here, digest, key) == ["bundle", "tag"]
    assert forms(here, digest, other) == []
    assert not sign(here, digest, key)
    assert sign(here, digest, other)
    assert forms(here, digest, key, other) == ["bundle", "bundle", "tag", "tag"]
    assert forms(here, push(here, b"another"), key, other) == []


@pytest.mark.cluster
def test_a_signature_lies_where_cosign_looks_for_it(here: Shelf, key: PrivateKey) -> None:
    digest = push(here, b"app")
    sign(here, digest, key)
    tag = f"sha256-{digest.hex}.sig"
    (layer,) = json.loads(here.server.manifest(here.repository, tag)[1])["layers"]
    assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"
    payload = here.get(layer)
    assert json.loads(payload)["critical"] == {
        "identity": {"docker-reference": str(here)},
        "image": {"docker-manifest-digest": digest.value},
        "type": "cosign container image signature",
    }
    signed = base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"])
    assert key.public.verifies(signed, payload)
    (entry,) = here.server.referrers(here.repository, digest.value)
    assert entry["artifactType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert entry["annotations"]["dev.sigstore.bundle.predicateType"] == "https://sigstore.dev/cosign/sign/v1"
    manifest = json.loads(here.server.manifest(here.repository, entry["digest"])[1])
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert manifest["subject"]["digest"] == digest.value


@pytest.mark.cluster
def test_a_signature_of_one_image_is_none_of_another(here: Shelf, key: PrivateKey) -> None:
    good, bad = push(here, b"good"), push(here, b"bad")
    sign(here, good, key)
    here.put_beside(companion_tag(bad.value, "sig"), here.beside(good, "sig"))
    (entry,) = here.server.referrers(here.repository, good.value)
    (layer,) = json.loads(here.server.manifest(here.repository, entry["digest"])[1])["layers"]
    here.refer(bad, statements.BUNDLE, here.get(layer), {})
    assert forms(here, bad, key) == []
    assert forms(here, good, key) == ["bundle", "tag"]


@pytest.mark.cluster
def test_a_signature_over_something_else_is_none(here: Shelf, key: PrivateKey) -> None:
    digest = push(here, b"app")
    payload = json.dumps({"critical": {"image": {"docker-manifest-digest": digest.value}}}).encode()
    here.put(payload)
    signed = base64.b64encode(key.sign(b"else")).decode()
    wrong = [
        oci.descriptor(SIMPLE, payload, told) for told in ({SIGNATURE: signed}, {SIGNATURE: "%"}, {"x": "y"})
    ]
    here.put_beside(companion_tag(digest.value, "sig"), wrong)
    assert forms(here, digest, key) == []


@pytest.mark.cluster
def test_a_signature_damaged_in_storage_is_named(here: Shelf, key: PrivateKey, server: Any) -> None:
    digest = push(here, b"app")
    sign(here, digest, key)
    (layer,) = here.beside(digest, "sig")
    path = stored(server.folder, layer["digest"])
    path.write_bytes(path.read_bytes().replace(b"critical", b"cricital"))
    with pytest.raises(SeawayError, match=f"gave a blob that is not {layer['digest']}"):
        forms(here, digest, key)


@pytest.mark.cluster
def test_signatures_and_attestations_come_with_a_copy(
    here: Shelf, key: PrivateKey, other: PrivateKey, second_server: Any
) -> None:
    digest, there = push(here, b"app"), shelf(second_server.host, "prod/app")
    sign(here, digest, key)
    attest(here, digest, TYPES["tests"], {"result": "PASSED"}, other)
    statements.attach(here, digest, TYPES["provenance"], {"by": "nobody"}, None)
    copy(here, there, digest, silent, "test")
    assert forms(there, digest, key) == ["bundle", "tag"]
    said = statements.statements(there, digest, [key.public, other.public])
    told = {(each.predicate_type, each.by == other.public, each.by is None) for each in said}
    assert told == {
        (statements.SIGNED, False, False),
        (TYPES["tests"], True, False),
        (TYPES["provenance"], False, True),
    }


@pytest.mark.cluster
def test_a_signature_that_is_too_long_is_not_read(here: Shelf) -> None:
    here.put(b"short")
    with pytest.raises(SeawayError, match="too much for what it should be"):
        here.get({**oci.descriptor(SIMPLE, b"short"), "size": 1 << 40})


@pytest.mark.cluster
def test_a_result_of_tests_says_whether_they_passed(here: Shelf, key: PrivateKey) -> None:
    digest = push(here, b"app")
    with pytest.raises(UsageError, match="does not say whether they passed"):
        attest(here, digest, TYPES["tests"], {"tests": 12}, key)
    with pytest.raises(UsageError, match="must be a JSON object"):
        attest(here, digest, TYPES["approval"], ["me"], key)
    assert here.server.referrers(here.repository, digest.value) == ()
