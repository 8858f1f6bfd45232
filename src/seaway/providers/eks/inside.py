"""The way into a cluster on EKS: its API server, by the token that our credentials sign."""

from __future__ import annotations

from seaway.kit import kubeconfig
from seaway.kit.kube import Kube
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.parts import Live
from seaway.providers.eks.token import token


def server(live: Live) -> dict[str, str]:
    """Say where a cluster answers, as a kubeconfig has it."""
    return {"server": live["endpoint"], "certificate-authority-data": live["certificateAuthority"]["data"]}


def entered(cloud: Cloud, live: Live) -> Kube:
    """Reach a cluster that EKS describes."""

    def sign() -> str:
        return token(cloud, live["name"]).reveal()

    document = kubeconfig.entries(live["arn"], server(live), {})
    return Kube.from_document(document, live["arn"], sign=sign)
