"""The key of AWS that a pod on EKS is given by its association: an agent on its node hands it out.

(EKS user guide, EKS Pod Identity; AWS SDKs and Tools reference guide, Container credential provider)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from seaway.errors import NotFound, Refused, SeawayError
from seaway.kit.http import Http
from seaway.kit.sigv4 import AwsKey

#: What EKS writes into the environment of a pod that has an association.
URL: Final = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN: Final = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105  (a name)
#: Where the agent answers besides loopback: the token is shown to nobody else.
AGENTS: Final = frozenset({"169.254.170.23", "fd00:ec2::23"})
#: A key that ends so soon is asked for anew; it is used on where the agent is away.
LEFT: Final = timedelta(minutes=10)
#: Seconds that the agent has for an answer.
PATIENCE: Final = 5.0
_REMEDY: Final = "see that the agent of EKS Pod Identity runs on the node of the pod"


@dataclass
class PodIdentity:
    """The key, kept until it is about to end by the clock `now`. For one thread."""

    url: str
    token: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _held: tuple[AwsKey, datetime] | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read where this pod is given one.

        Raises NotFound where it is given none, Refused where that would be anywhere but at the agent.
        """
        url, token = environment.get(URL, ""), environment.get(TOKEN, "")
        if not (url and token):
            raise NotFound(
                "this pod is given no key of AWS",
                why=f"EKS sets {URL} where the account has an association when the pod starts",
                remedy="seaway up; if the association was made a moment before the pod, start it anew",
            )
        if not _agent(urlsplit(url).hostname or ""):
            raise Refused(f"{url} is no agent of EKS", where=URL, why="the pod's token would be shown to it")
        return cls(url, Path(token))

    def key(self) -> AwsKey:
        """Give a key that is good for a while. Raises SeawayError where there is none to be had."""
        held, now = self._held, self.now()
        if held and held[1] - now > LEFT:
            return held[0]
        try:
            self._held = held = self._asked()
        except SeawayError:
            if held is None or held[1] <= now:
                raise
        return held[0]

    def _asked(self) -> tuple[AwsKey, datetime]:
        """Ask the agent; the token is read each time, since the kubelet writes a new one."""
        try:
            headers = {"Authorization": self.token.read_text().strip()}
        except OSError as error:
            raise NotFound(
                "the pod's token cannot be read", where=str(self.token), why=error.strerror or str(error)
            ) from error
        at = urlsplit(self.url)
        with Http(f"{at.scheme}://{at.netloc}", timeout=PATIENCE, remedy=_REMEDY, denied=_REMEDY) as agent:
            answer = agent.request("GET", at.path, headers=headers)
        try:
            said = json.loads(answer.content)
            key = AwsKey(said["AccessKeyId"], said["SecretAccessKey"], said["Token"])
            return key, datetime.fromisoformat(said["Expiration"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError) as error:
            raise SeawayError(
                f"{self.url} gives no key that can be used", why=type(error).__name__, remedy=_REMEDY
            ) from error


def _agent(host: str) -> bool:
    try:
        return host in AGENTS or ip_address(host).is_loopback
    except ValueError:
        return False
