"""Secrets that are made once and never read back, overwritten or shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from seaway.kit.kube import Ref
from seaway.model.manifests import Manifest
from seaway.model.plan import Change, Outputs, Verb
from seaway.model.secret import Secret
from seaway.model.snapshot import Live
from seaway.ports.world import World


def given_variable(name: str) -> str:
    """Name the environment variable that brings a value of one's own for a secret of the file."""
    return "SEAWAY_SECRET_" + name.upper().replace("-", "_")


@dataclass(frozen=True)
class GenerateSecret:
    """Create a Secret whose texts hold a new random value in place of `{value}`.

    The value is taken from the environment variable `given`, if it is set when the step runs. A Secret that
    is there already is left as it is.
    """

    id: str
    after: tuple[str, ...]
    manifest: Manifest = field(hash=False)
    texts: Mapping[str, str] = field(hash=False)
    given: str = ""

    def describe(self) -> Change:
        return Change(self.id, Verb.CREATE, str(Ref.of(self.manifest)), ("a new random value",))

    def run(self, world: World) -> Outputs:
        own = os.environ.get(self.given, "") if self.given else ""
        value = Secret(own) if own else Secret.generate()
        texts = {key: text.replace("{value}", value.reveal()) for key, text in self.texts.items()}
        world.kube.create({**self.manifest, "type": "Opaque", "stringData": texts})
        return {}


def secret_if_absent(step: GenerateSecret, live: Live) -> list[GenerateSecret]:
    return [] if Ref.of(step.manifest) in live.objects else [step]
