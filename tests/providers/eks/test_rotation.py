"""The rotation of a key over the wire, to where keys are kept, killed after every change and run again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.app.identity import Registrar
from seaway.errors import Refused, SeawayError
from seaway.model.event import Event, silent
from seaway.model.identity import Identity, Job, Key, Kind, Wish
from seaway.model.secret import Secret
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.consumers import FileConsumer, ManagedConsumer, consumer
from seaway.providers.eks.identities import Identities
from seaway.providers.eks.keys import IamKeys
from tests.providers.eks.gate import Gate
from tests.providers.eks.looks import Killed

REGION = "eu-central-1"
#: Who owns a file that is not ours; only root can give files away.
OWNER = os.geteuid() or 1234
KEY = Key("AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))


@dataclass
class Bench:
    """A user whose key is kept in a file and in Secrets Manager; a process that ends after so many changes.

    After each change it looks at all consumers, without Seaway's eyes: does the key there work?
    """

    gate: Gate
    house: Registrar
    file: Path
    left: int = -1
    changes: list[str] = field(default_factory=list)

    def heard(self, model: Any, **_: Any) -> None:
        if not model.name.startswith(("Get", "List")):
            self.changed(model.name)

    def changed(self, name: str) -> None:
        self.changes.append(name)
        self.gate.forget()
        for id_, secret in self.kept():
            assert self.gate.works(id_, secret), f"after {name}"
        self.left -= 1
        if self.left == 0:
            raise Killed(name)

    @property
    def places(self) -> list[str]:
        return [f"file:{self.file}", "secretsmanager:ci/key"]

    def kept(self) -> list[tuple[str, str]]:
        """Read the key at each consumer that has one."""
        found = []
        if self.file.exists():
            _, id_, secret, *_ = self.file.read_text().splitlines()
            found.append((id_.partition(" = ")[2], secret.partition(" = ")[2]))
        client = self.gate.client("secretsmanager", REGION)
        for each in client.list_secrets()["SecretList"]:
            entries = json.loads(client.get_secret_value(SecretId=each["Name"])["SecretString"])
            found.append((entries["AWS_ACCESS_KEY_ID"], entries["AWS_SECRET_ACCESS_KEY"]))
        return found

    def rotate(self) -> Identity:
        return self.house.rotate("ci", self.places, timedelta(0), silent)


@pytest.fixture
def bench(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    house = Registrar(REGION)
    found = Bench(gate, house, tmp_path / "key")
    give = FileConsumer.give

    def told(self: FileConsumer, key: Key) -> None:
        give(self, key)
        found.changed("write the file")

    monkeypatch.setattr(FileConsumer, "give", told)
    house.cloud.session.events.register("after-call", found.heard)
    house.create(Wish("ci", Job.PROMOTER, Kind.USER), found.places, silent)
    yield found
    Identities(Cloud.open(REGION)).revoke("ci", silent)
    client = gate.client("secretsmanager", REGION)
    client.delete_secret(SecretId="ci/key", ForceDeleteWithoutRecovery=True)


def test_killed_after_every_change_and_run_again(bench: Bench) -> None:
    """One rotation after another, each killed one change later; the old key is gone at the end of each."""
    bench.changes.clear()
    bench.rotate()
    assert bench.changes == [
        "UntagUser",
        "TagUser",
        "CreateAccessKey",
        "write the file",
        "PutSecretValue",
        "UpdateAccessKey",
        "TagUser",
        "DeleteAccessKey",
        "UntagUser",
    ]
    for kill in range(1, len(bench.changes) + 1):
        ((old, _),) = set(bench.kept())
        bench.left = kill
        with pytest.raises(Killed):
            bench.rotate()
        user = bench.rotate()
        ((now, _),) = set(bench.kept())
        assert [(key.id, key.active) for key in user.keys] == [(now, True)]
        assert now != old
        assert user.consumers == tuple(bench.places)
        assert not user.rotating


def test_between_two_runs_it_is_seen_that_one_is_under_way(bench: Bench) -> None:
    bench.left = 4
    with pytest.raises(Killed):
        bench.rotate()
    user = bench.house.identities.get("ci")
    assert (user.rotating, len(user.keys)) == (True, 2)
    bench.house.create(Wish("ci", Job.PROMOTER, Kind.USER), bench.places, silent)
    user = bench.house.identities.get("ci")
    assert (user.rotating, len(user.keys)) == (False, 1)


def test_a_consumer_that_is_not_named_any_more_is_told_and_left_out(bench: Bench) -> None:
    """The places that are named are all; without any, those noted."""
    told: list[Event] = []
    bench.file.unlink()
    bench.house.rotate("ci", bench.places[1:], timedelta(0), told.append)
    assert any(each.text.startswith(f"file:{bench.file} is named no more") for each in told)
    assert bench.house.identities.get("ci").consumers == ("secretsmanager:ci/key",)
    before = bench.kept()
    bench.house.rotate("ci", (), timedelta(0), silent)
    assert bench.kept() != before
    assert not bench.file.exists()


def test_a_key_that_aws_does_not_take_is_not_the_users(gate: Gate, bench: Bench) -> None:  # noqa: ARG001
    keys = bench.house.identities.keys("ci")
    ((id_, secret),) = set(bench.kept())
    assert keys.works(Key(id_, Secret(secret)))
    assert not keys.works(Key(id_, Secret("another")))
    assert not keys.works(KEY)
    assert not IamKeys(bench.house.cloud, "ci", "somebody").works(Key(id_, Secret(secret)))


def test_a_file_is_for_its_owner_alone_and_of_one_piece(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("")
    real.chmod(0o644)
    os.chown(real, OWNER, -1)
    (tmp_path / "key").symlink_to(real)
    place = FileConsumer("file:key", tmp_path / "key")
    with pytest.raises(Refused, match="is not written over"):
        place.held()
    real.unlink()
    assert place.held() is None
    place.give(KEY)
    os.chown(real, OWNER, -1)
    place.give(KEY)
    assert place.held() == KEY
    assert (real.stat().st_mode & 0o777, real.stat().st_uid) == (0o600, OWNER)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["key", "real"]
    with pytest.raises(SeawayError, match="file:none cannot be written"):
        FileConsumer("file:none", tmp_path / "none" / "key").give(KEY)


@pytest.mark.parametrize(
    "text",
    [
        "[default]\naws_access_key_id = A\nregion = eu-central-1\n",
        "[mine]\naws_access_key_id = A\n",
        "A=B",
        "\x00[\n",
    ],
)
def test_a_file_with_something_else_is_not_written_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    with pytest.raises(Refused, match="file:key is not written over"):
        FileConsumer("file:key", tmp_path / "key").held()


@pytest.mark.usefixtures("rehearsal")
def test_a_secret_keeps_what_else_it_holds(moto: str) -> None:  # noqa: ARG001
    cloud = Cloud.open(REGION)
    place = consumer("secretsmanager:shop/ci", cloud)
    assert isinstance(place, ManagedConsumer)
    assert place.held() is None
    cloud.secrets.create_secret(Name="shop/ci", SecretString='{"region": "eu-central-1"}')
    assert place.held() is None
    place.give(KEY)
    assert place.held() == KEY
    text = cloud.secrets.get_secret_value(SecretId="shop/ci")["SecretString"]
    assert json.loads(text)["region"] == "eu-central-1"
    for wrong in ("a password", "[]"):
        cloud.secrets.put_secret_value(SecretId="shop/ci", SecretString=wrong)
        with pytest.raises(Refused, match="is not written over"):
            place.held()
    cloud.secrets.delete_secret(SecretId="shop/ci", ForceDeleteWithoutRecovery=True)
