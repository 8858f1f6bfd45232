"""Taking a cluster on EKS one minor version up: control plane, add-ons, nodes, one after the other.

Nothing is noted anywhere: what EKS shows says how far it is. An update that runs is gone on with, so that a
run that ends at any call is gone on with by the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, HTTPClientError

from seaway.errors import Refused, Unready
from seaway.model.event import Event, Outcome, Report, told
from seaway.providers.eks import versions
from seaway.providers.eks.addons import ADDONS
from seaway.providers.eks.cloud import Cloud, explained, unsure
from seaway.providers.eks.making import VISIBLE
from seaway.providers.eks.parts import code_of
from seaway.providers.eks.readiness import Cluster, Finding, Move, Verdict, findings, moves, target_of
from seaway.providers.eks.rolling import Rolling
from seaway.providers.eks.versions import Update, Versioned

if TYPE_CHECKING:
    from seaway.providers.eks.clusters import EksClusters

#: What EKS says where something is being done to the same thing already.
_BUSY: Final = "ResourceInUseException"
#: Settings of an add-on that somebody changed stay (EKS API reference, UpdateAddon).
_CONFLICTS: Final = "PRESERVE"


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade to `target` would do, and what the checks say of it."""

    target: str
    findings: tuple[Finding, ...]
    moves: tuple[Move, ...]

    def check(self, cluster: str) -> None:
        """Raise Refused where a check says no, with all that do."""
        stops = [each for each in self.findings if each.verdict is Verdict.STOP]
        if stops:
            raise Refused(
                f"cluster {cluster} cannot go to {self.target}: nothing was changed",
                why="; ".join(each.text for each in stops),
                remedy="; ".join(dict.fromkeys(each.remedy for each in stops if each.remedy)),
            )


def look(clusters: EksClusters, name: str, to: str = "") -> Upgrade:
    """See what taking a cluster to a version would do, and check whether it may. Changes nothing.

    Without a version it is what is under way or was left behind, else the next one. Raises NotFound for a
    cluster that is not ours, UsageError for what is no version.
    """
    clusters.get(name)
    cloud = clusters.cloud
    with explained("AWS refused to show what there is"):
        plane = versions.control_plane(cloud, name)
        groups, addons = versions.node_groups(cloud, name), versions.add_ons(cloud, name)
        target = target_of(plane, groups, to)
        offers = versions.offers(cloud, tuple(each.name for each in addons), target)
        insights = versions.insights(cloud, name, target)
    with closing(clusters.connect(name)) as kube:
        inside = versions.inside(kube)
    # Pod identity comes first, since by it the others have their roles.
    ordered = sorted(addons, key=lambda each: ADDONS.index(each.name) if each.name in ADDONS else len(ADDONS))
    seen = Cluster(plane, groups, tuple(ordered), offers, insights, inside)
    return Upgrade(target, findings(seen, target, name), moves(seen, target))


def carry_out(clusters: EksClusters, name: str, to: str, report: Report) -> None:
    """Take a cluster to a version. Looks and checks again first: raises as `look`, and Refused as `check`.

    Raises Unready where EKS gives an update up.
    """
    upgrade = look(clusters, name, to)
    upgrade.check(name)
    with closing(clusters.connect(name)) as kube:
        for move in upgrade.moves:
            group = move.live.scope.get("nodegroupName", "")
            tend = Rolling(kube, group).look if group else _nothing
            _go(clusters.cloud, name, move, tend, report)


def _nothing() -> None:
    """Do nothing while EKS works."""


def _go(cloud: Cloud, cluster: str, move: Move, tend: Callable[[], None], report: Report) -> None:
    """Have one thing go where it shall. Where a call fails, EKS is looked at for whether it was taken."""
    text = f"{move.thing} to {move.version}"
    with told(report, move.step, text), explained(f"{text}: it cannot be brought there"):
        end = time.monotonic() + cloud.patience
        live = _see(cloud, cluster, move.live)
        while not _there(live, move):
            try:
                update = live.update or _begin(cloud, cluster, move)
            except (ClientError, HTTPClientError) as error:
                busy = isinstance(error, ClientError) and code_of(error) == _BUSY
                if not (busy or unsure(error)) or time.monotonic() > end:
                    raise
                time.sleep(cloud.pace)
                live = _see(cloud, cluster, move.live)
            else:
                for _ in _following(cloud, cluster, move, update):
                    report(Event(move.step, Outcome.PROGRESS, f"{move.thing} goes to {move.version}"))
                    tend()
                    time.sleep(cloud.pace)
                live = _shown(cloud, cluster, move, update)


def _there(live: Versioned, move: Move) -> bool:
    return live.version == move.version and live.status == "ACTIVE"


def _see(cloud: Cloud, cluster: str, live: Versioned) -> Versioned:
    if "nodegroupName" in live.scope:
        return versions.node_group(cloud, cluster, live.name)
    if "addonName" in live.scope:
        return versions.add_on(cloud, cluster, live.name)
    return versions.control_plane(cloud, cluster)


def _begin(cloud: Cloud, cluster: str, move: Move) -> Update:
    eks, live = cloud.eks, move.live
    call: Any = partial(eks.update_cluster_version, name=cluster, version=move.version)
    if "nodegroupName" in live.scope:
        call = partial(eks.update_nodegroup_version, clusterName=cluster, nodegroupName=live.name)
        call = partial(call, version=move.version)
    elif "addonName" in live.scope:
        call = partial(eks.update_addon, clusterName=cluster, addonName=live.name)
        call = partial(call, addonVersion=move.version, resolveConflicts=_CONFLICTS)
    return Update(call()["update"]["id"], move.version)


def _following(cloud: Cloud, cluster: str, move: Move, update: Update) -> Iterator[None]:
    """Look until an update ends; EKS itself ends one that does not get on. Raises Unready."""
    which: Any = move.live.scope
    while True:
        seen = cloud.eks.describe_update(name=cluster, updateId=update.id, **which)["update"]
        if seen["status"] == "Successful":
            return
        if seen["status"] != "InProgress":
            errors = [f"{e.get('errorCode')}: {e.get('errorMessage')}" for e in seen.get("errors", [])]
            raise Unready(
                f"{move.thing} did not get to {move.version}: the update {seen['status'].lower()}",
                where=f"update {update.id} of cluster {cluster}",
                why="; ".join(errors),
                remedy="mend the reason, and run the command again: it goes on from here",
            )
        yield


def _shown(cloud: Cloud, cluster: str, move: Move, update: Update) -> Versioned:
    """Look until EKS shows what its update did, as it said. Raises Unready where it does not."""
    end = time.monotonic() + VISIBLE
    while True:
        live = _see(cloud, cluster, move.live)
        if _there(live, move) or update.version != move.version or live.update:
            return live
        if time.monotonic() > end:
            raise Unready(
                f"EKS does not show {move.thing} at {move.version}",
                where=f"update {update.id} of cluster {cluster}",
                remedy="run the command again: it goes on from here",
            )
        time.sleep(cloud.pace)
