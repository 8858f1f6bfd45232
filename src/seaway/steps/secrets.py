"""Secrets that are made once and never read back, overwritten or shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from seaway.errors import UsageError
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


@dataclass(frozen=True)
class BringSecret:
    """Create a Secret whose one value, at `key`, somebody else made: it comes by the variable `given`.

    Raises UsageError where that is not set. A Secret that is there already is left as it is.
    """

    id: str
    after: tuple[str, ...]
    manifest: Manifest = field(hash=False)
    key: str
    given: str

    def describe(self) -> Change:
        return Change(self.id, Verb.CREATE, str(Ref.of(self.manifest)), (f"from {self.given}",))

    def run(self, world: World) -> Outputs:
        value = os.environ.get(self.given, "")
        if not value:
            raise UsageError(
                f"{Ref.of(self.manifest)} is not there, and {self.given} is not set",
                why="somebody else gave it out, so that it cannot be made here",
                remedy=f"set {self.given} to it, and run seaway up again",
            )
        world.kube.create({**self.manifest, "type": "Opaque", "stringData": {self.key: value}})
        return {}


def secret_if_absent(step: GenerateSecret, live: Live) -> list[GenerateSecret]:
    return [] if Ref.of(step.manifest) in live.objects else [step]
