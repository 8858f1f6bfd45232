"""Making room: of the images in the machine's registry, what a cluster runs or can go back to stays."""

from __future__ import annotations

import json
from dataclasses import replace

from seaway.app.world import open_world
from seaway.flow.load import load
from seaway.flow.prune import prune
from seaway.model.cluster import ClusterFacts
from seaway.model.event import silent
from seaway.model.names import Digest, ImageRef
from seaway.providers.local import engine, machine
from seaway.providers.local.clusters import LocalClusters
from tests.cluster.tiny_system import NAME, Tiny


class Own(LocalClusters):
    """This suite's cluster: those of others on this machine may stand still."""

    def list(self) -> tuple[ClusterFacts, ...]:
        return (self.get(NAME),)


def build(tiny: Tiny) -> str:
    """Make an image of a version that was never there; gives its digest."""
    tiny.release_anew()
    (made,) = json.loads(tiny.seaway("image", "build", "-o", "json")[0])
    return str(made["digest"])


def test_what_runs_stays_and_the_room_of_the_rest_comes_back(common: Tiny) -> None:
    tiny = common.whole()
    usual, (app,) = tiny.version, json.loads(tiny.seaway("status", "-o", "json")[0])["services"]
    runs, gone, current = app["image"].rpartition("@")[2], build(tiny), build(tiny)
    system = load(tiny.file)
    world = replace(open_world(system, system.environment("")[1], silent), clusters=Own())
    found = {str(each.digest): each.why for each in prune(system, world, -1, dry=False)}
    tiny.release(usual)
    assert (found[runs], found[gone]) == ("runs, or can be rolled back to", "")
    assert found[current] == "what the folder holds now"
    assert machine.clean(engine.ensure(silent)) > 0
    assert world.registry.resolve(ImageRef.parse(app["image"]))
    assert world.registry.resolve(ImageRef.parse(app["image"]).at(Digest(gone))) is None
