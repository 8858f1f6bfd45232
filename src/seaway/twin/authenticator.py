"""Who somebody is to a cluster of EKS, and what they may do there: TokenReviews, over the wire.

On EKS a token goes to STS, and whoever signed it is looked for among the cluster's access entries. Here its
signature is checked by the secrets of the keys that there are, since no emulator checks one in a query. What
an access policy allows is known to an authorizer of EKS's own: here each has a group, bound to the role that
Kubernetes has for the same. That is an approximation.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final, Protocol

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.kit.kube import Manifest
from seaway.providers.local import certificate
from seaway.providers.local.reviewer import Webhook
from seaway.twin.eks import Eks
from seaway.twin.phases import Thing
from seaway.twin.tokens import Claim, Untrue, read
from seaway.twin.wire import Handler, listening

#: Access policies, and the roles of Kubernetes that are nearest (EKS user guide, access policy permissions).
ROLES: Final = {
    "AmazonEKSClusterAdminPolicy": "cluster-admin",
    "AmazonEKSAdminPolicy": "admin",
    "AmazonEKSEditPolicy": "edit",
    "AmazonEKSViewPolicy": "view",
}
_NAME: Final = "authenticator"


@dataclass(frozen=True)
class Holder:
    """Whose a key is: `arn` is what STS says, `principal` what access entries name.

    `session` is the token that the key of a role's session goes with.
    """

    arn: str
    principal: str
    id: str
    secret: str
    session: str = ""
    active: bool = True


class Keys(Protocol):
    """The keys of an account, with their secrets."""

    def get(self, key: str, /) -> Holder | None:
        """Tell whose a key is, now."""


class Authenticator:
    """Knows who may sign in to a cluster that EKS holds in a region. `sts` is where STS is played.

    `refused` is why not, for each token that was not taken.
    """

    def __init__(
        self, keys: Keys, regions: Mapping[str, Eks], region: str, cluster: str, sts: str = ""
    ) -> None:
        self.keys, self.regions, self.region, self.cluster, self.sts = keys, regions, region, cluster, sts
        self.refused: list[str] = []

    def review(self, token: str) -> Thing:
        """Answer as the status of a TokenReview (authentication.k8s.io/v1)."""
        try:
            return {"authenticated": True, "user": self._user(read(token, self.sts))}
        except Untrue as why:
            self.refused.append(str(why))
            return {"authenticated": False, "error": str(why)}

    def _user(self, claim: Claim) -> Thing:
        """Describe who signed as Kubernetes takes it. Raises Untrue."""
        holder, held = self._holder(claim), self.regions[self.region]
        entry = held.entries.get((self.cluster, holder.principal))
        if entry is None:
            raise Untrue(f"no access entry of {holder.principal}")
        whole = [each["policyArn"] for each in entry["policies"] if each["accessScope"]["type"] == "cluster"]
        return {
            "username": entry.get("username", holder.arn),
            "uid": f"aws-iam-authenticator:{held.account}:{holder.id}",
            "groups": [*entry.get("kubernetesGroups", []), *(_group(a.rpartition("/")[2]) for a in whole)],
            "extra": {"arn": [holder.arn], "canonicalArn": [holder.principal], "accessKeyId": [claim.key]},
        }

    def _holder(self, claim: Claim) -> Holder:
        """Find who signed. Raises Untrue where STS would not say it either."""
        holder = self.keys.get(claim.key)
        if holder is None or holder.session != claim.session:
            raise Untrue("STS does not know the key")
        if not claim.signed_by(holder.secret, self.cluster):
            raise Untrue("the signature is not for this cluster")
        if not holder.active:
            raise Untrue("the key is inactive")
        return holder


def bindings() -> list[Manifest]:
    """Write what a cluster must have so that access policies are worth something."""
    api = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _group(policy).lower()},
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": api, "kind": "Group", "name": _group(policy)}],
        }
        for policy, role in ROLES.items()
    ]


def _group(policy: str) -> str:
    """Name the group of all who have an access policy for a whole cluster."""
    return f"eks-access-policy:{policy}"


@dataclass
class Door:
    """Where a cluster shows tokens. Who stands there may be another by and by; at first it is nobody."""

    webhook: Webhook
    authenticator: Authenticator | None = None


class _Reviews(Handler):
    doors: ClassVar[list[Door]]

    def _review(self) -> None:
        asked = json.loads(self.body())
        authenticator = self.doors[0].authenticator
        status: Thing = {"authenticated": False, "error": "nobody is here"}
        if authenticator:
            status = authenticator.review(asked["spec"]["token"])
        self.send(200, {"apiVersion": asked["apiVersion"], "kind": "TokenReview", "status": status})

    do_POST = _review  # noqa: N815


@contextmanager
def answering(folder: Path) -> Iterator[Door]:
    """Answer TokenReviews over TLS, on loopback; the certificate for that is kept in `folder`."""
    authority = certificate.authority("authenticators of EKS", timedelta(days=1))
    names, uses = [x509.DNSName(_NAME)], [ExtendedKeyUsageOID.SERVER_AUTH]
    made = certificate.issue(authority, certificate.subject(_NAME), timedelta(days=1), names, uses)
    made.write(folder, _NAME)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / f"{_NAME}.crt", folder / f"{_NAME}.key")
    doors: list[Door] = []
    with listening(type("Reviews", (_Reviews,), {"doors": doors}), tls) as port:
        doors.append(Door(Webhook(port, _NAME, authority.pem)))
        yield doors[0]
