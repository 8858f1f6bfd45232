"""Tokens as anybody could make them who has a key: also such as no tool makes."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import botocore.auth
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from seaway.twin.tokens import PREFIX

REGION = "eu-central-1"
STS = f"https://sts.{REGION}.amazonaws.com"
QUERY = "Action=GetCallerIdentity&Version=2011-06-15"


def signed(
    by: Credentials, *, cluster: str = "shop", ago: float = 0, expires: int = 60, at: str = STS
) -> str:
    """Sign a request to STS as it would have been signed `ago` seconds before now. Gives its URL."""
    moment = datetime.now(UTC) - timedelta(seconds=ago)
    request = AWSRequest("GET", f"{at}/?{QUERY}", headers={"x-k8s-aws-id": cluster})
    with patch.object(botocore.auth, "get_current_datetime", lambda: moment):
        SigV4QueryAuth(by, "sts", REGION, expires=expires).add_auth(request)
    return str(request.url)


def wrapped(url: str) -> str:
    """Make a token of a URL."""
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
