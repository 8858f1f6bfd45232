"""Bringing parts to be, to what they should be, and to an end. Killed at any call, a next run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, MutableSequence, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from botocore.exceptions import ClientError, HTTPClientError

from seaway.errors import Unready
from seaway.model.event import Event, Outcome, Report, told
from seaway.model.plan import Change, Verb
from seaway.providers.eks.access import Entry
from seaway.providers.eks.acm import Certificate, Proof
from seaway.providers.eks.addons import Addon
from seaway.providers.eks.auto import Standing
from seaway.providers.eks.cloud import Cloud, explained, unsure
from seaway.providers.eks.control import ControlPlane, NodeGroup, automated
from seaway.providers.eks.network import Address, Gateway, Nat, Routes, Subnet, Vpc
from seaway.providers.eks.parts import THEIRS, Fix, Ids, Live, Part, Taken, absent, code_of
from seaway.providers.eks.pods import PodRole
from seaway.providers.eks.repositories import Repository
from seaway.providers.eks.rights import Rights
from seaway.providers.eks.roles import Role

#: Every kind of part; each needs only such as stand before it, so they go in the reverse order. A certificate
#: goes last of all: ACM needs a while to see that the load balancer has let go of it.
KINDS: Final[tuple[type[Part], ...]] = (
    Certificate,
    Proof,
    Vpc,
    Gateway,
    Subnet,
    Address,
    Nat,
    Routes,
    Role,
    Rights,
    ControlPlane,
    NodeGroup,
    Entry,
    PodRole,
    Standing,
    Addon,
    Repository,
)
#: Seconds for a control plane or nodes; AWS tells about 10 minutes.
PATIENCE: Final = 2400.0
#: Seconds in which AWS must show what it said it made.
VISIBLE: Final = 120.0
#: Looks at whether a thing was made though the call failed: AWS shows it only after a moment.
LOOKS: Final = 3
#: What AWS says of a thing that something else still hangs on.
_IN_USE: Final = frozenset(
    {"DependencyViolation", "InvalidIPAddress.InUse", "ResourceInUseException", "DeleteConflict"}
)
#: How a part of EKS is that cannot go yet: it is being made or changed.
_MOVING: Final = frozenset({"CREATING", "UPDATING"})
#: What EKS says of a call that does not fit what the thing is at (EKS API reference, Common errors).
_UNFIT: Final = "InvalidRequestException"
#: What AWS says where a change must wait: of an address that a dying gateway still has, of a part of EKS.
_BUSY: Final = frozenset({"Resource.AlreadyAssociated", "ResourceInUseException"})

Groups = Sequence[Sequence[Part]]
Seen = dict[type[Part], dict[str, Live]]


def look(cloud: Cloud, cluster: str) -> Seen:
    """See all that carries the cluster's tags. Changes nothing."""
    with explained("AWS refused to show what there is"), ThreadPoolExecutor(len(KINDS)) as pool:
        # What lies inside a cluster is looked for once it is seen whether there is such a thing.
        outside = [kind for kind in KINDS if kind is not Standing]
        found = dict(zip(outside, pool.map(lambda kind: kind.owned(cloud, cluster), outside), strict=True))
        inside = automated(found[ControlPlane].get("cluster/main"))
        found[Standing] = Standing.owned(cloud, cluster) if inside else {}
        return {kind: found[kind] for kind in KINDS}


def changes(cloud: Cloud, groups: Groups, seen: Seen, gone: Collection[str] = ()) -> tuple[Change, ...]:
    """Say what `ensure` would do."""
    ids, found = _ids(seen), [Change(part, Verb.DELETE, named(part)) for part in gone]
    for part in (part for group in groups for part in group):
        live = seen[type(part)].get(part.id)
        if live is None or missing(live):
            found.append(Change(part.id, Verb.CREATE, named(part.id)))
        elif fixes := part.fixes(cloud, live, ids):
            found.append(Change(part.id, Verb.UPDATE, named(part.id), tuple(fix.text for fix in fixes)))
    return tuple(found)


def removals(seen: Seen) -> tuple[Change, ...]:
    """Say what `remove` would do."""
    found = [part for kind in reversed(KINDS) for part in _ours(seen[kind])]
    return tuple(Change(part, Verb.DELETE, named(part)) for part in found)


def ensure(
    cloud: Cloud,
    groups: Groups,
    seen: Seen,
    report: Report,
    gone: Collection[str] = (),
    *,
    begun: MutableSequence[Part] | None = None,
) -> None:
    """Make what is missing from what was seen, and mend what differs; all is ready for use on return.

    First the parts `gone` are taken away. What is made is noted in `begun`, before the call.
    """
    ids, begun = _ids(seen), [] if begun is None else begun
    for kind, lives in seen.items():
        for each in lives.keys() & set(gone):
            text = f"remove {named(each)}"
            with told(report, each, text), explained(f"{named(each)} cannot be removed"):
                kind.delete(cloud, lives[each])
    for group in groups:
        began = time.monotonic()
        made = {part.id for part in group if missing(seen[type(part)].get(part.id))}
        for part in (part for part in group if part.id in made):
            begun.append(part)
            _create(cloud, part, seen[type(part)].get(part.id), ids, report)
        for part in group:
            live = seen[type(part)].get(part.id)
            if part.id in made or live is None or not part.settled(live):
                live = _wait(cloud, part, report)
            ids[part.id] = part.identity(live)
            if part.id in made:
                done = f"created {named(part.id)}"
                report(Event(part.id, Outcome.DONE, done, seconds=time.monotonic() - began))
            for fix in part.fixes(cloud, live, ids):
                text = f"{named(part.id)}: {fix.text}"
                with told(report, part.id, text), explained(f"{text} cannot be done"):
                    _mend(cloud, part, fix, ids, report)


def remove(cloud: Cloud, cluster: str, report: Report) -> bool:
    """Take away all that carries the cluster's tags, and nothing else. Gives whether there was anything."""
    found = False
    for kind in reversed(KINDS):
        began = time.monotonic()
        with explained("AWS refused to remove it"):
            seen = kind.owned(cloud, cluster)
            gone = _ours(seen)
            for part in seen.keys() - gone.keys():
                report(Event(part, Outcome.NOTE, f"{named(part)} stays: it is not this cluster's alone"))
            for part, live in gone.items():
                report(Event(part, Outcome.STARTED, f"remove {named(part)}"))
                with explained(f"{named(part)} cannot be removed"):
                    delete(cloud, cluster, kind, part, live)
            until(cloud, partial(_gone, cloud, cluster, kind), PATIENCE, next(iter(gone), ""))
        for part in gone:
            done = f"removed {named(part)}"
            report(Event(part, Outcome.DONE, done, seconds=time.monotonic() - began))
        found = found or bool(gone)
    return found


def discard(cloud: Cloud, cluster: str, parts: Sequence[str], seen: Seen, report: Report) -> None:
    """Take these parts of what was seen away, in their order, once nothing uses them any more."""
    for part in parts:
        kind = next(kind for kind, lives in seen.items() if part in lives)
        text = f"remove {named(part)}"
        with told(report, part, text), explained(f"{named(part)} cannot be removed"):
            delete(cloud, cluster, kind, part, seen[kind][part])


def _ours(seen: Mapping[str, Live]) -> dict[str, Live]:
    """Leave out what stays, since it is somebody else's too."""
    return {part: live for part, live in seen.items() if not live.get(THEIRS)}


def _gone(cloud: Cloud, cluster: str, kind: type[Part]) -> bool:
    return not _ours(kind.owned(cloud, cluster))


def _create(cloud: Cloud, part: Part, live: Live | None, ids: dict[str, str], report: Report) -> None:
    """Make a part that is not there, or about to go."""
    report(Event(part.id, Outcome.STARTED, f"create {named(part.id)}"))
    with explained(f"{named(part.id)} cannot be made"):
        if live is not None:
            until(cloud, lambda: part.id not in part.owned(cloud, part.cluster), PATIENCE, part.id)
        end = time.monotonic() + cloud.patience
        while True:
            try:
                part.create(cloud, ids)
            except (ClientError, HTTPClientError, Taken) as error:
                lost = isinstance(error, Taken) or unsure(error)
                if lost and _made(cloud, part):
                    return
                if not (unsure(error) or passing(error)) or time.monotonic() > end:
                    raise
            else:
                return
            time.sleep(cloud.pace)


def _made(cloud: Cloud, part: Part) -> bool:
    """Look for a part that was made by a call whose answer was lost; its name may be taken by itself."""
    for _ in range(LOOKS):
        if _see(cloud, part) is not None:
            return True
        time.sleep(cloud.pace)
    return False


def _mend(cloud: Cloud, part: Part, fix: Fix, ids: Ids, report: Report) -> None:
    """Carry a fix out. Where the call fails, AWS is looked at for whether it is needed still."""
    end = time.monotonic() + cloud.patience
    while True:
        try:
            fix.call()
        except (ClientError, HTTPClientError) as error:
            live = _wait(cloud, part, report)
            again = next((each for each in part.fixes(cloud, live, ids) if each.text == fix.text), None)
            if again is None:
                return
            if not (unsure(error) or passing(error)) or time.monotonic() > end:
                raise
            fix = again
        else:
            _wait(cloud, part, report)
            return
        time.sleep(cloud.pace)


def passing(error: Exception) -> bool:
    """Tell what time mends: a thing just made that is not seen everywhere yet, one that is still in use.

    EKS tells of a role or subnet that it does not see as of a wrong parameter.
    """
    if not isinstance(error, ClientError):
        return False
    code, said = code_of(error), str(error)
    unseen = code == "InvalidParameterException" and ("role" in said.lower() or ".NotFound" in said)
    return unseen or absent(error) or code in _BUSY


def _wait(cloud: Cloud, part: Part, report: Report) -> Live:
    """Wait until AWS shows the part, and shows it settled."""
    began = said = time.monotonic()
    with explained(f"{named(part.id)} cannot be seen"):
        while True:
            live, now = _see(cloud, part), time.monotonic()
            if live is not None and part.settled(live):
                return live
            if now > began + (VISIBLE if live is None else PATIENCE):
                raise Unready(
                    f"{named(part.id)} of cluster {part.cluster} did not become ready",
                    why="AWS does not show it" if live is None else f"it is {live.get('status', 'pending')}",
                    remedy="run the command again: it goes on from here",
                )
            if now > said + 1:
                report(Event(part.id, Outcome.PROGRESS, f"{named(part.id)} becomes ready"))
                said = now
            time.sleep(cloud.pace)


def _see(cloud: Cloud, part: Part) -> Live | None:
    if isinstance(part, (Certificate, Proof, Repository)):
        return part.see(cloud)
    return part.owned(cloud, part.cluster).get(part.id)


def delete(cloud: Cloud, cluster: str, kind: type[Part], part: str, live: Live) -> None:
    """Have a thing go; what hangs on it, such as a network interface, may take its time to go before.

    What EKS is still making or changing goes once it has ended that.
    """
    moving = live.get("status") in _MOVING
    end = time.monotonic() + (PATIENCE if moving else cloud.patience)
    while True:
        try:
            kind.delete(cloud, live)
        except ClientError as error:
            late = time.monotonic() > end
            stays = code_of(error) in _IN_USE or (moving and code_of(error) == _UNFIT)
            if not stays and (late or not absent(error)):
                raise
            if late:
                raise Unready(
                    f"{named(part)} of cluster {cluster} is still in use",
                    where=kind.identity(live),
                    why=str(error),
                    remedy="remove what uses it, such as a load balancer, and run it again",
                ) from error
        else:
            return
        time.sleep(cloud.pace)
        again = kind.owned(cloud, cluster).get(part)
        if again is None:
            return
        live = again


def until(cloud: Cloud, done: Callable[[], bool], seconds: float, part: str) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise Unready(
                f"{named(part)} is still there", remedy="run the command again: it goes on from here"
            )
        time.sleep(cloud.pace)


def _ids(seen: Seen) -> dict[str, str]:
    return {part: kind.identity(live) for kind, lives in seen.items() for part, live in lives.items()}


def missing(live: Live | None) -> bool:
    """Tell whether a part must be made: it is not there, or about to go."""
    return live is None or live.get("status") == "DELETING"


def named(part: str) -> str:
    """Write a part as people say it: `subnet/private-0` is subnet private-0, `vpc/main` the vpc."""
    kind, _, name = part.partition("/")
    return kind if name == "main" else f"{kind} {name}"
