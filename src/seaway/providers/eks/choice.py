"""What a control plane cannot become: told before anything is changed, with what can be done instead."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from seaway.errors import Refused, Unready
from seaway.providers.eks.addons import BESIDE
from seaway.providers.eks.cloud import Cloud, explained
from seaway.providers.eks.control import Choice
from seaway.providers.eks.parts import Live
from seaway.providers.eks.versions import offers, order

#: What is said of a cluster whose API answers inside its network only.
INSIDE: Final = "its API answers inside its network only: seaway and kubectl reach it from there"


def refuse_what_cannot_be(cloud: Cloud, name: str, live: Live | None, choice: Choice, vpc: str) -> None:
    """Raise Refused for a choice that EKS does not take, for a cluster as it is `live` or a new one in `vpc`.

    Without a VPC a new cluster is in a network that is made for it.
    """
    if live is None:
        _refuse_new(cloud, name, choice, vpc)
        return
    _refuse_version(cloud, name, live["version"], choice.version)
    _refuse_key(name, live, choice.key)
    if choice.private and not closed(live) and outside(live.get("endpoint", "")):
        raise Refused(
            f"this machine would reach the API of cluster {name} no more",
            why="it reaches it at its public address, and private would close that",
            remedy="run it where the network of the cluster leads, such as behind a VPN to it",
        )


def closed(live: Live) -> bool:
    """Tell whether the API of a cluster answers inside its network only."""
    return not live["resourcesVpcConfig"].get("endpointPublicAccess", True)


def unreached(name: str) -> Unready:
    """Compose the error of a cluster that is there, but not from here."""
    return Unready(
        f"this machine does not reach the API of cluster {name}",
        why=INSIDE,
        remedy="run the command again where the cluster's network leads: it goes on from here",
    )


def outside(endpoint: str) -> bool:
    """Tell whether a URL leads from here to a public address."""
    try:
        found = socket.getaddrinfo(urlsplit(endpoint).hostname, None)
    except OSError:
        return False
    return any(not ip_address(str(place[0])).is_private for *_, place in found)


def _refuse_new(cloud: Cloud, name: str, choice: Choice, vpc: str) -> None:
    if choice.private and not vpc:
        raise Refused(
            f"cluster {name} cannot be made with a private API in a network that is made for it",
            why="nothing leads into that network yet: this machine could not finish the cluster",
            remedy="adopt a network that this machine reaches (adopt: {vpc: …}), or make it without private "
            "first, lead a way in, and add private then",
        )
    if choice.version:
        with explained("AWS refused to show what there is for a version of Kubernetes"):
            known = offers(cloud, BESIDE, choice.version)
        if not known:
            raise Refused(
                f"EKS has no Kubernetes {choice.version} in {cloud.region}",
                remedy="leave version out: then it is the one that EKS gives by itself",
            )


def _refuse_version(cloud: Cloud, name: str, now: str, wanted: str) -> None:
    if wanted in {"", now}:
        return
    place = f"seaway cluster upgrade --on eks --region {cloud.region} --name {name}"
    later = order(wanted) > order(now)
    raise Refused(
        f"cluster {name} is at {now}, and the file says {wanted}",
        why="an upgrade looks first at all that speaks against it, one version at a time"
        if later
        else "EKS takes no cluster back to an older version",
        remedy=f"{place}, or say version: {now}" if later else f"say version: {now}",
    )


def _refuse_key(name: str, live: Live, key: str) -> None:
    there = next((each["provider"]["keyArn"] for each in live.get("encryptionConfig") or ()), "")
    if key and key != there:
        raise Refused(
            f"cluster {name} has {'another' if there else 'no'} key of yours",
            where=there,
            why="EKS takes one when a cluster is made, and keeps it",
            remedy=f"{f'say key: {there}' if there else 'leave key out'}, or name another cluster (cluster:)",
        )
