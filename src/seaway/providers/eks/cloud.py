"""AWS in one region: every client is made here, and only for endpoints that may be spoken to.

`SEAWAY_AWS_ENDPOINTS` turns a rehearsal on: `http://127.0.0.1:5600 eks=http://127.0.0.1:5601` sends all calls
to the first, those of EKS to the second. A rehearsal speaks to loopback only, without any credentials of the
user's files; in neither mode may anything else (AWS_ENDPOINT_URL, a profile) bend the way of a call.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NotConnectedError

from seaway.errors import Refused, SeawayError, Unreachable, UsageError
from seaway.model.identity import Key
from seaway.ports.proofs import Proofs

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_sts import STSClient

REHEARSAL: Final = "SEAWAY_AWS_ENDPOINTS"
_OVERRIDE: Final = "AWS_ENDPOINT_URL"
#: Calls that are never made again by botocore, which cannot tell whether the first was carried out: those of
#: EC2 make a thing that has nothing but an id, and so two; the secret half of a key is given only once.
_ONCE: Final = {"ec2": ("Create", "Allocate"), "iam": ("CreateAccessKey",)}
#: What EC2 says of too many calls, with HTTP 503 (EC2 API reference, Request throttling).
_THROTTLED: Final = "RequestLimitExceeded"
_FAULT: Final = 500
_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
#: What AWS says of who may not do it, in this region or at all (API references, Common errors).
_REFUSED: Final = ("AccessDenied", "Unauthorized", "OptInRequired")
#: What it says of a quota: each service has a name of its own for it, with one of these words in it.
_QUOTA: Final = ("LimitExceeded", "QuotaExceeded")
#: And of a call that it will never take as it is.
_WRONG: Final = (
    *("InvalidParameter", "InvalidInput", "InvalidArgument", "MalformedPolicyDocument", "MissingParameter"),
    *("UnsupportedAvailabilityZone", "UnsupportedOperation", "ValidationError", "ValidationException"),
)
#: How AWS names the action that was refused (IAM user guide, access denied error messages).
_DENIED: Final = re.compile(r"not authorized to perform:? ([\w-]+:\w+)")
Client = TypeVar("Client", bound="BaseClient")
_CREDENTIALS: Final = "configure credentials as for the aws command: aws configure, AWS_PROFILE, or a role"


@dataclass(frozen=True)
class Cloud:
    """AWS in one region. `endpoints` are those of a rehearsal: by service, and "" for all others.

    `proofs` are kept in the zone of the public names, which may be anywhere; None where that is not known.
    """

    session: boto3.Session
    region: str
    endpoints: Mapping[str, str]
    proofs: Proofs | None = None
    #: A session cannot make two clients at once (boto3: Session, Multithreading).
    _making: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def open(cls, region: str = "") -> Cloud:
        """Choose the region (the one given, else the environment's or the profile's) and the mode.

        Raises UsageError where there is no region, Refused where an endpoint is not what the mode allows.
        """
        endpoints = _rehearsal(os.environ.get(REHEARSAL, ""))
        with explained("the AWS configuration cannot be used"):
            session = _invented() if endpoints else boto3.Session()
            _refuse_overrides(session)
            chosen = _region(region or os.environ.get("AWS_REGION") or session.region_name)
            return cls(_watched(session) if endpoints else session, chosen, endpoints)

    @cached_property
    def acm(self) -> Any:
        client: Any = self.session.client
        with self._making:
            return client("acm", **self._settings("acm"))

    @cached_property
    def ec2(self) -> EC2Client:
        with self._making:
            return _once(self.session.client("ec2", **self._settings("ec2")))

    @cached_property
    def ecr(self) -> ECRClient:
        with self._making:
            return self.session.client("ecr", **self._settings("ecr"))

    @cached_property
    def eks(self) -> EKSClient:
        with self._making:
            return self.session.client("eks", **self._settings("eks"))

    @cached_property
    def iam(self) -> IAMClient:
        with self._making:
            return _once(self.session.client("iam", **self._settings("iam")))

    @cached_property
    def kms(self) -> KMSClient:
        with self._making:
            return self.session.client("kms", **self._settings("kms"))

    @cached_property
    def route53(self) -> Route53Client:
        with self._making:
            return self.session.client("route53", **self._settings("route53"))

    @cached_property
    def sts(self) -> STSClient:
        with self._making:
            return self.session.client("sts", **self._settings("sts"))

    @cached_property
    def secrets(self) -> Any:
        client: Any = self.session.client
        return client("secretsmanager", **self._settings("secretsmanager"))

    def signed_by(self, key: Key) -> Cloud:
        """Give the same with other credentials: to see whether they work."""
        session = boto3.Session(key.id, key.secret.reveal())
        return replace(self, session=_watched(session) if self.endpoints else session)

    def genuine_sts(self) -> STSClient:
        """Make a client of AWS itself, also in a rehearsal: for signing only, which sends nothing."""
        with self._making:
            return self.session.client("sts", **self._settings(""))

    def load_balancers(self, region: str) -> Any:
        """Make a client for load balancers (Elastic Load Balancing v2) of a region."""
        client: Any = self.session.client
        with self._making:
            return client("elbv2", **replace(self, region=region)._settings("elbv2"))  # noqa: SLF001  (its own)

    @property
    def partition(self) -> str:
        """The part of AWS that the region belongs to, as ARNs name it: aws, aws-cn, aws-us-gov."""
        return self.session.get_partition_for_region(self.region)

    @property
    def pace(self) -> float:
        """Seconds between two looks at what AWS is at work on; an emulator takes no time."""
        return 0.02 if self.endpoints else 5.0

    @property
    def patience(self) -> float:
        """Seconds for what hangs on a thing to go before the thing can."""
        return 1.0 if self.endpoints else 300.0

    def _settings(self, service: str) -> Any:
        """Compose what a client of a service needs; "" is for one that only signs."""
        return {
            "region_name": self.region,
            "endpoint_url": self.endpoints.get(service, self.endpoints.get("")) if service else None,
            "config": Config(
                connect_timeout=5,
                retries={"mode": "standard", "total_max_attempts": 5},
                user_agent_extra=f"seaway/{version('seaway')}",
            ),
        }


class EmulatorGap(SeawayError):  # noqa: N818  (reads as what happened)
    """An emulator does not know a call: what AWS would answer is open, and least of all "not found"."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what botocore raises into an error that says what to do; `what` is what did not work."""
    try:
        yield
    except ClientError as error:
        raise _answered(what, error) from error
    except (NoCredentialsError, PartialCredentialsError, TokenRetrievalError) as error:
        raise Refused("there are no AWS credentials to use", why=str(error), remedy=_CREDENTIALS) from error
    except (NotConnectedError, HTTPClientError) as error:
        raise Unreachable(
            "AWS does not answer",
            why=str(error),
            remedy="see that this machine reaches it, and that the region is one of AWS's",
        ) from error
    except BotoCoreError as error:
        raise SeawayError(what, why=str(error), remedy="aws configure list shows what is used") from error


def unsure(error: Exception | None) -> bool:
    """Tell whether a call that failed may have been carried out: its answer was lost, or says HTTP 5xx."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= _FAULT and _code(error) != _THROTTLED
    return isinstance(error, HTTPClientError)


def lasting(error: ClientError) -> bool:
    """Tell whether AWS says no for good: the same call has the same end until somebody does something."""
    code, denied = _code(error), _DENIED.search(str(error))
    said = any(word in code for word in (*_REFUSED, *_QUOTA, *_WRONG))
    return code != _THROTTLED and (said or denied is not None)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def _once(client: Client) -> Client:
    """Have a client leave it to us to find out what became of a call that must not be made twice."""

    def leave(operation: Any, response: Any, caught_exception: Any, **_: Any) -> bool | None:
        error = ClientError(response[1], operation.name) if response else caught_exception
        return False if operation.name.startswith(names) and unsure(error) else None

    service = client.meta.service_model.service_name
    names = _ONCE[service]
    # botocore goes by the first answer to this event; False is that there is no further attempt.
    events: Any = client.meta.events
    events.register_first(f"needs-retry.{service}", leave)
    return client


def _answered(what: str, error: ClientError) -> SeawayError:
    """Tell what AWS said, and which of its actions it was, such as to allow it."""
    code, said = _code(error), str(error.response.get("Error", {}).get("Message"))
    why = f"{code}: {said}"
    denied = _DENIED.search(said)
    # What is missing may be another action than the call's own, such as that to pass a role on.
    action = denied[1] if denied else error.operation_name
    if denied or any(word in code for word in ("AccessDenied", "Unauthorized", "InvalidClientToken")):
        return Refused(
            what, where=action, why=why, remedy=f"allow {action} to who runs this, or use other credentials"
        )
    remedy = "run the command again: it goes on from here"
    if lasting(error):
        limit = any(word in code for word in _QUOTA)
        mend = "ask AWS for more (Service Quotas), or free some" if limit else "mend the reason"
        remedy = f"{mend}, and run the command again"
    return SeawayError(what, where=action, why=why, remedy=remedy)


def _tell_gaps(response_dict: Any, operation_model: Any, **_: Any) -> None:
    """Raise EmulatorGap for a page instead of an answer: AWS never answers in HTML."""
    if b"<html" in response_dict["body"][:200].lower():
        raise EmulatorGap(
            f"the emulator does not know this call (HTTP {response_dict['status_code']})",
            where=f"{operation_model.service_model.service_name} {operation_model.name}",
            remedy="send this service elsewhere: SEAWAY_AWS_ENDPOINTS",
        )


def _watched(session: boto3.Session) -> boto3.Session:
    """Have calls that an emulator does not know told as such."""
    session.events.register("before-parse", _tell_gaps)
    return session


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
