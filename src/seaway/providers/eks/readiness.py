"""Whether a cluster may go to a version of Kubernetes, and what would be done. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from seaway.model.plan import Change, Verb
from seaway.providers.eks.versions import Inside, Insight, Offer, Versioned, minor, order

#: So many minor versions may a kubelet be older than its API server (Kubernetes version skew policy).
SKEW: Final = 3
#: What a cluster runs without an add-on of EKS where nobody made one: EKS leaves these as they are.
_BARE: Final = ("vpc-cni", "coredns", "kube-proxy")
_WELL: Final = frozenset({"ACTIVE", "UPDATING"})


class Verdict(StrEnum):
    """What a check says: go on, take note, or stop."""

    FINE = "fine"
    NOTE = "note"
    STOP = "stop"


@dataclass(frozen=True)
class Finding:
    """What one check found, and what to do about it."""

    verdict: Verdict
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Cluster:
    """All that an upgrade goes by. `offers` are the add-ons' versions that do for it."""

    plane: Versioned
    groups: tuple[Versioned, ...]
    addons: tuple[Versioned, ...]
    offers: Mapping[str, Offer]
    insights: tuple[Insight, ...]
    inside: Inside


def target_of(plane: Versioned, groups: tuple[Versioned, ...], asked: str) -> str:
    """Choose the version: the one asked for, else that of what is under way or behind, else the next one."""
    if asked:
        return f"1.{minor(asked)}"
    if plane.update and plane.update.version:
        return plane.update.version
    ours = [each for each in groups if each.ours]
    if any(each.minor < plane.minor or each.update for each in ours):
        return plane.version
    return f"1.{plane.minor + 1}"


def wanted(addon: Versioned, offer: Offer) -> str:
    """Choose the version of an add-on: what EKS gives by itself, unless it has a newer one that does."""
    stays = addon.version in offer.compatible and order(addon.version) >= order(offer.default)
    return addon.version if stays else offer.default


@dataclass(frozen=True)
class Move:
    """One thing that goes to another version; it may be on its way already."""

    step: str
    thing: str
    live: Versioned
    version: str

    @property
    def change(self) -> Change:
        """What of it a command shows."""
        runs = ("under way",) if self.live.update else ()
        return Change(self.step, Verb.UPDATE, self.thing, (f"{self.live.version} → {self.version}", *runs))


def moves(seen: Cluster, target: str) -> tuple[Move, ...]:
    """List what goes to which version, in the order in which it must; what others made stays."""
    addons = [each for each in seen.addons if each.ours and each.name in seen.offers]
    every = (
        Move("cluster/main", "cluster's control plane", seen.plane, target),
        *(Move(f"addon/{a.name}", f"addon {a.name}", a, wanted(a, seen.offers[a.name])) for a in addons),
        *(Move(f"nodes/{g.name}", f"nodes of group {g.name}", g, target) for g in seen.groups if g.ours),
    )
    return tuple(each for each in every if each.live.version != each.version or each.live.update)


def findings(seen: Cluster, target: str, cluster: str) -> tuple[Finding, ...]:
    """Check all there is to check, whatever the first says."""
    rolls = any("nodegroupName" in each.live.scope for each in moves(seen, target))
    return (
        *_step(seen.plane, target),
        *_quiet(seen.plane, target),
        *_nodes(seen, target, cluster),
        *_addons(seen, target),
        *_insights(seen, target),
        *_budgets(seen.inside, rolls=rolls),
    )


def _step(plane: Versioned, target: str) -> Iterator[Finding]:
    step = minor(target) - plane.minor
    if step == 1:
        yield Finding(Verdict.FINE, f"version: {plane.version} → {target}, one minor version up")
    elif step == 0:
        yield Finding(Verdict.FINE, f"version: the control plane has {target}; what is behind it follows")
    else:
        text = f"version: {target} is not one above {plane.version}"
        yield Finding(Verdict.STOP, text, f"--to 1.{plane.minor + 1}: a cluster goes up one at a time")


def _quiet(plane: Versioned, target: str) -> Iterator[Finding]:
    if plane.update and plane.update.version == target:
        yield Finding(Verdict.FINE, f"control plane: its update to {target} runs, and is gone on with")
    elif plane.status == "ACTIVE":
        yield Finding(Verdict.FINE, "control plane: active, and no update runs")
    else:
        runs = f", by its update {plane.update.id}" if plane.update else ""
        text = f"control plane: it is {plane.status.lower()}{runs}"
        yield Finding(Verdict.STOP, text, "wait until it is active, and run the command again")


def _nodes(seen: Cluster, target: str, cluster: str) -> Iterator[Finding]:
    stops = [*_behind(seen, target, cluster), *_kubelets(seen.inside, target)]
    yield from stops
    if not stops:
        names = ", ".join(f"{each.name} {each.version}" for each in seen.groups) or "none"
        yield Finding(Verdict.FINE, f"node groups: {names}")
    for each in seen.groups:
        if not each.ours and each.version != target:
            text = f"node group {each.name}: it is not Seaway's, and stays at {each.version}"
            yield Finding(Verdict.NOTE, text)


def _behind(seen: Cluster, target: str, cluster: str) -> Iterator[Finding]:
    plane = seen.plane
    for each in seen.groups:
        named = f"node group {each.name}"
        if each.status not in _WELL or (each.update and not each.update.version):
            text = f"{named}: it is {each.status.lower()}"
            yield Finding(Verdict.STOP, text, "mend what it says of its health, or wait until it is active")
        if minor(target) - each.minor > SKEW:
            text = f"{named}: {each.version} is more than {SKEW} minor versions before {target}"
            yield Finding(Verdict.STOP, text, "bring its nodes up first: kubelets may not be older than that")
        elif each.ours and each.minor < plane.minor < minor(target):
            remedy = f"seaway cluster upgrade --on eks --name {cluster} --to {plane.version}"
            text = f"{named}: it is at {each.version}, before the control plane's {plane.version}"
            yield Finding(Verdict.STOP, text, f"bring it there first: {remedy}")


def _kubelets(inside: Inside, target: str) -> Iterator[Finding]:
    old = sorted(name for name, version in inside.kubelets.items() if minor(target) - version > SKEW)
    if old:
        text = f"nodes: {', '.join(old)}: kubelets of more than {SKEW} minor versions before {target}"
        yield Finding(Verdict.STOP, text, "replace these nodes first")


def _addons(seen: Cluster, target: str) -> Iterator[Finding]:
    found = [finding for each in seen.addons for finding in _addon(each, seen.offers.get(each.name), target)]
    yield from found
    if not any(each.verdict is Verdict.STOP for each in found):
        yield Finding(Verdict.FINE, f"add-ons: each has a version for {target}")
    bare = [name for name in _BARE if name not in {each.name for each in seen.addons}]
    if bare and seen.groups:
        text = f"{', '.join(bare)}: no add-ons of EKS here, so that they stay in their versions"
        yield Finding(
            Verdict.NOTE, text, "see that they do for the new one (EKS user guide, Update a cluster)"
        )


def _addon(addon: Versioned, offer: Offer | None, target: str) -> Iterator[Finding]:
    named = f"add-on {addon.name}"
    if offer is None:
        text = f"{named}: it has no version for {target}"
        yield Finding(Verdict.STOP, text, "wait until it has, or take it out")
    elif addon.status not in _WELL:
        issue = f"{named}: it is {addon.status.lower().replace('_', ' ')}"
        yield Finding(Verdict.STOP, issue, "mend what it says of its health (aws eks describe-addon)")
    elif not addon.ours and addon.version not in offer.compatible:
        text = f"{named}: it is not Seaway's, and its {addon.version} is not for {target}"
        yield Finding(Verdict.NOTE, text, f"EKS gives {offer.default}")


def _insights(seen: Cluster, target: str) -> Iterator[Finding]:
    """EKS looks once a day; of a version that the cluster has it says nothing any more."""
    verdicts = {"ERROR": Verdict.STOP, "PASSING": Verdict.FINE}
    if seen.plane.version == target:
        return
    if not seen.insights:
        yield Finding(Verdict.NOTE, f"insights: EKS has none for {target}, so it did not look yet")
    passing = [each.name for each in seen.insights if each.status == "PASSING"]
    if passing:
        yield Finding(Verdict.FINE, f"insights of EKS: {len(passing)} passing")
    for each in seen.insights:
        if each.status != "PASSING":
            text = "\n".join((f"insight of EKS: {each.name}: {each.reason}".rstrip(": "), *each.lines))
            yield Finding(verdicts.get(each.status, Verdict.NOTE), text, each.advice)


def _budgets(inside: Inside, *, rolls: bool) -> Iterator[Finding]:
    """A budget that holds its pods holds the nodes they are on, until EKS gives up."""
    for each in inside.budgets:
        text = f"PodDisruptionBudget {each.name}: it lets none of {each.pods} pods go"
        if each.movable:
            yield Finding(Verdict.NOTE, f"{text}; another one is started before it must")
        elif each.lasting and rolls:
            remedy = "give it more replicas, or take the budget away until the nodes are rolled"
            yield Finding(Verdict.STOP, text, remedy)
        else:
            now = text if each.lasting else f"{text} now, {each.healthy} of which are healthy"
            yield Finding(Verdict.NOTE, now)
    if not inside.budgets:
        yield Finding(Verdict.FINE, "PodDisruptionBudgets: none holds its pods")
