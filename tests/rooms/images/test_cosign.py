"""The real cosign, built from its own source: it takes our signatures, and we take its.

Without a key both sign at the real Fulcio, with an issuer and logs that are written for the tests.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmark.peers import built
from seaway.app.keys import identity, signer
from seaway.model.event import silent
from seaway.providers.local.access import PULL
from seaway.rooms.images.attest import attest
from seaway.rooms.images.copy import copy
from seaway.rooms.images.keys import PrivateKey, make_pair, private_key, public_key
from seaway.rooms.images.kinds import TYPES
from seaway.rooms.images.shelf import Shelf, companion_tag
from seaway.rooms.images.signatures import sign, signatures
from seaway.rooms.images.statements import SIGNED, attach, statements
from tests.rooms.images.registries import push, shelf
from tests.rooms.images.sigstores import Sigstore, certifying, playing

pytestmark = pytest.mark.cluster

MODULE = Path(__file__).parent / "cosign"
COMMAND = "github.com/sigstore/cosign/v3/cmd/cosign"
FULCIO = "github.com/sigstore/fulcio"
WHO = "release@shop.test"
#: The country of the authority that Fulcio makes for a test has three letters.
ABROAD = pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")
#: CLONE_NEWNET (sched.h).
NEW_NETWORK = 0x40000000
#: No log of signatures is reached from here, nor is one wanted.
ALONE = "--insecure-ignore-tlog=true"


@pytest.fixture(scope="session")
def program() -> Path:
    """cosign as its module pins it, built once (minutes) and kept in the user's cache."""
    return built(MODULE, COMMAND, FULCIO) / "cosign"


@pytest.fixture(autouse=True)
def apart() -> Iterator[None]:
    """A network of the test's own, in which loopback is all there is: Fulcio serves its figures everywhere.

    Threads and processes that begin meanwhile are in it, and it ends with them.
    """
    kernel = ctypes.CDLL(None, use_errno=True)  # Python has unshare and setns since 3.12
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        assert kernel.unshare(NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            assert kernel.setns(before, NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(before)


@pytest.fixture
def key(tmp_path: Path) -> PrivateKey:
    """Ours, whose public half is `release.pub`."""
    return private_key(make_pair(tmp_path / "release", None)[0])


@pytest.fixture
def here(server: Any) -> Shelf:
    return shelf(server.host)


@pytest.fixture
def sigstore(program: Path, tmp_path: Path) -> Iterator[Sigstore]:
    with playing(tmp_path) as here, certifying(here, program.with_name("fulcio")):
        (tmp_path / "token").write_text(here.token(WHO))
        yield here


class Cosign:
    """The program, run in a folder of its own, with a password for its keys."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._folder = program, folder

    def run(self, *words: str, status: int = 0) -> str:
        """Run it; gives what it wrote to stdout. It must end with `status`, or badly where that is 1."""
        env = {**os.environ, "COSIGN_PASSWORD": "secret", "HOME": str(self._folder), "COSIGN_YES": "true"}
        done = subprocess.run(
            [self._program, *words], cwd=self._folder, env=env, capture_output=True, text=True, check=False
        )
        assert bool(done.returncode) == bool(status), (
            f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout


@pytest.fixture
def cosign(program: Path, tmp_path: Path) -> Cosign:
    return Cosign(program, tmp_path)


def test_it_takes_our_signatures(cosign: Cosign, here: Shelf, key: PrivateKey, tmp_path: Path) -> None:
    digest = push(here, b"app")
    image = f"{here}@{digest}"
    make_pair(tmp_path / "other", None)
    cosign.run("verify", "--key", "release.pub", ALONE, image, status=1)
    sign(here, digest, key)
    cosign.run("verify", "--key", "release.pub", ALONE, image)
    cosign.run("verify", "--key", "other.pub", ALONE, image, status=1)


def test_it_takes_our_signatures_from_a_registry_like_the_machines(
    cosign: Cosign, key: PrivateKey, guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in guarded.environment(PULL).items():
        monkeypatch.setenv(name, value)
    there = shelf(guarded.host)
    digest = push(there, b"app")
    sign(there, digest, key)
    cosign.run("verify", "--key", "release.pub", ALONE, f"{there}@{digest}")


def test_it_takes_each_form_of_ours_alone(cosign: Cosign, here: Shelf, key: PrivateKey) -> None:
    """The bundle is what it looks for by itself, the tag what it looked for up to version 2."""
    digest, bundle, tag = (
        push(here, b"app"),
        shelf(here.server.host, "bundle"),
        shelf(here.server.host, "tag"),
    )
    assert push(bundle, b"app") == push(tag, b"app") == digest
    sign(here, digest, key)
    attach(bundle, digest, SIGNED, {}, key)
    (layer,) = here.beside(digest, "sig")
    tag.put(here.get(layer))
    tag.put_beside(companion_tag(digest.value, "sig"), [layer])
    for where, told, status in ((bundle, "true", 0), (bundle, "false", 1), (tag, "false", 0)):
        form = f"--new-bundle-format={told}"
        cosign.run("verify", "--key", "release.pub", ALONE, form, f"{where}@{digest}", status=status)


def test_it_takes_our_attestations_and_no_others(cosign: Cosign, here: Shelf, key: PrivateKey) -> None:
    digest, kind = push(here, b"app"), TYPES["tests"]
    image = f"{here}@{digest}"
    words = ("verify-attestation", "--key", "release.pub", ALONE, "--type", kind, image)
    cosign.run(*words, status=1)
    attest(here, digest, kind, {"result": "PASSED"}, key)
    cosign.run(*words)
    cosign.run(
        "verify-attestation", "--key", "release.pub", ALONE, "--type", "slsaprovenance1", image, status=1
    )


def test_it_takes_what_was_promoted(cosign: Cosign, here: Shelf, key: PrivateKey, second_server: Any) -> None:
    digest, there = push(here, b"app"), shelf(second_server.host, "prod/app")
    sign(here, digest, key)
    attest(here, digest, TYPES["tests"], {"result": "PASSED"}, key)
    copy(here, there, digest, silent, "test")
    cosign.run("verify", "--key", "release.pub", ALONE, f"{there}@{digest}")
    cosign.run(
        "verify-attestation", "--key", "release.pub", ALONE, "--type", TYPES["tests"], f"{there}@{digest}"
    )


@ABROAD
def test_it_takes_what_we_sign_without_a_key(
    cosign: Cosign, here: Shelf, sigstore: Sigstore, tmp_path: Path
) -> None:
    """Certificate, both logs and the entry's proof count: nothing of it is ignored."""
    digest, author = push(here, b"app"), signer(f"keyless:{sigstore.config}", tmp_path / "token")
    image, root = f"{here}@{digest}", ("--trusted-root", str(sigstore.root))
    by = ("--certificate-identity", WHO, "--certificate-oidc-issuer", sigstore.url)
    sign(here, digest, author)
    attest(here, digest, TYPES["tests"], {"result": "PASSED"}, author)
    cosign.run("verify", *root, *by, image)
    cosign.run("verify-attestation", *root, *by, "--type", TYPES["tests"], image)
    cosign.run("verify", *root, *by[:1], f"{WHO}s", *by[2:], image, status=1)
    cosign.run("verify", *root, *by[:3], f"{sigstore.url}0", image, status=1)


@ABROAD
def test_we_take_what_it_signs_without_a_key(
    cosign: Cosign, here: Shelf, sigstore: Sigstore, tmp_path: Path
) -> None:
    digest = push(here, b"app")
    (tmp_path / "result.json").write_text(json.dumps({"result": "PASSED"}))
    where = ("--signing-config", str(sigstore.services), "--trusted-root", str(sigstore.root))
    said = ("--type", TYPES["tests"], "--predicate", "result.json")
    cosign.run("sign", "--identity-token", "token", *where, f"{here}@{digest}")
    cosign.run("attest", "--identity-token", "token", *where, *said, f"{here}@{digest}")
    public, other = (identity(who, sigstore.url, sigstore.root) for who in (WHO, f"{WHO}s"))
    found = statements(here, digest, [other, public])
    assert {(each.predicate_type, each.by) for each in found} == {
        (SIGNED, public),
        (TYPES["tests"], public),
    }


@pytest.mark.parametrize(("form", "found"), [("true", "bundle"), ("false", "tag")])
def test_we_take_its_signatures(cosign: Cosign, here: Shelf, tmp_path: Path, form: str, found: str) -> None:
    digest = push(here, b"app")
    cosign.run("generate-key-pair")
    public = public_key(tmp_path / "cosign.pub")
    assert signatures(here, digest, [public]) == []
    _signs(cosign, "sign", form, f"{here}@{digest}")
    (signature,) = signatures(here, digest, [public])
    assert (signature.by, signature.form) == (public, found)
    assert signatures(here, digest, [public_key(make_pair(tmp_path / "other", None)[1])]) == []


def test_it_signs_with_our_keys(cosign: Cosign, here: Shelf, key: PrivateKey) -> None:
    digest = push(here, b"app")
    cosign.run("import-key-pair", "--key", "release.key", "--output-key-prefix", "cosign")
    _signs(cosign, "sign", "true", f"{here}@{digest}")
    (signature,) = signatures(here, digest, [key.public])
    assert signature.form == "bundle"


def test_we_take_its_attestations(cosign: Cosign, here: Shelf, tmp_path: Path) -> None:
    digest = push(here, b"app")
    cosign.run("generate-key-pair")
    (tmp_path / "result.json").write_text(json.dumps({"result": "PASSED"}))
    said = ("--type", TYPES["tests"], "--predicate", "result.json")
    _signs(cosign, "attest", "true", *said, f"{here}@{digest}")
    public = public_key(tmp_path / "cosign.pub")
    (found,) = statements(here, digest, [public])
    assert (found.predicate_type, found.predicate, found.by) == (TYPES["tests"], {"result": "PASSED"}, public)


def _signs(cosign: Cosign, verb: str, form: str, *words: str) -> None:
    """Let it sign without any service: the registry is all that it speaks to."""
    alone = ("--tlog-upload=false", "--use-signing-config=false", f"--new-bundle-format={form}")
    cosign.run(verb, "--key", "cosign.key", *alone, *words)
