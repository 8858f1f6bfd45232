"""The life of a crossing on its way back: each thing that sends it there."""

from __future__ import annotations

from seaway.rooms.crossing.facts import Other, RouteFacts
from seaway.rooms.crossing.state import Phase, Verb
from tests.rooms.crossing.sea import SPEC, Says, Sea, moving, settled


def test_a_broken_guard_takes_it_back_at_once() -> None:
    sea = moving()
    sea.look(verdict=Says(broken=True, reason="12 of 90 requests failed, 0 of 900 at the monolith"))
    assert (sea.state.phase, sea.state.weight, sea.state.epoch) == (Phase.RETURNING, 0, 1)
    assert sea.route == RouteFacts(0, 1)
    assert sea.look().phase is Phase.RETURNED
    assert sea.state.reason == "12 of 90 requests failed, 0 of 900 at the monolith"
    assert sea.happened == ["returning", "returned"]
    assert [told.type for told in sea.told] == ["Warning", "Warning"]
    sea.watch(5)
    assert sea.state.phase is Phase.RETURNED
    sea.ask(Verb.START)
    assert (sea.state.phase, sea.state.weight, sea.state.epoch) == (Phase.MOVING, 1, 1)


def test_one_without_a_ready_pod_goes_back_at_once() -> None:
    sea = moving()
    sea.look(ready=0)
    assert (sea.state.weight, sea.state.reason) == (0, "web has no ready pod")
    there = settled()
    assert there.look(ready=0).phase is Phase.SETTLED


def test_one_that_must_go_back_takes_back_first_what_crossed_because_of_it() -> None:
    sea = settled()
    later = Other(Phase.MOVING, 25, ("login",))
    sea.look(others={"later": later})
    sea.ask(Verb.BACK)
    assert (sea.state.phase, sea.state.weight) == (Phase.RETURNING, 100)
    follower = moving(weight=25)
    follower.spec = SPEC.model_copy(update={"after": ("base",)})
    follower.look(others={"base": Other(Phase.RETURNING, 100)})
    assert (follower.state.weight, follower.state.reason) == (
        0,
        "base goes back, and this one crossed because of it",
    )
    sea.look(others={"later": Other(Phase.RETURNED, 0, ("login",))})
    assert (sea.state.weight, sea.route) == (0, RouteFacts(0, 1))
    assert sea.look().phase is Phase.RETURNED
    assert sea.weights == [100, 0, 0]


def test_a_way_back_does_not_wait_for_ever_for_another() -> None:
    sea = settled()
    sea.look(others={"later": Other(Phase.MOVING, 25, ("login",))})
    sea.ask(Verb.BACK)
    assert sea.watch(4).weight == 100
    assert sea.look().weight == 0


def test_a_way_back_at_the_route_itself_is_respected() -> None:
    for sea in (moving(), settled()):
        sea.route = RouteFacts(0, 1, by="ann@desk")
        sea.look()
        assert (sea.state.weight, sea.state.epoch, sea.state.phase) == (0, 1, Phase.RETURNED)
        assert [entry.by for entry in sea.ledger] == ["ann@desk", "pilot"]
        assert sea.route == RouteFacts(0, 1, by="ann@desk")


def test_a_way_back_at_the_route_and_as_a_command_is_one() -> None:
    sea = moving()
    sea.route = RouteFacts(0, 1)
    sea.ask(Verb.BACK)
    assert (sea.state.epoch, sea.state.reason) == (1, "taken back by ann@desk")
    sea.watch(3)
    assert sea.happened == ["returning", "returned"]
    assert sea.route == RouteFacts(0, 1)


def test_a_crossing_that_is_removed_brings_its_traffic_back_first() -> None:
    sea = moving()
    sea.look(deleting=True)
    assert not sea.released
    assert sea.route == RouteFacts(0, 1, leaving=True)
    sea.route = RouteFacts(0, 1, accepted=False, leaving=True)
    sea.watch(3)
    assert not sea.released
    sea.route = RouteFacts(0, 1, leaving=True)
    sea.look()
    assert sea.released
    unused = Sea(route=RouteFacts(0))
    unused.look(deleting=True)
    assert not unused.released
    unused.look(deleting=True)
    assert unused.released


def test_a_removal_does_not_wait_for_a_gateway_that_is_gone() -> None:
    sea = moving()
    sea.look(deleting=True)
    sea.route = RouteFacts(0, 1, accepted=False, leaving=True)
    sea.watch(40)
    assert sea.released
