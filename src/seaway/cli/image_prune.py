"""`seaway image prune`: what nobody needs any more goes out of a registry."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from seaway.cli.consent import consent
from seaway.cli.options import FILE, File, Format, On, Output, Yes, seconds_of
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

Keep = Annotated[
    str, typer.Option("--keep", metavar="TIME", help="What was made within this time stays, such as 2h.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")]
DAY: Final = "24h"


def prune(
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
    *,
    keep: Keep = DAY,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Take the images of services out of the environment's registry that nobody needs any more.

    What stays, with its signatures and papers: what the folders hold now, what runs or can be rolled back to
    in any cluster of this machine, what was promoted to here, what has a tag of yours, and what is new. The
    registry of this machine gives the room back at once, and is silent for a moment meanwhile.

    For example:
      seaway image prune --dry-run
      seaway image prune --keep 2h --yes
    """
    from seaway.app import images as house  # noqa: PLC0415
    from seaway.flow.load import load  # noqa: PLC0415

    system, seconds = load(file), seconds_of(keep, "--keep")
    with Story() as story:
        if not dry_run and not yes:
            found, _ = house.prune(system, on, seconds, story, dry=True)
            goes = f"{sum(not each.why for each in found)} images"
            what = [f"{goes}; --dry-run shows which"]
            consent("images are not removed without a word", "This goes, for good:", what, f"Remove {goes}?")
        found, freed = house.prune(system, on, seconds, story, dry=dry_run)
    rows = [{"service": each.service, "digest": str(each.digest), "tags": list(each.tags), "size": each.size,
             "kept": each.why} for each in found]  # fmt: skip
    if output is Format.JSON:
        emit_json({"images": rows, "freed": freed, "dry_run": dry_run})
        return
    goes = "would go" if dry_run else "is gone"
    emit_table(
        ("service", "digest", "tag", ""),
        [
            (e.service, str(e.digest)[:19], ", ".join(e.tags), f"stays: {e.why}" if e.why else goes)
            for e in found
        ],
    )
    emit(f"{freed / 2**20:.1f} MiB {'would be freed' if dry_run else 'freed'}")
    if dry_run:
        next_commands(("seaway image prune", "take them out"))
