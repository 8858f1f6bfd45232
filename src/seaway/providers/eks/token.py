"""The token by which Kubernetes on EKS knows who asks: a signed request to STS that the cluster sends itself.

The same as `aws eks get-token` makes, so either may stand in a kubeconfig. Signing needs no network.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from seaway.errors import UsageError
from seaway.kit import moments
from seaway.model.secret import Secret
from seaway.providers.eks.cloud import Cloud, explained

#: Seconds the signed request says it holds; EKS takes it for 15 minutes from its date all the same.
_HOLDS: Final = 60
_FRESH: Final = timedelta(minutes=14)
_HEADER: Final = "x-k8s-aws-id"
_NAME: Final = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_VERSIONS: Final = ("client.authentication.k8s.io/v1beta1", "client.authentication.k8s.io/v1")


def token(cloud: Cloud, cluster: str) -> Secret:
    """Sign who we are, for this cluster only. Raises UsageError for a name that EKS would not take.

    It is signed for the STS of AWS also in a rehearsal: whoever checks it asks the emulator instead.
    """
    if not _NAME.fullmatch(cluster):
        raise UsageError(
            f"{cluster!r} cannot be a cluster's name",
            remedy="use at most 100 letters, digits, - and _, beginning with a letter or digit",
        )
    with explained("the token cannot be signed"):
        sts = cloud.genuine_sts()
        # The cluster's name is a signed header and in no parameter: only hooks can bring it there.
        sts.meta.events.register("before-sign.sts.GetCallerIdentity", _naming(cluster))
        url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=_HOLDS, HttpMethod="GET")
    return Secret("k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("="))


def credential(signed: Secret, info: str) -> dict[str, Any]:
    """Wrap it as kubectl takes it (client.authentication.k8s.io, ExecCredential).

    `info` is what kubectl says in KUBERNETES_EXEC_INFO: the answer has the version that it names.
    """
    return {
        "kind": "ExecCredential",
        "apiVersion": _version(info),
        "spec": {},
        "status": {
            "expirationTimestamp": moments.written(datetime.now(UTC) + _FRESH),
            "token": signed.reveal(),
        },
    }


def _naming(cluster: str) -> Any:
    def name(request: Any, **_: Any) -> None:
        request.headers[_HEADER] = cluster

    return name


def _version(info: str) -> str:
    try:
        wanted = json.loads(info)["apiVersion"]
    except (ValueError, KeyError, TypeError):
        return _VERSIONS[0]
    return wanted if wanted in _VERSIONS else _VERSIONS[0]
