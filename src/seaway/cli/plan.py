"""`seaway plan`: what would change."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seaway.model.bill import Bill
    from seaway.model.plan import Change, Plan
    from seaway.model.snapshot import RecordFacts

CHANGES: Final = 3
MARKS: Final = {"create": "+", "update": "~", "delete": "-", "build": "*", "wait": "…"}


class Form(StrEnum):
    """What others may make an environment's cluster from."""

    CLOUDFORMATION = "cloudformation"


Export = Annotated[
    Form | None,
    typer.Option("--export", help="Write what is in the AWS account as a template instead; by -o as JSON."),
]


def command(on: On = "", file: File = FILE, export: Export = None, output: Output = Format.TEXT) -> None:
    """Say what would change, step by step, and what it costs where it is rented; nothing is changed.

    Exit status: 0 all is as the file says or was exported, 3 there are changes.

    For example:
      seaway plan
      seaway plan --on rehearsal -o json
    """
    from seaway.app import environment as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    if export:
        _export(house.export(load(file), on), on, output)
        return
    with Story() as story:
        found = house.survey(load(file), on, story)
        for note in found.plan.notes:
            story.note(note)
    if output is Format.JSON:
        document = {"environment": found.seen.environment, "notes": list(found.plan.notes)}
        costs = {"costs": found.bill.as_json()} if found.bill else {}
        names = {"names": [each.as_json() for each in found.seen.records]} if found.seen.records else {}
        changes = [change.as_json() for change in found.plan.changes]
        emit_json({**document, "changes": changes, **names, **costs})
    else:
        emit(*lines(found.plan))
        if found.bill:
            _tell(found.bill)
        tell_names(found.seen.records)
    if found.plan:
        next_commands(("seaway up", "carry it out"), on=on)
        raise typer.Exit(CHANGES)
    led = ("seaway domain move", "lead visitors to the gateway, before the first crossing")
    unmoved = any(not (each.share or each.why) for each in found.seen.records)
    next_commands(*[led] * unmoved, ("seaway status", "what runs"), on=on)


def _export(template: dict[str, Any], on: str, output: Format) -> None:
    """Print a template, which holds no secrets, as people review it or as programs read it."""
    import yaml  # noqa: PLC0415  (takes a while)

    if output is Format.JSON:
        emit_json(template)
    else:
        plain = json.loads(json.dumps(template))  # what is there twice is written twice
        emit(yaml.safe_dump(plain, sort_keys=False, width=110).rstrip())
    stack = (
        "aws cloudformation deploy --capabilities CAPABILITY_NAMED_IAM --template-file FILE --stack-name NAME"
    )
    next_commands(
        (stack, "make it of what you keep as FILE"), ("seaway up", "bring the system into it"), on=on
    )


def lines(plan: Plan) -> list[str]:
    """Write one line for each change, in the order in which they will be made, above what it consists of."""
    found = []
    for change in plan.changes:
        found.append(_line(change))
        found += [f"    {_line(part)}" for part in change.parts]
    return found or ["no changes: all is as the file says"]


def costs(bill: Bill) -> str:
    """Say in one sentence what is known of the costs."""
    return f"about ${bill.monthly:,.2f} a month, and what depends on use ({bill.source})"


def tell_names(records: Sequence[RecordFacts]) -> None:
    """Show what the zone has of the public names; nothing where the file does not know it."""
    rows = [(each.name, each.leads, _share(each), _owner(each)) for each in records]
    emit(*[""] * bool(rows))
    emit_table(("public name", "record", "to the gateway", "owner"), rows)


def _share(found: RecordFacts) -> str:
    return "?" if found.why else f"{found.share} %"


def _owner(found: RecordFacts) -> str:
    if found.why:
        return "?"
    return f"{found.owner} (we are)" if found.ours else found.owner or "nobody"


def _line(change: Change) -> str:
    details = f"  ({'; '.join(change.details)})" if change.details else ""
    return f"{MARKS[change.verb.value]} {change.verb.value:<7}{change.thing}{details}"


def _tell(bill: Bill) -> None:
    emit("")
    rows = [(i.thing, "?" if i.monthly is None else f"{i.monthly:.2f}", i.why) for i in bill.items]
    emit_table(("what it costs", "$ a month", ""), rows)
    emit("", costs(bill))
