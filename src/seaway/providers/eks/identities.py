"""Roles and users for people and for CI, each with the policies of its job and nothing else.

All carry the path /seaway/ and the tag of their identity: what does not is left alone.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from seaway.errors import NotFound, Refused, UsageError
from seaway.model.event import Event, Outcome, Report, told
from seaway.model.identity import Identity, Kind, Wish
from seaway.providers.eks.cloud import Cloud, explained
from seaway.providers.eks.keys import OLD, IamKeys, consumers_in, keys_of
from seaway.providers.eks.parts import Live, listed, tags_in, untaken
from seaway.providers.eks.policies import Document, Place, policies

PATH: Final = "/seaway/"
IDENTITY: Final = "seaway.dev/identity"
JOB: Final = "seaway.dev/job"
REGION: Final = "seaway.dev/region"
T = TypeVar("T")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
#: Every part of a job that has a policy of its own.
_POLICIES: Final = ("looks", "makes", "names")
#: Versions of a policy that IAM keeps (IAM quotas).
_VERSIONS: Final = 5


@dataclass(frozen=True)
class Identities:
    """Makes, finds and removes them in the account, for one region."""

    cloud: Cloud

    @classmethod
    def open(cls, region: str) -> Identities:
        """Reach IAM, "" for the region that AWS is set to. Raises what `Cloud.open` raises."""
        return cls(Cloud.open(region))

    def all(self) -> tuple[Identity, ...]:
        """See all that Seaway made, of every region."""
        with explained("AWS refused to list identities"):
            return tuple(sorted(self._all(), key=lambda each: each.name))

    def find(self, name: str) -> Identity | None:
        """See one, if it is there."""
        with explained("AWS refused to show the identity"):
            return _identity(self.cloud, self._live(checked(name), Kind.USER)) or _identity(
                self.cloud, self._live(name, Kind.ROLE)
            )

    def get(self, name: str) -> Identity:
        """See one that must be there. Raises NotFound."""
        if found := self.find(name):
            return found
        raise NotFound(f"no identity {name} of Seaway's", remedy="seaway identity list shows those there are")

    def keys(self, name: str) -> IamKeys:
        """Give the keys of a user. Raises NotFound, and Refused for a role."""
        if self.get(name).kind is Kind.ROLE:
            raise Refused(
                f"identity {name} is a role and has no keys",
                why="what its sessions hold ends by itself, within hours",
                remedy="nothing is to do",
            )
        return IamKeys(self.cloud, name, _full(name))

    def create(self, wish: Wish, report: Report) -> Identity:
        """Make one, or finish or mend the one of that name. A user is made without a key. Raises as check."""
        self.check(wish)
        with explained(f"identity {wish.name} cannot be made"):
            place = Place.of(self.cloud)
            wanted = policies(wish.job, place)
            for part, document in wanted.items():
                self._policy(place, wish.name, part, document, report)
            self._holder(place, wish, report)
            self._until_seen(lambda: self._attach(place, wish, set(wanted), report))
            return self._until_seen(lambda: self.get(wish.name))

    def check(self, wish: Wish) -> None:
        """Raise where `create` would: UsageError for what cannot be, Refused for what is there already."""
        if wish.kind is Kind.USER and wish.trusted:
            raise UsageError("a user is taken by nobody", remedy="leave --trust out, or give --role")
        there = self.find(wish.name)
        wanted = (wish.kind, wish.job.value, self.cloud.region)
        if there and (there.kind, there.job, there.region) != wanted:
            raise Refused(
                f"identity {wish.name} is there: a {there.kind}, {there.job} in {there.region}",
                why="what it may do is not changed under the hands of who uses it",
                remedy=f"choose another name, or seaway identity revoke {wish.name} first",
            )

    def revoke(self, name: str, report: Report) -> bool:
        """Take it away, its keys first; from then on it can do nothing. Gives whether there was anything."""
        with explained(f"identity {name} cannot be removed"):
            place, found = Place.of(self.cloud), self.find(name)
            if found and found.kind is Kind.USER:
                self._end_user(place, found, report)
            elif found:
                self._end_role(place, found, report)
            gone = [part for part in _POLICIES if self._end_policy(place, name, part, report)]
        return bool(found or gone)

    def _all(self) -> Iterator[Identity]:
        users = self.cloud.iam.get_paginator("list_users").paginate(PathPrefix=PATH)
        roles = self.cloud.iam.get_paginator("list_roles").paginate(PathPrefix=PATH)
        names = [(Kind.USER, each["UserName"]) for page in users for each in page["Users"]]
        names += [(Kind.ROLE, each["RoleName"]) for page in roles for each in page["Roles"]]
        for kind, full in names:
            if found := _identity(self.cloud, self._live(full.removeprefix("seaway-"), kind)):
                yield found

    def _live(self, name: str, kind: Kind) -> Live | None:
        """See a user or role of that name with Seaway's tag of it."""
        client = self.cloud.iam
        try:
            live: Live = (
                dict(client.get_user(UserName=_full(name))["User"])
                if kind is Kind.USER
                else dict(client.get_role(RoleName=_full(name))["Role"])
            )
        except client.exceptions.NoSuchEntityException:
            return None
        return live if tags_in(live).get(IDENTITY) == name else None

    def _holder(self, place: Place, wish: Wish, report: Report) -> None:
        """Make the user or role, or see to who may take the role that is there."""
        live, client, full = self._live(wish.name, wish.kind), self.cloud.iam, _full(wish.name)
        tags: Any = listed({IDENTITY: wish.name, JOB: wish.job.value, REGION: place.region} | _managed())
        trust = _trust(place, wish.trusted)
        if live is None:
            with (
                told(report, f"identity/{wish.name}", f"{wish.kind} {full}"),
                untaken(f"{wish.kind} {full}", lambda: self._live(wish.name, wish.kind)),
            ):
                if wish.kind is Kind.USER:
                    client.create_user(Path=PATH, UserName=full, Tags=tags)
                else:
                    client.create_role(
                        Path=PATH, RoleName=full, AssumeRolePolicyDocument=json.dumps(trust), Tags=tags
                    )
        elif wish.trusted and live["AssumeRolePolicyDocument"] != trust:
            with told(report, f"identity/{wish.name}/trust", f"who may take {full}"):
                client.update_assume_role_policy(RoleName=full, PolicyDocument=json.dumps(trust))

    def _policy(self, place: Place, name: str, part: str, document: Document, report: Report) -> None:
        """Make a policy, or bring the one that is there to what the job needs now."""
        client, arn, text = self.cloud.iam, _arn(place, name, part), json.dumps(document)
        live = self._live_policy(arn, name)
        if live is None:
            with (
                told(report, f"policy/{name}/{part}", f"policy {_full(name)}-{part}"),
                untaken(arn, lambda: self._live_policy(arn, name)),
            ):
                client.create_policy(
                    Path=PATH,
                    PolicyName=f"{_full(name)}-{part}",
                    PolicyDocument=text,
                    Tags=listed({IDENTITY: name} | _managed()),
                )
            return
        version = live["DefaultVersionId"]
        now: Any = client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        if now != document:
            with told(report, f"policy/{name}/{part}", f"policy {_full(name)}-{part} anew"):
                self._make_room(arn)
                client.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)

    def _live_policy(self, arn: str, name: str) -> Live | None:
        """See a policy with Seaway's tag of this identity."""
        try:
            live: Live = dict(self.cloud.iam.get_policy(PolicyArn=arn)["Policy"])
        except self.cloud.iam.exceptions.NoSuchEntityException:
            return None
        return live if tags_in(live).get(IDENTITY) == name else None

    def _make_room(self, arn: str) -> None:
        """Delete the oldest version of a policy where IAM keeps no more."""
        versions = self._versions(arn)
        if len(versions) >= _VERSIONS:
            oldest = min((v for v in versions if not v["IsDefaultVersion"]), key=lambda v: v["CreateDate"])
            self.cloud.iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])

    def _versions(self, arn: str) -> list[Live]:
        pages = self.cloud.iam.get_paginator("list_policy_versions").paginate(PolicyArn=arn)
        return [dict(version) for page in pages for version in page["Versions"]]

    def _attached(self, name: str, kind: Kind) -> set[str]:
        client: Any = self.cloud.iam
        call = client.get_paginator(f"list_attached_{kind.value}_policies")
        pages = call.paginate(**_named(kind, name))
        return {each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]}

    def _attach(self, place: Place, wish: Wish, parts: set[str], report: Report) -> None:
        """Attach what the job needs; policies that others attached are left alone."""
        client: Any = self.cloud.iam
        name, kind = wish.name, wish.kind
        there = self._attached(name, kind)
        for part in _POLICIES:
            arn = _arn(place, name, part)
            if part in parts and arn not in there:
                with told(report, f"attach/{name}/{part}", f"{_full(name)} has its policy {part}"):
                    getattr(client, f"attach_{kind.value}_policy")(PolicyArn=arn, **_named(kind, name))

    def _until_seen(self, ask: Callable[[], T]) -> T:
        """Ask again for a while: AWS shows what was just made only after a moment."""
        end = time.monotonic() + self.cloud.patience
        while True:
            try:
                return ask()
            except (NotFound, self.cloud.iam.exceptions.NoSuchEntityException):
                if time.monotonic() > end:
                    raise
            time.sleep(self.cloud.pace)

    def _detach(self, place: Place, identity: Identity) -> None:
        client: Any = self.cloud.iam
        ours = {_arn(place, identity.name, part) for part in _POLICIES}
        for arn in sorted(ours & self._attached(identity.name, identity.kind)):
            detach = getattr(client, f"detach_{identity.kind.value}_policy")
            with suppress(client.exceptions.NoSuchEntityException):
                detach(PolicyArn=arn, **_named(identity.kind, identity.name))

    def _end_user(self, place: Place, user: Identity, report: Report) -> None:
        with told(report, f"identity/{user.name}", f"remove user {_full(user.name)} and its keys"):
            keys = IamKeys(self.cloud, user.name, _full(user.name))
            for key in user.keys:
                keys.remove(key.id)
            self._detach(place, user)
            with suppress(self.cloud.iam.exceptions.NoSuchEntityException):
                self.cloud.iam.delete_user(UserName=_full(user.name))
        for each in user.consumers:
            report(
                Event(f"identity/{user.name}", Outcome.NOTE, f"a key that opens nothing is left at {each}")
            )

    def _end_role(self, place: Place, role: Identity, report: Report) -> None:
        with told(report, f"identity/{role.name}", f"remove role {_full(role.name)}"):
            self._detach(place, role)
            with suppress(self.cloud.iam.exceptions.NoSuchEntityException):
                self.cloud.iam.delete_role(RoleName=_full(role.name))

    def _end_policy(self, place: Place, name: str, part: str, report: Report) -> bool:
        arn = _arn(place, name, part)
        if self._live_policy(arn, name) is None:
            return False
        client = self.cloud.iam
        with told(report, f"policy/{name}/{part}", f"remove policy {_full(name)}-{part}"):
            for version in self._versions(arn):
                if not version["IsDefaultVersion"]:
                    with suppress(client.exceptions.NoSuchEntityException):
                        client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
            with suppress(client.exceptions.NoSuchEntityException):
                client.delete_policy(PolicyArn=arn)
        return True


def checked(name: str) -> str:
    """Give a name that an identity can have. Raises UsageError for another."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be an identity's name",
            remedy="use at most 40 small letters, digits and -, beginning with a letter",
        )
    return name


def _identity(cloud: Cloud, live: Live | None) -> Identity | None:
    if live is None:
        return None
    tags, user = tags_in(live), "UserName" in live
    return Identity(
        tags[IDENTITY],
        Kind.USER if user else Kind.ROLE,
        tags.get(JOB, ""),
        tags.get(REGION, ""),
        live["Arn"],
        keys_of(cloud, live["UserName"]) if user else (),
        consumers_in(tags),
        OLD in tags,
    )


def role_of(partition: str, account: str, name: str) -> str:
    """Write the ARN that the role of an identity has."""
    return f"arn:{partition}:iam::{account}:role{PATH}{_full(checked(name))}"


def principals_of(partition: str, account: str, name: str) -> tuple[str, str]:
    """Write the ARNs that an identity has as a role, and as a user."""
    role = role_of(partition, account, name)
    return role, role.replace(":role/", ":user/")


def _full(name: str) -> str:
    """Users, roles and policies are called once in an account, whatever their path."""
    return f"seaway-{name}"


def _named(kind: Kind, name: str) -> dict[str, str]:
    return {"UserName" if kind is Kind.USER else "RoleName": _full(name)}


def _arn(place: Place, name: str, part: str) -> str:
    return f"arn:{place.partition}:iam::{place.account}:policy{PATH}{_full(name)}-{part}"


def _managed() -> dict[str, str]:
    return {"app.kubernetes.io/managed-by": "seaway"}


def _trust(place: Place, trusted: tuple[str, ...]) -> Document:
    """Say who may take a role: those named, else the account, which leaves it to its policies."""
    who = list(trusted) or [f"arn:{place.partition}:iam::{place.account}:root"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": who[0] if len(who) == 1 else who},
                "Action": "sts:AssumeRole",
            }
        ],
    }
