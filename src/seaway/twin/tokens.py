"""What a token of EKS says, and whether it is true.

A token is a signed request to STS. It is taken apart after the rules of AWS's own authenticator
(github.com/kubernetes-sigs/aws-iam-authenticator, pkg/token), and its signature made again (AWS SigV4).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PREFIX: Final = "k8s-aws-v1."
#: Characters; what signs for a session of a role carries the session's token.
_LONGEST: Final = 16384
_HOLDS: Final = timedelta(minutes=15)
#: A clock may be ahead by so much (AWS SigV4).
_AHEAD: Final = timedelta(minutes=5)
#: Where it may have been signed for: STS of a region or of all. Nothing is ever sent to where a token says.
_HOST: Final = re.compile(r"sts(?:\.([a-z]{2,}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?")
_SCOPE: Final = re.compile(r"(\w+)/(\d{8})/([a-z0-9-]+)/sts/aws4_request")
#: What the request must say, and which parameters are its signature's.
_SAYS: Final = {
    "action": "GetCallerIdentity",
    "version": "2011-06-15",
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-signedheaders": "host;x-k8s-aws-id",
}
_SIGNS: Final = {"x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signature"}
_SESSION: Final = "x-amz-security-token"


class Untrue(Exception):  # noqa: N818  (reads as what it is)
    """Why a token is not taken."""


@dataclass(frozen=True)
class Claim:
    """What a token says: whose key signed it, of which session, for which region, at which moment."""

    key: str
    session: str
    region: str
    moment: str
    place: str
    query: str
    signature: str

    def signed_by(self, secret: str, cluster: str) -> bool:
        """Tell whether this secret signed it for this cluster: the name is a header that no token carries."""
        request = AWSRequest("GET", f"{self.place}/?{self.query}", headers={"x-k8s-aws-id": cluster})
        request.context["timestamp"] = self.moment
        auth = SigV4Auth(Credentials(self.key, secret), "sts", self.region)
        text = auth.string_to_sign(request, auth.canonical_request(request))
        return compare_digest(auth.signature(text, request), self.signature)


def read(token: str, sts: str = "") -> Claim:
    """Take a token apart. Raises Untrue for what no `aws eks get-token` makes, and for one that has ended.

    `sts` is the URL of an emulator, for which the aws command signs where its calls are sent there.
    """
    url = _url(token)
    place, found = f"{url.scheme}://{url.netloc}", _HOST.fullmatch(url.netloc)
    genuine = place == sts or (url.scheme == "https" and found)
    if not genuine or url.path not in {"", "/"} or url.fragment:
        raise Untrue(f"not for STS: {url.netloc}")
    given = _parameters(url.query)
    _check_moment(given)
    scope = _SCOPE.fullmatch(given["x-amz-credential"])
    if not scope or scope[2] != given["x-amz-date"][:8] or scope[3] != _region(found, scope[3]):
        raise Untrue("the credential is of another day, region or service")
    signed = "&".join(p for p in url.query.split("&") if not p.lower().startswith("x-amz-signature="))
    return Claim(
        scope[1],
        given.get(_SESSION, ""),
        scope[3],
        given["x-amz-date"],
        place,
        signed,
        given["x-amz-signature"],
    )


def _region(host: re.Match[str] | None, said: str) -> str:
    """Give the region that a host of STS is for; that of an emulator is for every one."""
    return (host[1] or "us-east-1") if host else said


def _url(token: str) -> SplitResult:
    body = token.removeprefix(PREFIX)
    if body == token or len(token) > _LONGEST:
        raise Untrue("no token of EKS")
    try:
        text = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True).decode("ascii")
        return urlsplit(text)
    except (binascii.Error, ValueError) as error:
        raise Untrue("no token of EKS") from error


def _parameters(query: str) -> dict[str, str]:
    """Read the parameters, each of them known and there once; names in small letters."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise Untrue("no query") from error
    given = {name.lower(): text for name, text in pairs}
    if len(given) < len(pairs):
        raise Untrue("a parameter stands there twice")
    if odd := set(given) - {_SESSION} ^ {*_SAYS, *_SIGNS}:
        raise Untrue(f"these parameters are not as they should be: {', '.join(sorted(odd))}")
    if wrong := [name for name, text in _SAYS.items() if given[name] != text]:
        raise Untrue(f"another request: {', '.join(wrong)}")
    return given


def _check_moment(given: dict[str, Any]) -> None:
    """Raise Untrue for what has ended; what the request says of its own life counts for nothing."""
    try:
        age = datetime.now(UTC) - datetime.strptime(given["x-amz-date"], SIGV4_TIMESTAMP).replace(tzinfo=UTC)
        lasts = int(given["x-amz-expires"])
    except ValueError as error:
        raise Untrue("no moment") from error
    if not 0 <= lasts <= _HOLDS.total_seconds():
        raise Untrue("it says it holds for longer than any")
    if not -_AHEAD <= age <= _HOLDS:
        raise Untrue("expired" if age > _HOLDS else "signed in the future")
