"""Our tokens against those of the real aws command: the same but for the second in which they were signed."""

from __future__ import annotations

import base64
import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import botocore.session
import pytest
from awscli.customizations.eks.get_token import (  # type: ignore[import-untyped]
    STSClientFactory,
    TokenGenerator,
)

from seaway.errors import Refused, UsageError
from seaway.model.secret import Secret
from seaway.providers.eks.cloud import REHEARSAL, Cloud
from seaway.providers.eks.token import credential, token

BIN = Path(sys.executable).parent
REGIONS = ["us-west-2", "eu-central-1", "cn-north-1", "us-gov-west-1"]


def said(*words: str) -> dict[str, Any]:
    done = subprocess.run([BIN / words[0], *words[1:]], capture_output=True, text=True, check=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def url(text: str) -> str:
    body = text.removeprefix("k8s-aws-v1.")
    assert body != text
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second that every signature of this test carries."""
    at = dt.datetime(2026, 11, 28, 12, 0, 0, tzinfo=dt.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: at)


@pytest.mark.usefixtures("noon")
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("session", ["", "a-session"])
def test_signed_in_the_same_second_they_are_the_same(
    monkeypatch: pytest.MonkeyPatch, region: str, session: str
) -> None:
    if session:
        monkeypatch.setenv("AWS_SESSION_TOKEN", session)
    sts = STSClientFactory(botocore.session.get_session()).get_sts_client(region_name=region)
    assert token(Cloud.open(region), "shop").reveal() == TokenGenerator(sts).get_token("shop")


def test_the_commands_print_the_same() -> None:
    theirs = said("aws", "eks", "get-token", "--cluster-name", "shop", "--region", "us-west-2")
    ours = said("seaway", "cluster", "token", "--cluster", "shop", "--region", "us-west-2")
    documents = [theirs, ours]
    expire = [dt.datetime.fromisoformat(each["status"].pop("expirationTimestamp")) for each in documents]
    assert abs(expire[0] - expire[1]) < dt.timedelta(seconds=60)
    urls = [urlsplit(url(each["status"].pop("token"))) for each in documents]
    queries = [parse_qs(each.query) for each in urls]
    for query in queries:
        assert query.pop("X-Amz-Date")
        assert query.pop("X-Amz-Signature")
    assert queries[0] == queries[1]
    assert urls[0][:3] == urls[1][:3] == ("https", "sts.us-west-2.amazonaws.com", "/")
    assert ours == theirs


@pytest.mark.usefixtures("noon")
def test_each_is_for_its_own_cluster() -> None:
    cloud = Cloud.open("us-west-2")
    shop, bank, again = (token(cloud, name).reveal() for name in ("shop", "bank", "shop"))
    assert shop == again != bank


def test_in_a_rehearsal_it_is_signed_for_the_genuine_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REHEARSAL, "http://127.0.0.1:5600")
    assert url(token(Cloud.open("us-west-2"), "shop").reveal()).startswith(
        "https://sts.us-west-2.amazonaws.com/?"
    )


@pytest.mark.parametrize("name", ["", "-shop", "shop\nx: y", "s" * 101])
def test_what_eks_would_not_take_as_a_name_is_not_signed(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a cluster's name"):
        token(Cloud.open("us-west-2"), name)


def test_without_credentials_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Refused, match="no AWS credentials") as refused:
        token(Cloud.open("us-west-2"), "shop")
    assert "aws configure" in refused.value.remedy


@pytest.mark.parametrize(
    ("info", "version"),
    [
        ("", "v1beta1"),
        ("no json", "v1beta1"),
        ("[]", "v1beta1"),
        ('{"apiVersion": "client.authentication.k8s.io/v1"}', "v1"),
        ('{"apiVersion": "client.authentication.k8s.io/v1beta1"}', "v1beta1"),
        ('{"apiVersion": "client.authentication.k8s.io/v9"}', "v1beta1"),
    ],
)
def test_it_answers_in_the_version_that_kubectl_speaks(info: str, version: str) -> None:
    answer = credential(Secret("signed"), info)
    assert answer["apiVersion"] == f"client.authentication.k8s.io/{version}"
    assert answer["status"]["token"] == "signed"
