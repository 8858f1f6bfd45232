"""Which nodes pods would get: the scheduler's and the autoscaler's choice, on paper. Pure.

Pods go to the node with the most CPU left that has room for them. For those that fit nowhere the autoscaler
adds nodes: it counts pods together while the largest size takes them, and takes the cheapest that does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from seaway.model.cluster import Offer


@dataclass(frozen=True)
class Need:
    """A pod of a service, or of something else: cores and bytes that it requests."""

    owner: str
    cpu: float
    memory: float


@dataclass
class Room:
    """What is left of a node, or is asked of one that is to come."""

    cpu: float
    memory: float

    def takes(self, need: Need) -> bool:
        """Whether it has room; a thousandth of a core more than there is, is none."""
        return need.cpu <= self.cpu + 1e-6 and need.memory <= self.memory

    def take(self, need: Need) -> None:
        self.cpu -= need.cpu
        self.memory -= need.memory


@dataclass(frozen=True)
class Packed:
    """The sizes of the nodes that are added, and the pods that stay pending, by owner and why."""

    added: Counter[str] = field(default_factory=Counter)
    pending: Counter[tuple[str, str]] = field(default_factory=Counter)


def pack(needs: Iterable[Need], rooms: Sequence[Room], offers: Sequence[Offer], addable: int) -> Packed:
    """Place pods on the nodes that stand, and on at most `addable` more of the sizes on offer."""
    packed, claims = Packed(), list[Room]()
    most = Room(max(offer.cpu for offer in offers), max(offer.memory for offer in offers))
    for need in sorted(needs, key=lambda each: (-each.cpu, -each.memory, each.owner)):
        fitting = [room for room in rooms if room.takes(need)]
        room = max(fitting, key=lambda each: each.cpu, default=None)
        room = room or next((claim for claim in claims if claim.takes(need)), None)
        if room is None and not any(Room(each.cpu, each.memory).takes(need) for each in offers):
            packed.pending[need.owner, "no size that may be added is large enough"] += 1
            continue
        if room is None and len(claims) == addable:
            packed.pending[need.owner, "no more nodes may be added"] += 1
            continue
        if room is None:
            room = Room(most.cpu, most.memory)
            claims.append(room)
        room.take(need)
    for claim in claims:
        asked = Need("", most.cpu - claim.cpu, most.memory - claim.memory)
        packed.added[_cheapest(asked, offers)] += 1
    return packed


def _cheapest(asked: Need, offers: Sequence[Offer]) -> str:
    fitting = [each for each in offers if Room(each.cpu, each.memory).takes(asked)]
    return min(fitting, key=lambda each: each.price).size
