"""How a control plane shall be: asked for, found where it differs, mended, and refused where it cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]

from seaway.errors import Refused, Unready
from seaway.model.event import silent
from seaway.providers.eks import making
from seaway.providers.eks.choice import outside, refuse_what_cannot_be
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.control import LEFT, Choice
from seaway.providers.eks.nodes import Wanted
from seaway.twin.inventory import Aws, client, inventory
from tests.providers.eks.conftest import West
from tests.providers.eks.looks import Calls
from tests.providers.eks.test_clusters import NOTHING

REGION = "ap-southeast-1"


@dataclass(frozen=True)
class There:
    """A cluster that was made by choice, and which calls changed something."""

    cloud: Cloud
    choice: Choice
    calls: Calls

    def changes(self, choice: Choice, open_to: tuple[str, ...] = ()) -> list[str]:
        """Say what a choice would change, have it changed, and see that nothing is left to be."""
        clusters = EksClusters(self.cloud, open_to, choice=choice)
        found = [text for each in clusters.propose("shop", 1, "").changes for text in each.details]
        self.calls.made.clear()
        clusters.create("shop", 1, "", silent)
        assert self.calls.made == ["UpdateClusterConfig"] * len(found)
        assert clusters.propose("shop", 1, "").changes == ()
        return found


@pytest.fixture
def there(rehearsal: Aws) -> Iterator[There]:
    made = client(rehearsal, "kms", REGION).create_key()["KeyMetadata"]["Arn"]
    cloud, choice = Cloud.open(REGION), Choice("1.35", private=False, key=made, logs=("audit", "scheduler"))
    calls = Calls(cloud.session)
    EksClusters(cloud, choice=choice).create("shop", 1, "", silent)
    yield There(cloud, choice, calls)
    EksClusters(cloud).delete("shop", silent)
    assert inventory(rehearsal, REGION) == NOTHING


def test_it_is_made_found_and_mended(rehearsal: Aws, there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    live, key = rehearsal.regions[REGION].clusters["shop"], there.choice.key
    assert (live["version"], live["logging"]["clusterLogging"]) == (
        "1.35",
        [{"types": ["audit", "scheduler"], "enabled": True}],
    )
    assert live["encryptionConfig"] == [{"resources": ["secrets"], "provider": {"keyArn": key}}]
    assert rehearsal.regions[REGION].groups["shop", "seaway"]["version"] == "1.35"
    assert there.changes(there.choice) == []
    live["resourcesVpcConfig"]["endpointPublicAccess"] = False
    live["logging"]["clusterLogging"] = [{"types": ["api", "scheduler"], "enabled": True}]
    assert there.changes(LEFT) == ["logs: audit, authenticator"]
    found = there.changes(there.choice)
    assert found == ["from where its API is reached", "logs: no api, no authenticator"]
    assert live["resourcesVpcConfig"]["endpointPublicAccess"]
    assert there.changes(Choice(private=True, logs=())) == [
        "from where its API is reached",
        "logs: no audit, no scheduler",
    ]
    assert not live["resourcesVpcConfig"]["endpointPublicAccess"]
    with monkeypatch.context() as patch:
        patch.setitem(rehearsal.regions[REGION].endpoint, "endpoint", "https://127.0.0.1:1")
        patch.setattr(making, "VISIBLE", -1.0)
        with pytest.raises(Unready, match="does not reach the API of cluster shop"):
            EksClusters(there.cloud, choice=Choice(private=True, logs=())).create("shop", 1, "", silent)
    assert there.changes(Choice(private=False, logs=()), ("192.0.2.0/24",)) == [
        "from where its API is reached"
    ]
    assert live["resourcesVpcConfig"]["publicAccessCidrs"] == ["192.0.2.0/24"]
    told = EksClusters(there.cloud, choice=Choice(private=True)).propose("shop", 1, "").notes
    assert told == (
        "cluster shop: its API answers inside its network only: seaway and kubectl reach it from there",
    )


#: A cluster as EKS shows it.
LIVE: dict[str, Any] = {
    "version": "1.36",
    "endpoint": "https://1.1.1.1",
    "resourcesVpcConfig": {"endpointPublicAccess": True},
    "encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": "arn:theirs"}}],
}


@pytest.mark.parametrize(
    ("live", "choice", "said", "remedy"),
    [
        (LIVE, Choice("1.37"), "is at 1.36, and the file says 1.37", "seaway cluster upgrade --on eks"),
        (LIVE, Choice("1.35"), "is at 1.36, and the file says 1.35", "say version: 1.36"),
        (LIVE, Choice(key="arn:mine"), "has another key of yours", "say key: arn:theirs"),
        ({**LIVE, "encryptionConfig": None}, Choice(key="arn:mine"), "has no key of yours", "leave key out"),
        (LIVE, Choice(private=True), "would reach the API of cluster shop no more", "behind a VPN"),
        (None, Choice(private=True), "in a network that is made for it", "adopt: {vpc: …}"),
        (None, Choice("1.99"), "EKS has no Kubernetes 1.99", "leave version out"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    west: West, live: Any, choice: Choice, said: str, remedy: str
) -> None:
    with pytest.raises(Refused, match=said) as refused:
        refuse_what_cannot_be(west.clusters.cloud, "shop", live, choice, "")
    assert remedy in refused.value.remedy


def test_what_can_be_is_not_refused(west: West) -> None:
    cloud = west.clusters.cloud
    refuse_what_cannot_be(cloud, "shop", None, Choice("1.36", private=True), "vpc-0a1b2c3d")
    refuse_what_cannot_be(cloud, "shop", LIVE, Choice("1.36", private=False, key="arn:theirs", logs=()), "")
    closed = {**LIVE, "resourcesVpcConfig": {"endpointPublicAccess": False}}
    refuse_what_cannot_be(cloud, "shop", closed, Choice(private=True), "")
    refuse_what_cannot_be(cloud, "shop", {**LIVE, "endpoint": "https://10.0.1.7"}, Choice(private=True), "")
    assert outside("https://1.1.1.1:443")
    assert not outside("https://[fd00::1]")


def test_the_template_has_it(west: West) -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    made = EksClusters(west.clusters.cloud, choice=Choice("1.36", private=False, key=key, logs=()))
    written = made.template("shop", Wanted((1, 1), ""))
    cluster = written["Resources"]["ClusterMain"]["Properties"]
    assert (cluster["Version"], "Logging" in cluster) == ("1.36", False)
    assert cluster["EncryptionConfig"] == [{"Provider": {"KeyArn": key}, "Resources": ["secrets"]}]
    assert [str(each) for each in lint(json.dumps(written), regions=["eu-west-1"])] == []
