"""Plan → Events: the only place that changes the world.

Steps run as soon as those they come after are done, several at once, since most of their time is waiting.
The first failure ends it: nothing new begins, what only waits gives up, what works is let end.
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from typing import Any

from seaway.kit.lock import waiting_by
from seaway.model.event import Event, Outcome
from seaway.model.plan import Outputs, Plan, Step, Verb
from seaway.ports.world import Abandoned, World

AT_ONCE = 8
#: Worth telling when they begin; of the others those that take long tell their own progress.
_LONG = frozenset({Verb.BUILD, Verb.WAIT, Verb.DELETE})
_DONE = {
    Verb.CREATE: "created",
    Verb.UPDATE: "updated",
    Verb.DELETE: "removed",
    Verb.BUILD: "built",
    Verb.WAIT: "ready:",
}


def apply(plan: Plan, world: World) -> None:
    """Carry out a plan. Raises the first error of a step; an interrupt ends it in the same orderly way."""
    by_id = {step.id: step for step in plan.steps}
    order = TopologicalSorter({s.id: [a for a in s.after if a in by_id] for s in plan.steps})
    order.prepare()
    failure: BaseException | None = None
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: dict[Future[Outputs], str] = {}
        try:
            while order.is_active() and not failure:
                for ready in order.get_ready():
                    running[pool.submit(_run, by_id[ready], world)] = ready
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                failure = _collect(done, running, world, order)
        except BaseException as interrupt:  # noqa: BLE001  (raised again below, once the steps have ended)
            failure = interrupt
        if failure:
            world.stop.set()
            for future in running:
                future.cancel()
    if failure:
        raise failure


def _collect(
    done: set[Future[Outputs]],
    running: dict[Future[Outputs], str],
    world: World,
    order: TopologicalSorter[str],
) -> BaseException | None:
    failure: BaseException | None = None
    for future in done:
        step = running.pop(future)
        if error := future.exception():
            failure = failure or error
        else:
            world.outputs.update(future.result())
            order.done(step)
    return failure


def _run(step: Step[Any], world: World) -> Outputs:
    change, begins = step.describe(), time.monotonic()
    if change.verb in _LONG:
        world.report(Event(step.id, Outcome.STARTED, f"{change.verb.value} {change.thing}"))
    try:
        with waiting_by(world.pause):
            outputs = step.run(world)
    except Abandoned:
        world.report(Event(step.id, Outcome.NOTE, f"left: {change.verb.value} {change.thing}"))
        raise
    except BaseException:
        seconds = time.monotonic() - begins
        world.report(Event(step.id, Outcome.FAILED, f"{change.verb.value} {change.thing}", seconds=seconds))
        raise
    text = f"{_DONE[change.verb]} {change.thing}"
    world.report(Event(step.id, Outcome.DONE, text, seconds=time.monotonic() - begins))
    return outputs
