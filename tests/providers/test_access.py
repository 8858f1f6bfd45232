"""Who is let in to a registry like the machine's, how it is known, and that nothing secret is told."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seaway.errors import NotFound, Refused, SeawayError, Unreachable
from seaway.kit import oci
from seaway.kit.distribution import Distribution, introduce
from seaway.kit.docker_config import Login
from seaway.providers.local import ca
from seaway.providers.local.access import ECR, PULL, PUSH, Access
from seaway.providers.local.ca import LocalCertificates

#: Longer than what is read at a time.
BLOB = bytes(4 << 20)
DIGEST = oci.digest(BLOB)


@pytest.fixture
def access(guarded: Any) -> Access:
    found: Access = guarded.access
    return found


def put(registry: Distribution) -> None:
    registry.put_stream(
        "team/app", DIGEST, len(BLOB), lambda start, size: iter((BLOB[start : start + size],))
    )


def as_(access: Access, login: Login | None) -> Distribution:
    """A client of the registry that is somebody else there."""
    introduce(access.host, replace(access.known(), login=lambda: login))
    return Distribution(access.host, attempts=1)


def test_the_account_that_may_push_pushes_and_the_nodes_account_reads(access: Access) -> None:
    put(Distribution(access.host))
    reader = as_(access, access.account(PULL))
    assert reader.has_blob("team/app", DIGEST)
    assert b"".join(reader.read_blob("team/app", DIGEST, 0, len(BLOB))) == BLOB


def test_the_nodes_account_may_neither_push_nor_delete(access: Access) -> None:
    put(Distribution(access.host))
    reader = as_(access, access.account(PULL))
    for attempt in (lambda: put(reader), lambda: reader.delete_manifest("team/app", DIGEST)):
        with pytest.raises(SeawayError, match="401") as caught:
            attempt()
        assert "UNAUTHORIZED" in caught.value.why
        assert caught.value.remedy


@pytest.mark.parametrize(
    "login",
    [None, Login(PUSH, "guess"), Login(PUSH), Login(""), Login("nobody", "guess")],
    ids=["nobody", "wrong", "empty", "nameless", "unknown"],
)
def test_who_is_not_known_reads_nothing(access: Access, login: Login | None) -> None:
    put(Distribution(access.host))
    with pytest.raises(SeawayError, match="401") as caught:
        as_(access, login).has_blob("team/app", DIGEST)
    assert caught.value.remedy
    assert access.answers()


def test_each_account_has_a_password_of_its_own(access: Access) -> None:
    swapped = Login(PULL, access.account(PUSH).password)
    with pytest.raises(SeawayError, match="401"):
        as_(access, swapped).has_blob("team/app", DIGEST)


def test_what_is_made_for_ecr_pushes_under_the_name_that_it_knows(access: Access) -> None:
    put(as_(access, Login(ECR, access.account(PUSH).password)))
    with pytest.raises(SeawayError, match="401"):
        as_(access, Login(ECR, access.account(PULL).password)).has_blob("team/app", DIGEST)


@pytest.mark.parametrize(
    "url", ["/v2/", "/v2/_catalog", "/v2/team/app/tags/list", "/v2/team/app/manifests/v1"]
)
def test_nothing_is_told_without_a_password(access: Access, url: str) -> None:
    trusting = ssl.create_default_context(cafile=access.certificates.authority_path())
    answer = httpx2.get(f"https://{access.host}{url}", verify=trusting)
    assert answer.status_code == httpx2.codes.UNAUTHORIZED
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_another_authority_is_not_believed(access: Access, tmp_path: Path) -> None:
    other = LocalCertificates(tmp_path / "other")
    other.authority_pem()
    introduce(access.host, replace(access.known(), trust=Path(other.authority_path())))
    with pytest.raises(Unreachable) as caught:
        Distribution(access.host, attempts=1, remedy="look").has_blob("team/app", DIGEST)
    assert "certificate verify failed" in caught.value.why


def test_nothing_is_said_in_the_clear(access: Access) -> None:
    assert httpx2.get(f"http://{access.host}/v2/").status_code == httpx2.codes.BAD_REQUEST
    old = ssl.create_default_context(cafile=access.certificates.authority_path())
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert httpx2.get(f"https://{access.host}/v2/", verify=old).status_code == httpx2.codes.UNAUTHORIZED


@pytest.mark.parametrize(
    ("address", "good"), [("10.200.255.1", True), ("10.239.255.1", True), ("10.240.255.1", False)]
)
def test_it_is_known_by_every_address_that_a_node_has_for_it(
    guarded: Any, access: Access, address: str, good: bool
) -> None:
    trusting = ssl.create_default_context(cafile=access.certificates.authority_path())
    with (
        socket.create_connection(("127.0.0.1", guarded.port)) as plain,
        nullcontext() if good else pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"),
        trusting.wrap_socket(plain, server_hostname=address) as secure,
    ):
        assert secure.version() == "TLSv1.3"


# A socket whose peer is gone before its handshake is left open by Python itself (ssl.SSLSocket._create).
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.S:pytest.PytestUnraisableExceptionWarning")
def test_a_registry_that_is_killed_under_load_comes_back_with_the_same_passwords(
    guarded: Any, access: Access
) -> None:
    begun = threading.Semaphore(0)

    def send(number: int) -> str:
        """Push a blob of its own to a repository of its own, and take it down again."""
        data = str(number).encode() * 1000
        registry, digest = Distribution(access.host, attempts=9), oci.digest(data)
        begun.release()
        registry.put_stream(
            f"team/{number}", digest, len(data), lambda start, size: iter((data[start:][:size],))
        )
        return oci.digest(b"".join(registry.read_blob(f"team/{number}", digest, 0, len(data))))

    with ThreadPoolExecutor(4) as pool:
        sent = pool.map(send, range(40))
        for _ in range(8):
            begun.acquire()
        guarded.stop()
        assert not access.answers()
        assert not access.make()
        guarded.start()
        assert list(sent) == [oci.digest(str(number).encode() * 1000) for number in range(40)]


def test_no_password_is_in_arguments_logs_or_the_registrys_configuration(
    guarded: Any, access: Access
) -> None:
    put(Distribution(access.host))
    with pytest.raises(SeawayError):
        put(as_(access, access.account(PULL)))
    found = [access.account(each) for each in (PUSH, PULL)]
    secret = [text for each in found for text in (each.password, each.basic.removeprefix("Basic "))]
    told = [guarded.folder / "log", guarded.folder / "config.yml"]
    told += [path for path in Path("/proc").glob("[0-9]*/cmdline") if path.is_file()]
    for path in told:
        try:
            text = path.read_bytes()
        except OSError:  # a process that ended meanwhile
            continue
        assert not [each for each in secret if each.encode() in text], path
    assert not [each for each in found if each.password in repr(each)]


def test_secrets_are_for_their_owner_alone(access: Access) -> None:
    assert stat.S_IMODE(access.folder.stat().st_mode) == 0o700
    for path in (access.login_file(PUSH), access.login_file(PULL), access.folder / "registry.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_made_once_and_what_is_lost_or_ends_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = Access("127.0.0.1:1", tmp_path / "access", tmp_path / "ca")
    assert access.make()
    before = access.account(PUSH), (access.folder / "registry.crt").read_bytes()
    assert not access.make()
    assert before == (access.account(PUSH), (access.folder / "registry.crt").read_bytes())
    (access.folder / "registry.key").unlink()
    assert access.make()
    for file in (tmp_path / "ca").iterdir():
        file.unlink()
    assert access.make()  # of another authority now
    access.ready.touch()
    assert access.stands()
    monkeypatch.setattr(ca, "RENEWAL", ca.SERVER_LIFE + timedelta(days=1))
    assert not access.stands()
    assert access.make()
    assert access.account(PUSH) == before[0]


def test_before_its_first_start_there_is_no_password(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        Access("127.0.0.1:1", tmp_path / "none").login()
    assert "seaway up" in caught.value.remedy


def test_who_may_not_read_the_password_is_who_docker_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = Access("127.0.0.1:1", tmp_path / "access", tmp_path / "ca")
    access.make()
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(Refused, match="asks for a password") as caught:
        access.login()
    assert "sudo" in caught.value.remedy
    auths = {"127.0.0.1:1": {"auth": b64encode(b"me:mine").decode()}}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    assert access.login() == Login("me", "mine")
