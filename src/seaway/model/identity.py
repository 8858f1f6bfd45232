"""Who may do what in an account: jobs, the identities that hold them, and their keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from seaway.model.secret import Secret


class Job(StrEnum):
    """What somebody does with Seaway."""

    DEPLOYER = "deployer"
    PROMOTER = "promoter"
    VIEWER = "viewer"


class Kind(StrEnum):
    """A role is taken for an hour at a time and has no keys; a user has keys that stay."""

    ROLE = "role"
    USER = "user"


@dataclass(frozen=True)
class KeyFacts:
    """A key of a user, without its secret half."""

    id: str
    active: bool
    made: datetime


@dataclass(frozen=True)
class Key:
    """Both halves of a key."""

    id: str
    secret: Secret


@dataclass(frozen=True)
class Wish:
    """An identity that there shall be.

    `trusted` are the ARNs of who may take a role; none means everybody in the account whom a policy allows
    it, and for a role that is there those who may already.
    """

    name: str
    job: Job
    kind: Kind
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identity:
    """A role or user that Seaway made. `consumers` are the places that its key is kept at."""

    name: str
    kind: Kind
    job: str
    region: str
    arn: str
    keys: tuple[KeyFacts, ...] = ()
    consumers: tuple[str, ...] = ()
    rotating: bool = False


@dataclass(frozen=True)
class Caller:
    """Who runs this, as AWS sees it, and from where the credentials come."""

    account: str
    arn: str
    kind: str
    region: str
    source: str


@dataclass(frozen=True)
class Whoami:
    """Who runs this, and for each job the actions that are missing; where that is not told, why."""

    caller: Caller
    missing: Mapping[Job, tuple[str, ...]]
    untold: str = ""
