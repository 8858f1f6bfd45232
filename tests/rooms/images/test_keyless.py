"""Signatures without a key: who signs is who the token names, and only what was logged in time opens."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seaway.app.keys import identity, signer, witness
from seaway.errors import NotFound, Refused, SeawayError, Unreachable, UsageError
from seaway.model.event import silent
from seaway.model.names import Digest, ImageRef
from seaway.providers.sigstore.signing import TOKEN, identity_token
from seaway.providers.sigstore.trust import trusted
from seaway.rooms.images.attest import attest
from seaway.rooms.images.keyless import Keyless
from seaway.rooms.images.keys import make_pair, private_key
from seaway.rooms.images.kinds import TYPES
from seaway.rooms.images.promote import Move, Rules, promote
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.signatures import sign, signatures
from seaway.rooms.images.spec import PromotionSpec
from seaway.rooms.images.statements import SIGNED, bundle, statement, statements
from tests.rooms.images.registries import push, shelf
from tests.rooms.images.sigstores import CI, ISSUER, WORKFLOW, Sigstore, playing

DIGEST = Digest("sha256:" + "a" * 64)
PAYLOAD = statement(DIGEST, SIGNED, {}, "registry.test/app")
CERTIFICATE, ENTRY = "/api/v2/signingCert", "/api/v1/log/entries"
MAIL = "lead@shop.test"


@pytest.fixture
def sigstore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sigstore]:
    """One that runs, and no CI around it."""
    for name in (TOKEN, "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "BUILDKITE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "sigstore").mkdir()
    with playing(tmp_path / "sigstore") as here:
        yield here


@pytest.fixture
def here(server: Any) -> Shelf:
    return shelf(server.host)


def somebody(sigstore: Sigstore, sub: str = WORKFLOW) -> Keyless:
    file = sigstore.folder / f"token-{len(sub)}"
    file.write_text(sigstore.token(sub) + "\n")
    made = signer(f"keyless:{sigstore.config}", file)
    assert isinstance(made, Keyless)
    return made


def test_who_signs_is_who_the_token_names(here: Shelf, sigstore: Sigstore, tmp_path: Path) -> None:
    digest, author = push(here, b"app"), somebody(sigstore)
    assert sigstore.asked == []
    assert sign(here, digest, author)
    assert (author.public.who, author.public.issuer) == (WORKFLOW, ISSUER)
    assert not sign(here, digest, author)
    assert sigstore.asked == [CERTIFICATE, ENTRY]
    (tmp_path / "other").mkdir()
    with playing(tmp_path / "other") as other:
        wanted = identity(WORKFLOW, ISSUER, sigstore.root)
        strangers = [
            identity(f"{WORKFLOW}s", ISSUER, sigstore.root),
            identity(WORKFLOW, f"{ISSUER}/", sigstore.root),
            identity(WORKFLOW, ISSUER, other.root),
        ]
    (found,) = signatures(here, digest, [*strangers, wanted])
    assert (found.by.name, found.form) == (f"{WORKFLOW} of {ISSUER}", "bundle")
    assert found.by.hint == author.public.hint
    assert here.beside(digest, "sig") == []


def test_keys_and_identities_sign_side_by_side(here: Shelf, sigstore: Sigstore, tmp_path: Path) -> None:
    digest, key = push(here, b"app"), private_key(make_pair(tmp_path / "release", None)[0])
    one, other = somebody(sigstore), somebody(sigstore, MAIL)
    for each in (key, one, other):
        assert sign(here, digest, each)
    found = {(s.by.hint, s.form) for s in signatures(here, digest, [one.public, other.public, key.public])}
    assert found == {
        (one.public.hint, "bundle"),
        (other.public.hint, "bundle"),
        (key.public.hint, "bundle"),
        (key.public.hint, "tag"),
    }


def _changed(where: str, what: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Change one part of a bundle, by its path."""

    def change(made: Any) -> None:
        *path, last = where.split(".")
        for each in path:
            made = made[int(each) if each.isdigit() else each]
        made[last] = what(made[last])

    return change


def _another(text: str) -> str:
    """The same bytes but for one bit in their midst."""
    raw = bytearray(base64.b64decode(text))
    raw[len(raw) // 2] ^= 1
    return base64.b64encode(raw).decode()


ENTRIES = "verificationMaterial.tlogEntries"


@pytest.mark.parametrize(
    "change",
    [
        _changed("dsseEnvelope.payload", _another),
        _changed("dsseEnvelope.signatures", lambda one: [*one, *one]),
        _changed("dsseEnvelope.payloadType", lambda _: "text/plain"),
        _changed("verificationMaterial.certificate.rawBytes", _another),
        _changed(ENTRIES, lambda _: []),
        _changed(f"{ENTRIES}.0.integratedTime", lambda at: str(int(at) + 1)),
        _changed(f"{ENTRIES}.0.canonicalizedBody", _another),
        _changed(f"{ENTRIES}.0.inclusionPromise.signedEntryTimestamp", _another),
        _changed(f"{ENTRIES}.0.inclusionProof.rootHash", _another),
    ],
)
def test_a_bundle_that_was_changed_opens_nothing(sigstore: Sigstore, change: Callable[[Any], None]) -> None:
    author, trust = somebody(sigstore), trusted(sigstore.root)
    made = author.bundle(PAYLOAD)
    assert trust.opened(made, WORKFLOW, ISSUER) == PAYLOAD
    other = json.loads(made)
    change(other)
    assert trust.opened(json.dumps(other).encode(), WORKFLOW, ISSUER) is None


def test_what_is_no_bundle_of_an_identity_opens_nothing(sigstore: Sigstore, tmp_path: Path) -> None:
    trust, key = trusted(sigstore.root), private_key(make_pair(tmp_path / "release", None)[0])
    for each in (b"", b"null", b"[]", b'{"dsseEnvelope": 1}', b"\xff", bundle(PAYLOAD, key)):
        assert trust.opened(each, WORKFLOW, ISSUER) is None


def test_a_signature_that_was_logged_too_late_opens_nothing(sigstore: Sigstore) -> None:
    trust = trusted(sigstore.root)
    for late, opens in ((60, True), (660, False), (-60, False)):
        sigstore.late = late
        assert (trust.opened(somebody(sigstore).bundle(PAYLOAD), WORKFLOW, ISSUER) == PAYLOAD) is opens


def test_a_certificate_is_used_as_long_as_it_is_good(sigstore: Sigstore) -> None:
    for life, certificates in ((600, 1), (20, 2)):
        sigstore.life, sigstore.asked = timedelta(seconds=life), []
        author = somebody(sigstore)
        author.bundle(PAYLOAD)
        author.bundle(PAYLOAD)
        assert sigstore.asked.count(CERTIFICATE) == certificates


def test_an_identity_opens_gates(here: Shelf, second_server: Any, sigstore: Sigstore, tmp_path: Path) -> None:
    there, author = shelf(second_server.host, "prod/app"), somebody(sigstore)
    digest, image = push(here, b"app", tag="v1"), ImageRef(here.server.host, here.repository, "v1")
    move = {"app": (image, Move(here, there, "rehearsal", "production", "me@here"))}
    who = {"identity": WORKFLOW, "issuer": ISSUER, "trust": str(sigstore.root.relative_to(tmp_path))}

    def rules(**other: str) -> Rules:
        spec = {"signed": who | other, "attested": {"tests": who}}
        return Rules.of(PromotionSpec.model_validate(spec), partial(witness, folder=tmp_path))

    with pytest.raises(Refused) as caught:
        promote(move, rules(), silent)
    assert caught.value.why.count("failed: ") == 2
    sign(here, digest, author)
    attest(here, digest, TYPES["tests"], {"result": "PASSED"}, author)
    with pytest.raises(Refused) as caught:
        promote(move, rules(identity=MAIL), silent)
    assert f"failed: signed by {MAIL} of {ISSUER} (" in caught.value.why
    assert f"passed: tests attested by {WORKFLOW} of {ISSUER}" in caught.value.why
    promote(move, rules(), silent, author)
    (record,) = [s for s in statements(there, digest, [author.public]) if "promotion" in s.predicate_type]
    assert record.by == author.public
    assert record.predicate["gates"][0] == f"signed by {WORKFLOW} of {ISSUER}"


def test_a_token_comes_from_a_file_the_environment_or_the_ci(
    sigstore: Sigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no identity to sign by"):
        identity_token(None)
    with pytest.raises(NotFound, match="no identity token"):
        identity_token(tmp_path / "none")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(Refused, match="gives no identity token"):
        identity_token(None)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{sigstore.url}/token")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", CI)
    author = signer(f"keyless:{sigstore.config}")
    assert isinstance(author, Keyless)
    assert author.public.who == WORKFLOW
    assert sigstore.asked == ["/token?audience=sigstore", CERTIFICATE]
    monkeypatch.setenv(TOKEN, "from the environment")
    (tmp_path / "token").write_text("from a file\n")
    assert identity_token(None).reveal() == "from the environment"
    assert identity_token(tmp_path / "token").reveal() == "from a file"
    assert "file" not in repr(identity_token(tmp_path / "token"))


def test_no_certificate_is_told_without_the_token(sigstore: Sigstore) -> None:
    file = sigstore.folder / "token"

    def refused(token: str) -> SeawayError:
        file.write_text(token)
        with pytest.raises(SeawayError, match="Sigstore gives no certificate") as caught:
            _ = signer(f"keyless:{sigstore.config}", file).public
        assert token not in "\n".join(caught.value.lines())
        return caught.value

    assert isinstance(refused("no token"), Refused)
    assert isinstance(refused(sigstore.token(aud="another")), Refused)
    assert isinstance(refused(sigstore.token(life=-60)), Refused)
    sigstore.issuer = type(sigstore.issuer).generate_key("P-256")
    strange = sigstore.token()
    sigstore.issuer = type(sigstore.issuer).generate_key("P-256")
    assert "401" in refused(strange).why
    good, sigstore.url = sigstore.token(), "http://127.0.0.1:9"
    assert isinstance(refused(good), Unreachable)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting"),
        ("[]", "no JSON object"),
        ("{}", "names no log of certificates"),
        ('{"ctlogs": [1]}', "names no log of signatures"),
        ('{"ctlogs": [1], "tlogs": [1]}', "validation error"),
    ],
)
def test_what_is_no_trusted_root_is_told(sigstore: Sigstore, tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(NotFound, match="there is no"):
        trusted(tmp_path / "none.json")
    (tmp_path / "root.json").write_text(text)
    with pytest.raises(UsageError, match="cannot be used as a trusted root") as caught:
        trusted(tmp_path / "root.json")
    assert why in caught.value.why
    with pytest.raises(UsageError, match="does not say where to sign"):
        signer(f"keyless:{sigstore.root}")
    assert trusted(sigstore.config).opened(b"", WORKFLOW, ISSUER) is None
