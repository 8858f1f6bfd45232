"""Who asks, as the API server tells when it passes a request on; pure.

Source: Kubernetes, "Configure the aggregation layer"; the ConfigMap extension-apiserver-authentication.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import unquote

from seaway.kit.kube import Manifest, Ref
from seaway.model.gateway import REQUESTS

GROUP: Final = "custom.metrics.k8s.io"
VERSION: Final = "v1beta2"
#: Where the API server says whom it is to be believed by.
AUTHENTICATION: Final = Ref("v1", "ConfigMap", "extension-apiserver-authentication", "kube-system")
#: Whoever is of this group may do everything (Kubernetes: RBAC, user-facing roles); nobody need be asked.
MASTERS: Final = "system:masters"


@dataclass(frozen=True)
class Caller:
    """A user of the cluster; `extra` are further words on who that is, by lower-case keys."""

    user: str
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def review(self, namespace: str, service: str) -> Manifest:
        """Compose the question whether they may read the metric of a service."""
        what = {"group": GROUP, "version": VERSION, "resource": "services", "subresource": REQUESTS}
        asked = {**what, "namespace": namespace, "name": service, "verb": "get"}
        extra = {key: list(values) for key, values in self.extra.items()}
        who = {"user": self.user, "groups": list(self.groups), "extra": extra}
        api = "authorization.k8s.io/v1"
        spec = {**who, "resourceAttributes": asked}
        return {"apiVersion": api, "kind": "SubjectAccessReview", "spec": spec}


@dataclass(frozen=True)
class FrontProxy:
    """By what the API server is known: a certificate of this `authority` (PEM) with one of these names.

    Without names any will do. The others say in which headers it tells who asks.
    """

    authority: str
    names: frozenset[str]
    users: tuple[str, ...]
    groups: tuple[str, ...]
    extras: tuple[str, ...]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """Read the ConfigMap. Raises ValueError where the cluster passes no requests on."""
        data = found.get("data") or {}

        def listed(key: str) -> tuple[str, ...]:
            return tuple(json.loads(data.get(f"requestheader-{key}", "[]")))

        authority = data.get("requestheader-client-ca-file", "")
        if not authority:
            raise ValueError(
                "the API server has no aggregation layer: requestheader-client-ca-file is not set"
            )
        return cls(
            authority,
            frozenset(listed("allowed-names")),
            listed("username-headers"),
            listed("group-headers"),
            listed("extra-headers-prefix"),
        )

    def takes(self, name: str) -> bool:
        """Whether a certificate of the authority with this common name is the API server's."""
        return not self.names or name in self.names

    def caller(self, names: Sequence[str], values: Callable[[str], Sequence[str]]) -> Caller | None:
        """Read from the headers, by `names` and the `values` of each, who asks; None where no user is."""
        user = next((each for header in self.users for each in values(header) if each), "")
        if not user:
            return None
        groups = next((tuple(found) for header in self.groups if (found := values(header))), ())
        prefixes = tuple(each.lower() for each in self.extras)
        extra = {
            unquote(name.lower().removeprefix(prefix)): tuple(values(name))
            for prefix in prefixes
            for name in names
            if name.lower().startswith(prefix)
        }
        return Caller(user, groups, extra)
