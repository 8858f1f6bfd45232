"""The life of a crossing in people's hands: their commands, and what they do to its route."""

from __future__ import annotations

from seaway.rooms.crossing.facts import Other, RouteFacts
from seaway.rooms.crossing.state import Phase, Verb, What
from tests.rooms.crossing.sea import SPEC, Says, Sea, moving


def test_a_move_by_hand_holds_there_with_the_guards_on_until_resume() -> None:
    sea = Sea()
    sea.look()
    sea.ask(Verb.MOVE, 30)
    assert (sea.state.phase, sea.state.weight, sea.state.held) == (Phase.MOVING, 30, "ann@desk, by hand")
    assert sea.watch(300).weight == 30
    sea.ask(Verb.MOVE, 10)
    assert sea.state.weight == 10
    sea.ask(Verb.RESUME)
    assert sea.watch(62).weight == 25
    sea.ask(Verb.HOLD)
    assert sea.watch(300).weight == 25
    assert sea.state.held == "ann@desk"
    assert sea.look(verdict=Says(broken=True)).weight == 0


def test_a_move_to_the_end_settles_by_itself() -> None:
    sea = Sea()
    sea.look()
    sea.ask(Verb.MOVE, 100)
    assert (sea.state.phase, sea.state.held) == (Phase.HOLDING, "")
    sea.until(Phase.SETTLED)


def test_what_is_asked_too_late_or_at_the_wrong_time_is_refused_with_a_reason() -> None:
    sea = Sea(spec=SPEC.model_copy(update={"after": ("base",)}))
    sea.look(others={"base": Other(Phase.MOVING, 25), "later": Other(Phase.MONOLITH, 0, ("login",))})
    assert sea.ask(Verb.MOVE, 5).answer == "base is moving at 25 %, not settled"
    assert sea.ask(Verb.RESUME).answer == ""
    sea.look(others={"base": Other(Phase.HOLDING, 100)})
    assert "came too late" in sea.ask(Verb.MOVE, 5, ago=700).answer
    sea.look(ready=0)
    assert sea.ask(Verb.MOVE, 5).answer == "web has no ready pod"
    sea.look(ready=None)
    assert sea.ask(Verb.MOVE, 5).answer == "the endpoints of web are not seen"
    sea.look(ready=1)
    assert sea.ask(Verb.MOVE, 5).answer == ""
    sea.look(others={**sea.facts.others, "later": Other(Phase.MOVING, 5, ("login",))})
    assert sea.ask(Verb.MOVE, 2).answer == "later crossed because of it: take them back first"
    assert [e.reason for e in sea.ledger if e.what is What.REFUSED][-1].startswith("move: later")
    assert sea.ask(Verb.BACK, ago=7000).phase is Phase.RETURNING
    assert sea.ask(Verb.HOLD).answer != ""
    assert sea.ask(Verb.RESUME).answer != ""


def test_a_command_is_carried_out_once() -> None:
    sea = Sea()
    sea.look()
    sea.ask(Verb.MOVE, 30)
    before = list(sea.ledger)
    sea.watch(10)
    assert sea.ledger == before


def test_a_route_edited_or_deleted_by_hand_is_noticed_and_mended() -> None:
    sea = moving()
    sea.route = RouteFacts(77)
    sea.look()
    assert sea.route == RouteFacts(25, 0)
    assert sea.ledger[-1].reason == "somebody set the route to 77 %: it is 25 % again"
    sea.watch(2)
    sea.route = None
    sea.look()
    assert sea.route == RouteFacts(25, 0)
    sea.watch(2)
    sea.route = RouteFacts(0)
    assert sea.look().phase is Phase.RETURNING
    assert sea.happened == ["mended", "mended", "returning"]


def test_a_route_whose_file_changed_is_written_again_without_a_word() -> None:
    sea = moving()
    sea.route = RouteFacts(25, ours=False)
    sea.look()
    assert sea.route == RouteFacts(25)
    assert sea.ledger == []


def test_a_route_of_an_earlier_version_keeps_its_weight() -> None:
    for weight, phase in ((0, Phase.MONOLITH), (25, Phase.MOVING), (100, Phase.SETTLED)):
        sea = Sea(route=RouteFacts(weight, ours=False))
        sea.look()
        assert (sea.state.phase, sea.state.weight) == (phase, weight)
        sea.watch(300)
        assert sea.state.weight == weight
        assert (sea.state.held == "the upgrade") == (weight == 25)
