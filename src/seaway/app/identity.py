"""Who may do what in an account: roles and users, and their keys, between AWS and those who use them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from seaway.errors import SeawayError, UsageError
from seaway.flow.rotation import Rotation, nobody
from seaway.kit import cache
from seaway.kit.lock import locked
from seaway.model.event import Event, Outcome, Report, notes
from seaway.model.identity import Identity, Kind, Whoami, Wish
from seaway.providers.eks import caller
from seaway.providers.eks.access import withdraw
from seaway.providers.eks.cloud import Cloud, explained
from seaway.providers.eks.consumers import consumer
from seaway.providers.eks.identities import Identities, checked, principals_of


class Registrar:
    """All that can be done about identities, in one region of one account."""

    def __init__(self, region: str) -> None:
        """Reach the account. Raises what `Cloud.open` raises."""
        self.cloud = Cloud.open(region)
        self.identities = Identities(self.cloud)

    def whoami(self) -> Whoami:
        return caller.whoami(self.cloud)

    def account(self) -> str:
        """Say which account this is about."""
        return caller.account_of(self.cloud)

    def consumers(self, name: str, places: Sequence[str]) -> tuple[str, ...]:
        """Say where the key of a user will be kept: the places named, else those that are noted.

        Raises UsageError for what is no such place, NotFound for no such user, Refused where there are none.
        """
        for each in places:
            consumer(each, self.cloud)
        if found := tuple(dict.fromkeys(places)) or self.identities.get(name).consumers:
            return found
        raise nobody(name)

    def create(self, wish: Wish, places: Sequence[str], report: Report) -> Identity:
        """Make an identity; a user that has no key gets one where it is named who keeps it."""
        if places and wish.kind is Kind.ROLE:
            raise UsageError("a role has no key to be kept", remedy="leave --to out, or give --user")
        with self._alone(wish.name, report):
            made = self.identities.create(wish, report)
            if places and (made.rotating or not made.keys):
                self._rotate(wish.name, places, timedelta(0), report)
            elif places:
                text = f"{wish.name} has a key already, and keeps it; seaway identity rotate gives it another"
                report(Event(f"identity/{wish.name}", Outcome.NOTE, text))
        return self.identities.get(wish.name)

    def rotate(self, name: str, places: Sequence[str], soak: timedelta, report: Report) -> Identity:
        """Give a user another key, at all that use it, and take the old one away; raises as Rotation.run."""
        with self._alone(name, report):
            self._rotate(name, places, soak, report)
        return self.identities.get(name)

    def revoke(self, name: str, report: Report) -> bool:
        """Take an identity away, and its access entries with it. Gives whether there was anything.

        It goes also where AWS refuses to show or remove entries, which is raised then.
        """
        with self._alone(name, report):
            failed: SeawayError | None = None
            found, let_in = self.identities.find(name), False
            try:
                let_in = self._let_out(name, found.region if found else "", report)
            except SeawayError as error:
                failed = error
            gone = self.identities.revoke(name, report)
            if failed:
                raise failed
        return gone or let_in

    def _let_out(self, name: str, region: str, report: Report) -> bool:
        """Take away the entries of an identity in clusters of its region, those of one that is gone too."""
        cloud = replace(self.cloud, region=region or self.cloud.region)
        account = caller.account_of(cloud)
        with explained(f"the access entries of {name} cannot be removed"):
            return withdraw(cloud, principals_of(cloud.partition, account, name), report)

    def _rotate(self, name: str, places: Sequence[str], soak: timedelta, report: Report) -> None:
        keys = self.identities.keys(name)
        kept = [consumer(each, self.cloud) for each in self.consumers(name, places)]
        Rotation(keys, kept, soak, report, settle=self.cloud.pace).run()

    @contextmanager
    def _alone(self, name: str, report: Report) -> Iterator[None]:
        """One change of an identity at a time, on this machine."""
        file = cache.folder() / "locks" / f"iam-{self.account()}-{checked(name)}.lock"
        with locked(file, f"another change of identity {name}", notes(report, "lock")):
            yield
