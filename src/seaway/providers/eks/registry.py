"""Who one is to Amazon's registry, ECR: a password for half a day, for who may use AWS here."""

from __future__ import annotations

import base64
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from seaway.kit.docker_config import Login

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import AuthorizationDataTypeDef

    from seaway.providers.eks.cloud import Cloud

#: Hosts of private registries in the parts of AWS that are open to all (ECR user guide, Registries).
_HOST: Final = re.compile(
    r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.(amazonaws\.(com(\.cn)?|eu)|on\.aws)"
)
#: Seconds before its end that a password is replaced: an upload may take some time.
_BEFORE: Final = 1800


def find_login(host: str) -> Login | None:
    """Ask AWS for a password to the registry at `host`; None where it is no registry of ECR.

    Raises SeawayError where AWS gives none.
    """
    ours = _HOST.fullmatch(host)
    if not ours:
        return None
    from seaway.providers.eks.cloud import Cloud  # noqa: PLC0415  (boto3: 0.3 s that few commands need)

    return _login(_given(Cloud.open(ours["region"]), host))


def stand_in_login(cloud: Cloud, host: str) -> Login | None:
    """Ask the ECR of a rehearsal for a password to what stands in for its registry; None for another's.

    Raises as find_login does.
    """
    given = _given(cloud, host)
    return _login(given) if given["proxyEndpoint"] == f"https://{host}" else None


def _given(cloud: Cloud, host: str) -> AuthorizationDataTypeDef:
    from seaway.providers.eks.cloud import explained  # noqa: PLC0415  (boto3)

    with explained(f"there is no password for {host}"):
        (given,) = cloud.ecr.get_authorization_token()["authorizationData"]
    return given


def _login(given: AuthorizationDataTypeDef) -> Login:
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    holds = (given["expiresAt"] - datetime.now(UTC)).total_seconds()
    # By this machine's clock it may have ended already: then whoever refuses it says when.
    return Login(user, password, renew=time.monotonic() + max(holds - _BEFORE, _BEFORE))
