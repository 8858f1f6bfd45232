"""The Crossing as an object of the cluster: from the file to its manifest, and back to types.

`seaway up`, or a GitOps tool, writes its spec; people's commands come as an annotation; the pilot alone
writes its status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from seaway.model.manifests import Manifest, labels
from seaway.model.wrong import Wrong, plainly
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import Command, State

GROUP: Final = "seaway.dev"
VERSION: Final = "v1alpha1"
API: Final = f"{GROUP}/{VERSION}"
KIND: Final = "Crossing"
PLURAL: Final = "crossings"
ROOM: Final = "crossing"
#: Annotation that carries the last command.
COMMAND: Final = f"{GROUP}/command"
#: What keeps a Crossing until its traffic is back at the monolith; the pilot puts it on and takes it off.
FINALIZER: Final = f"{GROUP}/traffic"
_OF_THE_FILE: Final = (
    "routes", "after", "start", "steps", "hold", "only", "timezone", "alone", "guard", "compare", "sticky",
    "testers",
)  # fmt: skip


@dataclass(frozen=True)
class Crossing:
    """A Crossing as it was read from the cluster. `version` is the resourceVersion that was seen."""

    name: str
    place: Place
    spec: CrossingSpec
    state: State
    command: Command | None
    uid: str
    version: str
    generation: int
    deleting: bool


def manifest(place: Place, name: str, spec: CrossingSpec) -> Manifest:
    """Compose the Crossing that the file asks for."""
    written = spec.model_dump(mode="json", exclude_none=True)
    return {
        "apiVersion": API,
        "kind": KIND,
        "metadata": {"name": name, "namespace": place.system, "labels": labels(place.system, ROOM, name)},
        "spec": {
            "domain": place.domain,
            **({"names": list(place.names)} if place.names else {}),
            "gateway": place.gateway,
            "from": _written(place.monolith),
            "to": _written(Side(spec.to)),
            **({"over": place.over} if place.over else {}),
            **{key: written[key] for key in _OF_THE_FILE if key in written},
        },
    }


def understood(found: Mapping[str, Any]) -> tuple[Crossing, str]:
    """Read a Crossing as far as it can be, and say what is wrong with its spec; nothing where all is well.

    A part that is wrong is left out, so that its default counts. Raises Wrong where it has none.
    """
    typed, wrong = _typed(found["spec"])
    return _crossing(found, typed), wrong


def _typed(spec: Mapping[str, Any]) -> tuple[CrossingSpec, str]:
    given = {**{key: spec[key] for key in _OF_THE_FILE if key in spec}, "to": spec["to"]["name"]}
    try:
        return CrossingSpec.model_validate(given), ""
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        why = "; ".join(map(_said, wrong))
    parts = {str(each["loc"][0]) for each in wrong}
    try:
        return CrossingSpec.model_validate({k: v for k, v in given.items() if k not in parts}), why
    except ValidationError as error:
        raise Wrong(why) from error


def _crossing(found: Mapping[str, Any], typed: CrossingSpec) -> Crossing:
    meta, spec = found["metadata"], found["spec"]
    notes = meta.get("annotations") or {}
    return Crossing(
        name=meta["name"],
        place=_place(meta["namespace"], spec),
        spec=typed,
        state=State.from_status(found.get("status")),
        command=Command.from_text(notes.get(COMMAND, "")),
        uid=meta.get("uid", ""),
        version=meta.get("resourceVersion", ""),
        generation=int(meta.get("generation", 0)),
        deleting="deletionTimestamp" in meta,
    )


def _place(system: str, spec: Mapping[str, Any]) -> Place:
    old, over, names = _side(spec["from"]), spec.get("over", ""), tuple(spec.get("names", ()))
    return Place(system, spec["domain"], spec["gateway"], old, over, names)


def _written(side: Side) -> dict[str, Any]:
    return {"name": side.name, "port": side.port, "kind": side.kind}


def _side(found: Mapping[str, Any]) -> Side:
    return Side(found["name"], int(found.get("port", 80)), found.get("kind", "Service"))


def _said(error: Any) -> str:
    wrong = error.get("ctx", {}).get("error")
    why = wrong.why if isinstance(wrong, Wrong) else plainly(error["msg"])
    return f"spec.{'.'.join(map(str, error['loc']))}: {why}"
