from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import Refused, UsageError
from seaway.providers.eks.cloud import REHEARSAL, Cloud


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EKS"])
def test_the_real_aws_is_not_spoken_to_where_the_environment_bends_the_way(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:5600")
    with pytest.raises(Refused, match="would go elsewhere") as refused:
        Cloud.open("eu-central-1")
    assert refused.value.why == f"set: {name}"


@pytest.mark.parametrize(
    "profile",
    [
        "[default]\nendpoint_url = http://127.0.0.1:5600\n",
        "[default]\nservices = mine\n[services mine]\neks =\n  endpoint_url = http://127.0.0.1:5600\n",
    ],
)
def test_nor_where_the_profile_does(account: Path, profile: str) -> None:
    account.write_text(profile)
    with pytest.raises(Refused, match="would go elsewhere") as refused:
        Cloud.open("eu-central-1")
    assert refused.value.why == "set: endpoint_url of profile default"


@pytest.mark.parametrize(
    "url",
    [
        "https://eks.eu-central-1.amazonaws.com",
        "http://10.0.0.1:5600",
        "http://localhost:5600",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "file://127.0.0.1",
        "127.0.0.1:5600",
    ],
)
def test_a_rehearsal_speaks_to_this_machine_only(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for text in (url, f"http://127.0.0.1:5600 eks={url}"):
        monkeypatch.setenv(REHEARSAL, text)
        with pytest.raises(Refused, match="this machine only"):
            Cloud.open("eu-central-1")


def test_a_rehearsal_leaves_no_service_to_the_real_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REHEARSAL, "eks=http://127.0.0.1:5601")
    with pytest.raises(Refused, match="where all other services are"):
        Cloud.open("eu-central-1")


def test_a_rehearsal_is_not_given_the_keys_of_a_profile(
    monkeypatch: pytest.MonkeyPatch, account: Path
) -> None:
    monkeypatch.setenv(REHEARSAL, "http://127.0.0.1:5600")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    account.write_text("[default]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n")
    assert Cloud.open("eu-central-1").session.get_credentials().access_key == "rehearsal"  # type: ignore[union-attr]


def test_the_region_comes_from_the_option_the_environment_or_the_profile(
    monkeypatch: pytest.MonkeyPatch, account: Path
) -> None:
    with pytest.raises(UsageError, match="no AWS region is given"):
        Cloud.open()
    account.write_text("[default]\nregion = eu-north-1\n")
    assert Cloud.open().region == "eu-north-1"
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert Cloud.open().region == "us-west-2"
    assert Cloud.open("eu-central-1").region == "eu-central-1"


@pytest.mark.parametrize("region", ["frankfurt", "eu-central-1.example.com/", "EU-CENTRAL-1"])
def test_what_is_no_region_is_told(region: str) -> None:
    with pytest.raises(UsageError, match="is no AWS region"):
        Cloud.open(region)


def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(Exception, match="the AWS configuration cannot be used") as error:
        Cloud.open("eu-central-1")
    assert "nobody" in error.value.why  # type: ignore[attr-defined]
