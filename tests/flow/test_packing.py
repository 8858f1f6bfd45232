"""Which nodes pods would get."""

from __future__ import annotations

from seaway.flow.packing import Need, Packed, Room, pack
from seaway.model.cluster import Offer

GIB = 1 << 30
SMALL, MEDIUM, LARGE = (
    Offer("small", 1, 2 * GIB, 0.04),
    Offer("medium", 2, 4 * GIB, 0.07),
    Offer("large", 4, 8 * GIB, 0.15),
)


def _packed(pods: int, cpu: float, *rooms: Room, addable: int = 3, memory: float = 0.1) -> Packed:
    needs = [Need("web", cpu, memory * GIB)] * pods
    return pack(needs, rooms, (SMALL, MEDIUM), addable)


def test_pods_that_have_room_need_no_node() -> None:
    assert _packed(4, 0.5, Room(1, GIB), Room(1, GIB)) == Packed()


def test_pods_that_come_together_get_the_cheapest_node_that_takes_all() -> None:
    assert _packed(1, 0.7).added == {"small": 1}
    assert _packed(2, 0.7).added == {"medium": 1}
    assert _packed(3, 0.7).added == {"medium": 1, "small": 1}


def test_memory_counts_as_cpu_does() -> None:
    assert _packed(2, 0.1, memory=1.5).added == {"medium": 1}
    assert _packed(1, 0.1, Room(1, GIB), memory=1.5).added == {"small": 1}


def test_the_emptiest_node_is_taken_first() -> None:
    full, empty = Room(0.6, 4 * GIB), Room(1.5, 4 * GIB)
    _packed(1, 0.5, full, empty)
    assert (full.cpu, empty.cpu) == (0.6, 1.0)


def test_what_finds_no_node_is_told_with_its_reason() -> None:
    assert _packed(6, 0.9, addable=2).pending == {("web", "no more nodes may be added"): 2}
    huge = _packed(1, 3.0)
    assert huge.pending == {("web", "no size that may be added is large enough"): 1}
    assert pack([Need("web", 3.0, GIB)], (), (SMALL, MEDIUM, LARGE), 1).added == {"large": 1}


def test_tenths_that_fill_a_node_to_the_brim_fit() -> None:
    assert _packed(10, 0.1, Room(1, 2 * GIB)) == Packed()
