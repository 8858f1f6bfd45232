"""Credentials of registries, as Docker and its helpers keep them."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import MissingTool, ProcessFailed, UsageError
from seaway.kit.docker_config import Login, find_login

HOST = "r.example.com"
HELPER = """\
#!/bin/sh
read -r name
echo "$1 $name" >> {folder}/asked
case $name in
  r.example.com) echo '{{"ServerURL": "r.example.com", "Username": "me", "Secret": "kept"}}' ;;
  token.example.com) echo '{{"Username": "<token>", "Secret": "refresh"}}' ;;
  odd.example.com) echo 'not JSON' ;;
  broken.example.com) echo 'the key ring is locked' >&2; exit 1 ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder of its own, and a credential helper called `ring` on the PATH."""
    program = tmp_path / "docker-credential-ring"
    program.write_text(HELPER.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def write(folder: Path, **config: Any) -> None:
    (folder / "config.json").write_text(json.dumps(config))


def packed(text: str = "me:in the file") -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def test_without_a_file_nobody_is_known(docker: Path) -> None:
    assert find_login(HOST) is None
    write(docker)
    assert find_login(HOST) is None


@pytest.mark.parametrize("name", [HOST, f"https://{HOST}", f"https://{HOST}/v1/"])
def test_what_stands_in_the_file_is_found(docker: Path, name: str) -> None:
    write(docker, auths={name: packed(), "other.example.com": {}})
    assert find_login(HOST) == Login("me", "in the file")
    assert find_login("other.example.com") is None


def test_dockers_own_registry_is_kept_under_its_old_name(docker: Path) -> None:
    write(docker, auths={"https://index.docker.io/v1/": packed()})
    assert find_login("registry-1.docker.io") == Login("me", "in the file")


def test_an_identity_token_is_no_password(docker: Path) -> None:
    write(
        docker,
        auths={HOST: {**packed(), "identitytoken": "refresh"}},
        credHelpers={"token.example.com": "ring"},
    )
    for host in (HOST, "token.example.com"):
        login = find_login(host)
        assert login is not None
        assert (login.token, login.basic) == ("refresh", "")


def test_a_helper_of_its_own_comes_before_the_store_and_the_file(docker: Path) -> None:
    write(docker, credHelpers={HOST: "ring"}, credsStore="absent", auths={HOST: packed()})
    assert find_login(HOST) == Login("me", "kept")
    assert (docker / "asked").read_text() == f"get {HOST}\n"


def test_what_the_store_does_not_know_may_stand_in_the_file(docker: Path) -> None:
    write(docker, credsStore="ring", auths={HOST: packed(), "other.example.com": packed()})
    assert find_login(HOST) == Login("me", "kept")
    assert find_login("other.example.com") == Login("me", "in the file")
    assert find_login("unknown.example.com") is None


def test_a_helper_that_is_not_there_is_named(docker: Path) -> None:
    write(docker, credsStore="desktop")
    with pytest.raises(MissingTool, match="docker-credential-desktop is not on the PATH") as caught:
        find_login(HOST)
    assert "docker login" in caught.value.remedy


@pytest.mark.parametrize(
    ("host", "why"), [("odd.example.com", "gave no JSON"), ("broken.example.com", "status 1")]
)
def test_a_helper_that_fails_is_told(docker: Path, host: str, why: str) -> None:
    write(docker, credHelpers={host: "ring"})
    with pytest.raises(ProcessFailed, match=why):
        find_login(host)


@pytest.mark.parametrize(
    "text", ["{", '{"auths": {"r.example.com": {"auth": "?"}}}', '{"credsStore": "../ring"}']
)
def test_a_file_that_cannot_be_used_is_told(docker: Path, text: str) -> None:
    (docker / "config.json").write_text(text)
    with pytest.raises(UsageError, match="the Docker config file cannot be used") as caught:
        find_login(HOST)
    assert caught.value.where == str(docker / "config.json")


def test_a_secret_is_never_shown() -> None:
    assert "hidden" not in repr([Login("me", "hidden"), Login("me", token="hidden")])
