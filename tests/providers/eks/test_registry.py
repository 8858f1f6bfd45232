"""ECR's password, from moto, at a real registry; and its renewal before and where it ends."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import Refused, SeawayError
from seaway.kit import distribution, oci
from seaway.kit.distribution import Distribution
from seaway.kit.docker_config import Login
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.parts import CLUSTER
from seaway.providers.eks.registry import find_login
from seaway.providers.eks.repositories import Repository, host
from seaway.twin.inventory import Aws, client

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


def guard(server: Any, user: str, password: str) -> None:
    """Start a registry anew that lets only this user in."""
    server.stop()
    file = server.folder / "config.yml"
    accounts = {user: hashlib.sha256(password.encode()).hexdigest()}
    file.write_text(json.dumps({**json.loads(file.read_text()), "auth": {"accounts": accounts}}))
    server.start()


def registry(monkeypatch: pytest.MonkeyPatch, server: Any, find: Any) -> Distribution:
    monkeypatch.setattr(distribution, "_ASKED", [find])
    return Distribution(server.host)


@pytest.mark.parametrize(
    "host",
    [
        HOST,
        "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "123456789012.dkr-ecr.eu-central-1.on.aws",
    ],
)
@pytest.mark.usefixtures("rehearsal")
def test_a_registry_of_ecr_has_a_password(host: str) -> None:
    login = find_login(host)
    assert login == Login("AWS", "123456789012-auth-token")
    assert login.renew > time.monotonic() + 1000
    assert "auth-token" not in repr(login)


@pytest.mark.parametrize("host", ["public.ecr.aws", f"{HOST}.example.com", f"x{HOST}", "127.0.0.1:5055"])
def test_others_are_not_asked_about_at_aws(host: str) -> None:
    assert find_login(host) is None


@pytest.mark.usefixtures("rehearsal")
def test_what_docker_knows_of_the_host_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import seaway.app.world  # noqa: F401, PLC0415  (it says who is consulted)

    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert distribution.found_login(HOST) == Login("AWS", "123456789012-auth-token")
    (tmp_path / "config.json").write_text(json.dumps({"auths": {HOST: {"auth": "bWU6bWluZQ=="}}}))
    assert distribution.found_login(HOST) == Login("me", "mine")


@pytest.mark.cluster
def test_the_password_opens_a_real_registry(
    server: Any, rehearsal: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rehearsal.moto  # asked for the password
    guard(server, "AWS", "123456789012-auth-token")
    assert registry(monkeypatch, server, lambda _: find_login(HOST)).tags("team/app") == ()
    with pytest.raises(SeawayError, match="401"):
        registry(monkeypatch, server, lambda _: Login("AWS", "another")).tags("team/app")


@pytest.mark.cluster
def test_an_upload_goes_on_with_a_new_password_where_the_old_one_ends(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard(server, "push", "first")
    given, ended = iter(("first", "second")), list[int]()
    client = registry(monkeypatch, server, lambda _: Login("push", next(given)))
    data = bytes(range(256)) * 2000

    def read(start: int, size: int) -> Iterator[bytes]:
        for begin in range(start, start + size, 100_000):
            if begin >= 300_000 and not ended:
                ended.append(begin)
                guard(server, "push", "second")
            yield data[begin : min(begin + 100_000, start + size)]

    client.put_stream("team/app", oci.digest(data), len(data), read)
    client.get_blob("team/app", oci.digest(data), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert (ended, list(given)) == ([300_000], [])


@pytest.mark.usefixtures("rehearsal")
def test_somebody_elses_repository_is_not_taken_over(rehearsal: Aws) -> None:
    cloud, ecr = Cloud.open("us-west-2"), client(rehearsal, "ecr", "us-west-2")
    ecr.create_repository(repositoryName="shop/web", tags=[{"Key": CLUSTER, "Value": "other"}])
    assert Repository.owned(cloud, "shop") == {}
    assert Repository("shop", "web").see(cloud) is None
    with pytest.raises(Refused, match="repository shop/web is there and is not Seaway's"):
        Repository("shop", "web").create(cloud, {})
    ecr.delete_repository(repositoryName="shop/web")


@pytest.mark.parametrize(("region", "top"), [("eu-central-1", ""), ("cn-north-1", ".cn")])
@pytest.mark.usefixtures("rehearsal")
def test_the_registry_of_an_account_is_named_as_aws_names_it(region: str, top: str) -> None:
    named: Any = host(Cloud.open(region), "123456789012")
    assert named == f"123456789012.dkr.ecr.{region}.amazonaws.com{top}"
