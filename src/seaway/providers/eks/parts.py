"""What a cluster on AWS is made of: parts that can be found, made, put right and removed, one by one.

AWS is the truth: a part is found by the tags it was made with, never by a note of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError

from seaway.errors import Refused, Unready
from seaway.providers.eks.cloud import Cloud

#: Tags of all that Seaway makes: the cluster it belongs to, and which part of it it is.
CLUSTER: Final = "seaway.dev/cluster"
PART: Final = "seaway.dev/part"
#: By this key of what is seen a thing is told that stays: somebody else keeps it, or needs it too.
THEIRS: Final = "theirs"
#: What EKS, IAM and ECR say of a name that something has already.
_TAKEN: Final = frozenset(
    {"ResourceInUseException", "EntityAlreadyExists", "RepositoryAlreadyExistsException"}
)
#: What EC2 and IAM say of a thing that is not there, besides codes that end in NotFound.
_ABSENT: Final = frozenset({"NoSuchEntity", "NatGatewayNotFound", "Gateway.NotAttached"})
#: One thing as AWS describes it.
Live = dict[str, Any]
#: The identities of the parts that are there, by part: ids in EC2, ARNs in IAM, names in EKS.
Ids = Mapping[str, str]


@dataclass(frozen=True)
class Fix:
    """One change that brings a live part to what it should be."""

    text: str
    call: Callable[[], object]


class Part(Protocol):
    """One thing that a cluster needs. Everything but `create` and `fixes` asks only what kind it is."""

    @property
    def id(self) -> str:
        """`kind/name`, unique in the cluster; the value of its tag."""

    @property
    def cluster(self) -> str:
        """The cluster's name."""

    def create(self, cloud: Cloud, ids: Ids) -> None:
        """Make it, with its tags in the same call."""

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:
        """Compare it with what it should be. Changes nothing."""

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        """Find all of this kind that carry the cluster's tags, by part."""

    @classmethod
    def settled(cls, live: Live) -> bool:
        """Tell whether it is ready for use. Raises Unready where it never will be."""

    @classmethod
    def identity(cls, live: Live) -> str:
        """Give what others call it by."""

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        """Have it go; it may take a while until it is gone."""


def tags_of(cluster: str, part: str) -> dict[str, str]:
    """Compose the tags of a part."""
    name = f"seaway-{cluster}-{part.replace('/', '-')}"
    return {CLUSTER: cluster, PART: part, "Name": name, "app.kubernetes.io/managed-by": "seaway"}


def id_of(part: str, ids: Ids) -> str:
    """Give the identity of a part; what is adopted is named by its id, which has no /."""
    return ids[part] if "/" in part else part


def listed(tags: Mapping[str, str]) -> list[Any]:
    """Write tags as EC2 and IAM take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_in(live: Live) -> dict[str, str]:
    """Read the tags of what EC2 or IAM describes."""
    return {tag["Key"]: tag["Value"] for tag in live.get("Tags", [])}


def by_part(found: list[Live], tags: Callable[[Live], Mapping[str, str]] = tags_in) -> dict[str, Live]:
    """Sort things by the part that they are. Raises Refused where two say they are the same."""
    sorted_: dict[str, Live] = {}
    for live in found:
        part = tags(live).get(PART, "")
        if part in sorted_:
            raise Refused(
                f"there are two of {part} of cluster {tags(live).get(CLUSTER, '')}",
                why="both carry its tags; which one is in use cannot be told from outside",
                remedy=f"take the tag {PART} off the one that is not used, and run the command again",
            )
        sorted_[part] = live
    return sorted_


def code_of(error: ClientError) -> str:
    """Give AWS's own name of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def absent(error: ClientError) -> bool:
    """Tell whether AWS says that a thing is not there, by its services' several names for that."""
    code = code_of(error)
    return code.endswith((".NotFound", "NotFoundException")) or code in _ABSENT


class Taken(Refused):
    """Something has that name already; a call whose answer was lost may have made it."""


@contextmanager
def untaken(thing: str, ours: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Make something under a name. Raises Taken where somebody else's has it: that is not taken over.

    It may be our own, of a call whose answer was lost and that was made again: `ours` looks for it by its
    tag. For the parts of a cluster `making` does so.
    """
    try:
        yield
    except ClientError as error:
        if code_of(error) not in _TAKEN:
            raise
        if ours():
            return
        raise Taken(
            f"{thing} is there and is not Seaway's",
            why=f"it does not carry the tag {CLUSTER} of this cluster",
            remedy="choose another --name, or remove it; a thing just made may also take a minute to be seen",
        ) from error


class Failed(Unready):
    """A thing will not get ready by waiting."""


def failed(thing: str, why: str) -> Failed:
    """Compose the error of a thing that will not get ready by waiting."""
    remedy = "mend the reason, remove it where it is still there, and run the command again"
    return Failed(f"{thing} failed", why=why, remedy=remedy)
