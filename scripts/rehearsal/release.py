"""How new versions come: built and signed in staging, tested there, promoted to where the visitors are."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scripts.rehearsal.seaway import Seaway
from seaway.providers.local.registry import HOST
from seaway.rooms.images.keys import make_pair

#: Each environment pulls from a folder of its own of the machine's registry.
STAGING: Final = f'  staging: {{on: local, registry: "{HOST}/staging"}}'
LIVE: Final = f'registry: "{HOST}/live"'
PROMOTIONS: Final = """
promotions:
  rehearsal: {after: staging, signed: release.pub, attested: {tests: ci.pub}}
"""


def add_staging(file: Path) -> None:
    """Give the system an environment before that of the visitors, who keep theirs as the default."""
    written, found = re.subn(
        r"^(  rehearsal: \{.*)\}$", rf"\1, {LIVE}}}\n{STAGING}", file.read_text(), count=1, flags=re.MULTILINE
    )
    if not found:
        sys.exit(f"{file} has no environment rehearsal in one line")
    file.write_text(written)


def only_by_promotion(system: Path) -> None:
    """From here on nothing is built for the visitors: what comes is signed, tested and promoted."""
    for name in ("release", "ci"):
        make_pair(system / name, None)
    (system / "result.json").write_text(json.dumps({"result": "PASSED"}))
    with (system / "seaway.yaml").open("a") as file:
        file.write(PROMOTIONS)


def promote(seaway: Seaway, system: Path, service: str) -> str:
    """Bring the new version of a service through staging and its gates; gives its name by digest."""
    there, keys = ("--on", "staging"), {name: str(system / f"{name}.key") for name in ("release", "ci")}
    (built,) = seaway.ask("image", "build", service, *there, "--key", keys["release"])
    result = ("--type", "tests", "--predicate", str(system / "result.json"))
    seaway.ask("image", "attest", service, *there, *result, "--key", keys["ci"])
    (promoted,) = seaway.ask("image", "promote", service, "--to", "rehearsal")
    if promoted["digest"] != built["digest"]:
        sys.exit(f"{service} was promoted as {promoted['digest']} and built as {built['digest']}")
    return str(promoted["image"])


def running(status: Mapping[str, Any], promoted: Mapping[str, str]) -> list[str]:
    """The services that run what was promoted."""
    return [each["name"] for each in status["services"] if promoted.get(each["name"]) == each["image"]]
