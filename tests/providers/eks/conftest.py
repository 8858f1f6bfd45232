from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.loaders import JSONFileLoader

from seaway.cli import main
from seaway.model.cluster import ClusterFacts
from seaway.model.event import silent
from seaway.providers.eks.cloud import REHEARSAL, Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.twin import inventory
from seaway.twin.emulator import emulating
from seaway.twin.inventory import OPEN, Aws
from seaway.twin.wire import serving
from tests.providers.eks.apiserver import ApiServer
from tests.providers.eks.gate import ROOT, Gate, guarded
from tests.providers.eks.looks import Calls
from tests.providers.eks.zones import clusters_of

#: The keys of the AWS documentation; they open nothing.
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}
#: Types a command; gives its exit status, and what it wrote to stdout and to stderr.
Typed = Callable[..., tuple[int, str, str]]
#: Repositories that the clusters of the tests have.
IMAGES = ("seaway/base", "shop/web")


@dataclass(frozen=True)
class Shop:
    """The cluster shop in eu-central-1, and the kubeconfig that was written when it was made."""

    aws: Aws
    clusters: EksClusters
    facts: ClusterFacts
    kubeconfig: Path


@dataclass(frozen=True)
class West:
    """The clusters of eu-west-1, and which calls changed something there."""

    clusters: EksClusters
    calls: Calls


@pytest.fixture(scope="session", autouse=True)
def _models_read_once() -> Iterator[None]:
    """Read each of AWS's models once for all: every session of botocore would, EC2's in half a second."""
    known: dict[str, Any] = {}
    read = JSONFileLoader.load_file

    def load(self: JSONFileLoader, file_path: str) -> Any:
        if file_path not in known:
            known[file_path] = read(self, file_path)
        return known[file_path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load)
        yield


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An account of nobody, out of sight of the machine's own. Gives the file of its configuration."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "aws-config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return file


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulating(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture(scope="session")
def aws(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    iam = boto3.client("iam", endpoint_url=moto, region_name="eu-central-1", **OPEN)
    iam.create_user(UserName="deployer")
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    with serving(moto, tmp_path_factory.mktemp("eks"), api=ApiServer) as (eks, regions):
        yield Aws(moto, eks, regions, key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture
def rehearsal(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Aws:
    """The user's environment in a rehearsal: somebody's keys, a kubeconfig and a cache of its own."""
    rehearsing(aws, monkeypatch, tmp_path)
    return aws


@pytest.fixture
def client(rehearsal: Aws) -> Any:
    """Route 53 for who may see and change everything."""
    return inventory.client(rehearsal, "route53", "us-east-1")


@pytest.fixture
def name(client: Any) -> str:
    """A new zone of moto's."""
    name = f"{uuid4().hex[:12]}.example.com"
    client.create_hosted_zone(Name=name, CallerReference=name)
    return name


@pytest.fixture(scope="session")
def shop(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A cluster that is there; whoever changes it brings it back."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        rehearsing(aws, patch, folder)
        clusters = clusters_of(aws.moto, Cloud.open("eu-central-1"), IMAGES)
        facts = clusters.create("shop", 2, "", silent)
    return Shop(aws, clusters, facts, folder / "kubeconfig")


@pytest.fixture(scope="session")
def west(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> West:
    """A region in which nothing is; whoever makes something there takes it away again."""
    with pytest.MonkeyPatch.context() as patch:
        rehearsing(aws, patch, tmp_path_factory.mktemp("west"))
        cloud = Cloud.open("eu-west-1")
    return West(clusters_of(aws.moto, cloud, IMAGES), Calls(cloud.session))


@pytest.fixture
def gate(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Gate]:
    """A rehearsal behind a gate that holds everybody to their policies; who runs this is its root."""
    with guarded(aws.moto, aws.eks, aws.regions) as (url, found):
        rehearsing(aws, monkeypatch, tmp_path)
        monkeypatch.setenv(REHEARSAL, url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT)
        yield found


def rehearsing(aws: Aws, patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Be a user of the account."""
    patch.setenv("AWS_ACCESS_KEY_ID", aws.key)
    patch.setenv("AWS_SECRET_ACCESS_KEY", aws.secret)
    patch.setenv(REHEARSAL, f"{aws.moto} eks={aws.eks}")
    patch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
    patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    def seaway(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(words)
        return int(str(end.value.code)), *capsys.readouterr()

    return seaway
