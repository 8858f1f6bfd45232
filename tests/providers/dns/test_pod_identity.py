"""The key of a pod on EKS: an agent on loopback answers as that of a node does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seaway.errors import NotFound, Refused, SeawayError, Unreachable
from seaway.providers.dns.pod_identity import TOKEN, URL, PodIdentity
from seaway.twin.quiet import Quiet
from seaway.twin.wire import listening

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Agent:
    """Gives keys that end so soon, numbered; `asked` are the path and the token of each call."""

    def __init__(self) -> None:
        self.lasts = timedelta(hours=6)
        self.asked: list[tuple[str, str]] = []
        self.status, self.says = 200, ""

    def answer(self) -> str:
        ends = (NOW + self.lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
        key = {"AccessKeyId": f"ASIA{len(self.asked)}", "SecretAccessKey": "hidden", "Token": "session"}
        return self.says or json.dumps({**key, "AccountId": "123456789012", "Expiration": ends})


@contextmanager
def agent() -> Iterator[tuple[Agent, int]]:
    held = Agent()

    class Handler(Quiet):
        def do_GET(self) -> None:  # noqa: N802  (as the library calls it)
            held.asked.append((self.path, self.headers["Authorization"]))
            self.reply(held.status, {"Content-Type": "application/json"}, held.answer().encode())

    with listening(Handler) as port:
        yield held, port


@pytest.fixture
def given(tmp_path: Path) -> Iterator[tuple[Agent, PodIdentity, list[datetime]]]:
    """What EKS gives to a pod, and its clock."""
    token, clock = tmp_path / "eks-pod-identity-token", [NOW]
    token.write_text("first\n")
    with agent() as (held, port):
        found = PodIdentity.of({URL: f"http://127.0.0.1:{port}/v1/credentials", TOKEN: str(token)})
        found.now = lambda: clock[0]
        yield held, found, clock


Given = tuple[Agent, PodIdentity, list[datetime]]


def test_a_key_is_used_until_it_is_about_to_end_and_the_token_is_read_anew(given: Given) -> None:
    held, identity, clock = given
    assert (identity.key().id, identity.key().token) == ("ASIA1", "session")
    identity.token.write_text("second")
    clock[0] += timedelta(hours=5, minutes=49)
    assert identity.key().id == "ASIA1"
    clock[0] += timedelta(minutes=2)
    assert identity.key().id == "ASIA2"
    assert held.asked == [("/v1/credentials", "first"), ("/v1/credentials", "second")]


def test_where_the_agent_is_away_a_key_is_used_to_its_end(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, identity, clock = given
    monkeypatch.setattr("seaway.kit.http.time.sleep", lambda _: None)
    first, held.status = identity.key(), 503
    clock[0] += timedelta(hours=5, minutes=55)
    assert identity.key() == first
    clock[0] += timedelta(minutes=5)
    with pytest.raises(Unreachable, match="answered 503"):
        identity.key()


@pytest.mark.parametrize("says", ["no JSON", "[]", "{}", '{"AccessKeyId": "a"}'])
def test_what_is_no_key_is_told(given: Given, says: str) -> None:
    held, identity, _ = given
    held.says = says
    with pytest.raises(SeawayError, match="gives no key that can be used"):
        identity.key()


def test_a_token_that_is_not_there_is_told(given: Given) -> None:
    held, identity, _ = given
    identity.token.unlink()
    with pytest.raises(NotFound, match="the pod's token cannot be read"):
        identity.key()
    assert held.asked == []


@pytest.mark.parametrize("environment", [{}, {URL: "http://169.254.170.23/v1/credentials"}])
def test_a_pod_that_is_given_none_is_told(environment: dict[str, str]) -> None:
    with pytest.raises(NotFound, match="this pod is given no key of AWS"):
        PodIdentity.of(environment)


@pytest.mark.parametrize("host", ["169.254.169.254", "example.com", "localhost", ""])
def test_the_token_is_shown_to_the_agent_alone(host: str) -> None:
    with pytest.raises(Refused, match="is no agent of EKS"):
        PodIdentity.of({URL: f"http://{host}/v1/credentials", TOKEN: "/token"})
    for address in ("169.254.170.23", "[fd00:ec2::23]"):
        assert PodIdentity.of({URL: f"http://{address}/v1/credentials", TOKEN: "/token"})
