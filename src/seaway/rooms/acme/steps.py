"""What `up` does for an ACME server that is more than applying one object."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.kit.kube import Ref
from seaway.model.manifests import labels
from seaway.model.plan import Change, Outputs, Verb
from seaway.model.secret import Secret
from seaway.ports.world import World
from seaway.rooms.acme.wish import ROOM, ZONE_KEY, key_ref


@dataclass(frozen=True)
class GiveKey:
    """Hand the pilot the key that changes the zone."""

    system: str
    key: Secret
    verb: Verb
    after: tuple[str, ...] = ()
    id: str = f"{ROOM}/zone-key"

    def describe(self) -> Change:
        return Change(self.id, self.verb, str(key_ref(self.system)), ("dns.key",))

    def run(self, world: World) -> Outputs:
        ref: Ref = key_ref(self.system)
        meta = {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": labels(self.system, ROOM, ZONE_KEY),
        }
        head = {"apiVersion": ref.api_version, "kind": ref.kind, "type": "Opaque", "metadata": meta}
        world.kube.apply({**head, "stringData": {"key": self.key.reveal()}})
        return {}
