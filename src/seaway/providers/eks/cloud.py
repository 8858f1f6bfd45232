"""AWS in one region: every client is made here, and only for endpoints that may be spoken to.

`SEAWAY_AWS_ENDPOINTS` turns a rehearsal on: `http://127.0.0.1:5600 eks=http://127.0.0.1:5601` sends all calls
to the first, those of EKS to the second. A rehearsal speaks to loopback only, without any credentials of the
user's files; in neither mode may anything else (AWS_ENDPOINT_URL, a profile) bend the way of a call.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
)

from seaway.errors import Refused, SeawayError, Unreachable, UsageError

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

REHEARSAL: Final = "SEAWAY_AWS_ENDPOINTS"
_OVERRIDE: Final = "AWS_ENDPOINT_URL"
_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_CREDENTIALS: Final = "configure credentials as for the aws command: aws configure, AWS_PROFILE, or a role"


@dataclass(frozen=True)
class Cloud:
    """AWS in one region. `endpoints` are those of a rehearsal: by service, and "" for all others."""

    session: boto3.Session
    region: str
    endpoints: Mapping[str, str]

    @classmethod
    def open(cls, region: str = "") -> Cloud:
        """Choose the region (the one given, else the environment's or the profile's) and the mode.

        Raises UsageError where there is no region, Refused where an endpoint is not what the mode allows.
        """
        endpoints = _rehearsal(os.environ.get(REHEARSAL, ""))
        with explained("the AWS configuration cannot be used"):
            session = _invented() if endpoints else boto3.Session()
            _refuse_overrides(session)
            return cls(
                session, _region(region or os.environ.get("AWS_REGION") or session.region_name), endpoints
            )

    def genuine_sts(self) -> STSClient:
        """Make a client of AWS itself, also in a rehearsal: for signing only, which sends nothing."""
        return self.session.client("sts", **self._settings(""))

    def _settings(self, endpoint: str) -> Any:
        return {
            "region_name": self.region,
            "endpoint_url": endpoint or None,
            "config": Config(
                connect_timeout=5,
                retries={"mode": "standard", "total_max_attempts": 8},
                user_agent_extra=f"seaway/{version('seaway')}",
            ),
        }


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what botocore raises before or without an answer into an error that says what to do."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError, TokenRetrievalError) as error:
        raise Refused("there are no AWS credentials to use", why=str(error), remedy=_CREDENTIALS) from error
    except HTTPClientError as error:
        raise Unreachable(
            "AWS does not answer", why=str(error), remedy="see that this machine reaches it"
        ) from error
    except BotoCoreError as error:
        raise SeawayError(what, why=str(error), remedy="aws configure list shows what is used") from error


def _region(name: str | None) -> str:
    if not name:
        raise UsageError("no AWS region is given", remedy="give --region, such as --region eu-central-1")
    if not _REGION.fullmatch(name):
        raise UsageError(f"{name!r} is no AWS region", remedy="one such as eu-central-1")
    return name


def _invented() -> boto3.Session:
    """Sign with the keys of the environment or invented ones: an emulator is not given a user's real ones."""
    return boto3.Session(
        os.environ.get("AWS_ACCESS_KEY_ID", "rehearsal"),
        os.environ.get("AWS_SECRET_ACCESS_KEY", "rehearsal"),
        os.environ.get("AWS_SESSION_TOKEN"),
    )


def _refuse_overrides(session: boto3.Session) -> None:
    """Raise Refused where the environment or the profile sends calls anywhere but to AWS."""
    found = [name for name in sorted(os.environ) if name.startswith(_OVERRIDE) and os.environ[name]]
    core = session._session  # noqa: SLF001  (boto3 has no other way to the profile)
    profile = core.get_scoped_config()
    services = core.full_config.get("services", {}).get(profile.get("services"), {})
    if any("endpoint_url" in part for part in (profile, *services.values())):
        found.append(f"endpoint_url of profile {session.profile_name}")
    if found:
        raise Refused(
            "calls to AWS would go elsewhere",
            why=f"set: {', '.join(found)}",
            remedy=f"unset it; for a rehearsal on loopback set {REHEARSAL} instead",
        )


def _rehearsal(text: str) -> dict[str, str]:
    endpoints = {}
    for word in text.split():
        service, _, url = word.rpartition("=")
        if not _loopback(url):
            raise Refused(
                f"a rehearsal speaks to this machine only, not to {url}",
                where=REHEARSAL,
                remedy="give addresses such as http://127.0.0.1:5600, or unset it for the real AWS",
            )
        endpoints[service] = url
    if endpoints and "" not in endpoints:
        raise Refused(
            "the rehearsal does not say where all other services are",
            where=REHEARSAL,
            remedy="begin with an address alone, such as http://127.0.0.1:5600",
        )
    return endpoints


def _loopback(url: str) -> bool:
    """Tell whether a URL leads to this machine by a number: a name may lead elsewhere tomorrow."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
