"""Signatures of AWS: as its documentation has them, and as its own library makes them."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx2 as httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from seaway.kit.sigv4 import AwsKey, SigV4

#: The keys of the AWS documentation; they open nothing.
KEY = AwsKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
ZONE = "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1PA6795UKMFR9/rrset"


def signed(request: httpx.Request, service: str, key: AwsKey) -> str:
    next(SigV4(service, "us-east-1", lambda: key, lambda: NOW).auth_flow(request))
    return request.headers["Authorization"]


def test_it_is_that_of_the_test_suite_of_aws() -> None:
    """Its case get-vanilla, which signs a GET without anything."""
    told = signed(httpx.Request("GET", "https://example.amazonaws.com/"), "service", KEY)
    assert told == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", f"{ZONE}?name=_acme-challenge.www.example.com.&maxitems=100", b""),
        ("GET", f"{ZONE}?b=2%2F3&a=x%20y~&empty=&a=w", b""),
        ("POST", f"{ZONE}/", b"<a>\xc3\xa9</a>"),
        ("GET", "http://127.0.0.1:5600/a%20path/of%3Aall", b""),
    ],
)
@pytest.mark.parametrize("token", ["", "of/a+session=="])
def test_it_is_that_of_the_library_of_aws(method: str, url: str, body: bytes, token: str) -> None:
    request = httpx.Request(method, url, content=body)
    told = signed(request, "route53", AwsKey(KEY.id, KEY.secret, token))
    names = told.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert ("x-amz-security-token" in names) == bool(token)
    theirs = AWSRequest(method, url, headers={name: request.headers[name] for name in names}, data=body)
    theirs.context["timestamp"] = request.headers["X-Amz-Date"]
    library = SigV4Auth(Credentials(KEY.id, KEY.secret, token or None), "route53", "us-east-1")
    text = library.string_to_sign(theirs, library.canonical_request(theirs))
    assert told.endswith(f"Signature={library.signature(text, theirs)}")


def test_a_key_prints_as_its_id() -> None:
    key = AwsKey("AKIDEXAMPLE", "hidden", "hidden too")
    assert f"{key} {key!r} {[key]}" == "AKIDEXAMPLE AKIDEXAMPLE [AKIDEXAMPLE]"
