"""How new versions come: built and signed for staging, approved, promoted to where the visitors are."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.rehearsal.seaway import Seaway
from seaway.providers.local.access import HOST
from seaway.rooms.images.keys import make_pair

#: Each environment pulls from a folder of its own of the machine's registry.
STAGING: Final = f'  staging: {{on: local, registry: "{HOST}/staging"}}'
LIVE: Final = f'registry: "{HOST}/live"'
PROMOTIONS: Final = """
promotions:
  rehearsal: {after: staging, signed: ci.pub, attested: {approval: lead.pub}}
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
    """From here on nothing is built for the visitors: what comes is signed, approved and promoted."""
    for name in ("ci", "lead"):
        make_pair(system / name, None)
    with (system / "seaway.yaml").open("a") as file:
        file.write(PROMOTIONS)


def promote(system: Path, services: Sequence[str]) -> dict[str, str]:
    """Bring new versions through staging, from a checkout of their own; gives each one's name by digest.

    Who runs the rehearsal is who approves them.
    """
    ci = system.with_name("ci")
    shutil.rmtree(ci, ignore_errors=True)
    shutil.copytree(system, ci)
    for service in services:
        new_version(ci / service / service)
    seaway, there = Seaway(ci / "seaway.yaml", {}), ("--on", "staging")
    built = seaway.ask("image", "build", *services, *there, "--key", str(ci / "ci.key"))
    seaway.ask("image", "attest", *services, *there, "--type", "approval", "--key", str(ci / "lead.key"))
    promoted = seaway.ask("image", "promote", *services, "--to", "rehearsal")
    if [each["digest"] for each in promoted] != [each["digest"] for each in built]:
        sys.exit(f"what was promoted is not what was built: {promoted} {built}")
    return {each["service"]: each["image"] for each in promoted}


def new_version(package: Path) -> None:
    """Change the code: the version that the service names, where it does, else a line of its own."""
    place = package / "__init__.py"
    text = place.read_text() if place.exists() else ""
    old = re.search(r'^RELEASE = "(\d+)"$', text, re.MULTILINE)
    line = f'RELEASE = "{int(old[1]) + 1 if old else 2}"\n'
    place.write_text(re.sub(r'^RELEASE = "\d+"\n', line, text, flags=re.MULTILINE) if old else text + line)


def running(status: Mapping[str, Any], promoted: Mapping[str, str]) -> list[str]:
    """The services that run what was promoted."""
    return [each["name"] for each in status["services"] if promoted.get(each["name"]) == each["image"]]
