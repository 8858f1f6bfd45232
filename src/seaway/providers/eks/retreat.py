"""A cluster that cannot be made leaves nothing: where its making fails for good, it goes the way back.

What AWS mends by itself, such as throttling, and what the same command mends, such as a run that was killed,
is no such end: that stays, and the next run goes on. Killed on the way back, a next run finds what is left by
its tags.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import ClientError

from seaway.errors import SeawayError
from seaway.model.event import Event, Outcome, Report, notes
from seaway.providers.eks.cloud import Cloud, explained, lasting
from seaway.providers.eks.control import ControlPlane
from seaway.providers.eks.making import KINDS, LOOKS, PATIENCE, Seen, delete, missing, named, passing, until
from seaway.providers.eks.parts import THEIRS, Failed, Live, Part, Taken
from seaway.providers.eks.repositories import Repository


@contextmanager
def leaving_nothing(
    cloud: Cloud, cluster: str, seen: Seen, report: Report, *, keep: bool
) -> Iterator[list[Part]]:
    """Give a list for what a run begins to make; all of it goes again where that fails for good.

    Of a cluster that was `seen` before nothing goes, nor with `keep`, which is told. The error stays the
    first one: what goes wrong on the way back is told beside it.
    """
    begun: list[Part] = []
    try:
        yield begun
    except SeawayError as error:
        if begun and missing(seen[ControlPlane].get("cluster/main")) and for_good(error):
            _Retreat(cloud, cluster, report, begun).end(error, seen, keep=keep)
        raise


def for_good(error: SeawayError) -> bool:
    """Tell whether the same command would end in the same way: by AWS's answer, or as a part failed."""
    cause = error.__cause__
    if isinstance(cause, ClientError):
        return isinstance(error, Taken) or (lasting(cause) and not passing(cause))
    return isinstance(error, Failed)


@dataclass(frozen=True)
class _Retreat:
    """The way back of one run, which has `begun` to make these."""

    cloud: Cloud
    cluster: str
    report: Report
    begun: Sequence[Part]

    def end(self, error: SeawayError, seen: Seen, *, keep: bool) -> None:
        """Take it all away, or say how to go on; and say what stays, and why."""
        say = notes(self.report, "cluster/main")
        place = f"--on eks --region {self.cloud.region} --name {self.cluster}"
        removal = f"seaway cluster delete {place} takes all of it away"
        if keep:
            say(f"what was made stays: the same command goes on from there, {removal}")
            return
        say(f"{error.what}: what was made goes again (--keep would leave it)")
        there = [part for lives in seen.values() for part, live in lives.items() if not missing(live)]
        if there:
            say(f"it was there before, and stays: {', '.join(map(named, there))}")
        if left := self._take():
            say(f"left over: {', '.join(map(named, left))}; {removal}")

    def _take(self) -> list[str]:
        """Take away what was begun, in reverse; gives what is left where that does not go well."""
        left = [part.id for part in self.begun]
        try:
            for kind in reversed(KINDS):
                mine = [part.id for part in reversed(self.begun) if type(part) is kind]
                self._remove(kind, self._shown(kind, mine) if mine else {})
                left = [part for part in left if part not in mine]
        except SeawayError as error:
            lines = [error.what, *filter(None, (error.where, error.why))]
            self.report(Event("cluster/main", Outcome.NOTE, "\n".join(lines)))
        return left

    def _shown(self, kind: type[Part], parts: Sequence[str]) -> dict[str, Live]:
        """Look for them: AWS shows a thing a moment after it was made, and the last one may not be there."""
        for look in range(LOOKS):
            time.sleep(self.cloud.pace if look else 0)
            with explained("AWS refused to show what was made"):
                seen = kind.owned(self.cloud, self.cluster)
            found = {part: seen[part] for part in parts if part in seen}
            if len(found) == len(parts):
                break
        return found

    def _remove(self, kind: type[Part], lives: Mapping[str, Live]) -> None:
        """Have some of a kind go, and see that they are gone; what others need, or has images, stays."""
        began = time.monotonic()
        going = [part for part, live in lives.items() if self._goes(kind, part, live)]
        with explained("AWS refused to show what was made"):
            if going:
                gone = partial(self._gone, kind, going)
                until(self.cloud, gone, PATIENCE, going[0])
        for part in going:
            seconds = time.monotonic() - began
            self.report(Event(part, Outcome.DONE, f"removed {named(part)}", seconds=seconds))

    def _goes(self, kind: type[Part], part: str, live: Live) -> bool:
        """Have one go, if it may."""
        stays = "it is not this cluster's alone" if live.get(THEIRS) else ""
        if not stays:
            self.report(Event(part, Outcome.STARTED, f"remove {named(part)}"))
            with explained(f"{named(part)} cannot be removed"):
                if kind is not Repository:
                    delete(self.cloud, self.cluster, kind, part, live)
                elif not Repository.drop(self.cloud, live):
                    stays = "there are images in it"
        if stays:
            self.report(Event(part, Outcome.NOTE, f"{named(part)} stays: {stays}"))
        return not stays

    def _gone(self, kind: type[Part], parts: Sequence[str]) -> bool:
        return not kind.owned(self.cloud, self.cluster).keys() & set(parts)
