"""A key of AWS KMS that signs images: moto keeps it, what it signs is verified without it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import boto3
import pytest

from seaway.app.keys import signer, verifier
from seaway.errors import SeawayError, UsageError
from seaway.providers.eks.kms import LONGEST, KmsKey
from seaway.rooms.images.attest import attest
from seaway.rooms.images.keyless import Keyless
from seaway.rooms.images.keys import Signer, public_key
from seaway.rooms.images.kinds import TYPES
from seaway.rooms.images.signatures import sign, signatures
from seaway.rooms.images.statements import statements
from seaway.twin.inventory import OPEN, Aws
from tests.rooms.images.registries import push, shelf

REGION = "eu-central-1"


@pytest.fixture
def name(rehearsal: Aws, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new key, as Seaway and cosign name it."""
    monkeypatch.setenv("AWS_REGION", REGION)
    return _made(rehearsal, "ECC_NIST_P256", "SIGN_VERIFY")


def _made(aws: Aws, spec: str, usage: str) -> str:
    kms = boto3.client("kms", endpoint_url=aws.moto, region_name=REGION, **OPEN)
    made = kms.create_key(KeySpec=spec, KeyUsage=usage)  # type: ignore[arg-type]
    return f"awskms:///{made['KeyMetadata']['Arn']}"


def _kept(name: str) -> Signer:
    made = signer(name)
    assert not isinstance(made, Keyless)
    return made


def test_what_it_signs_its_public_half_verifies_and_nothing_else(name: str, tmp_path: Path) -> None:
    made = _kept(name).sign(b"an image")
    (tmp_path / "kms.pub").write_text(KmsKey.open(name).public_pem)
    for key in (verifier(name), public_key(tmp_path / "kms.pub")):
        assert key.verifies(made, b"an image")
        assert not key.verifies(made, b"another image")


def test_of_what_is_too_long_the_digest_is_signed(name: str) -> None:
    """The emulator takes a digest for a message and hashes it once more, AWS does not: so much is seen."""
    long = b"x" * (LONGEST + 1)
    assert verifier(name).verifies(_kept(name).sign(long), hashlib.sha256(long).digest())


def test_images_are_signed_and_attested_with_it(server: Any, name: str, tmp_path: Path) -> None:
    here = shelf(server.host)
    digest = push(here, b"a layer")
    (tmp_path / "kms.pub").write_text(verifier(name).pem)
    public = public_key(tmp_path / "kms.pub")
    assert signatures(here, digest, [public]) == []
    assert sign(here, digest, signer(name))
    assert not sign(here, digest, signer(name))
    assert sorted(each.form for each in signatures(here, digest, [public])) == ["bundle", "tag"]
    attest(here, digest, TYPES["approval"], None, signer(name))
    assert [said.predicate_type for said in statements(here, digest, [public]) if said.by == public]


def test_an_alias_and_a_bare_id_name_the_same_key(name: str, rehearsal: Aws) -> None:
    kms = boto3.client("kms", endpoint_url=rehearsal.moto, region_name=REGION, **OPEN)
    bare = name.rpartition("/")[2]
    kms.create_alias(AliasName=f"alias/release-{bare}", TargetKeyId=bare)
    for other in (f"awskms:///{bare}", f"awskms:///alias/release-{bare}"):
        assert verifier(other).pem == verifier(name).pem


def test_the_region_of_an_arn_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert KmsKey.open(name).client.meta.region_name == REGION


@pytest.mark.parametrize("spec", [("RSA_2048", "SIGN_VERIFY"), ("ECC_NIST_P384", "SIGN_VERIFY")])
def test_a_key_of_another_kind_is_refused(spec: tuple[str, str], rehearsal: Aws) -> None:
    with pytest.raises(UsageError, match="is no ECDSA key on the curve P-256"):
        _ = signer(_made(rehearsal, *spec)).public


@pytest.mark.parametrize(
    "wrong", ["awskms://release", "awskms://127.0.0.1:4566/alias/release", "awskms:///", "awskms:///a/b"]
)
def test_names_of_another_form_are_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="names no key of AWS KMS"):
        signer(wrong)


@pytest.mark.usefixtures("name")
def test_a_key_that_is_not_there_is_named() -> None:
    with pytest.raises(SeawayError, match="the public half of alias/none cannot be had") as found:
        verifier("awskms:///alias/none")
    assert "NotFound" in found.value.why
