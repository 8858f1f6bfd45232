"""`seaway identity`: who may do what in an account of AWS."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seaway.cli.consent import consent
from seaway.cli.options import Format, Output, Yes, seconds_of
from seaway.cli.story import Story, answer, emit, emit_json, emit_table, next_commands
from seaway.model.identity import Identity, Job, Kind, Whoami, Wish

if TYPE_CHECKING:
    from seaway.app.identity import Registrar

app = typer.Typer(
    help="Who may do what in an account of AWS: roles and users with the least policy for their job.\n\n"
    "Example: `seaway identity create ci --job deployer --region eu-central-1`.",
)
Name = Annotated[str, typer.Argument(help="Name of the identity; IAM knows it as seaway-NAME.")]
Region = Annotated[
    str, typer.Option("--region", help="The AWS region it is for; default: AWS_REGION, or the profile's.")
]
To = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        metavar="PLACE",
        help="Where the key of a user is kept, several times for several: file:PATH, "
        "kubernetes:CONTEXT/NAMESPACE/NAME, secretsmanager:NAME.",
    ),
]
SOAK: Final = "15m"
_SHOWN: Final = 5


@app.command()
def whoami(region: Region = "", output: Output = Format.TEXT) -> None:
    """Tell who you are to AWS, where the credentials come from, and which of Seaway's jobs you may do.

    What you may do is asked of IAM (iam:SimulatePrincipalPolicy); where it does not say, that is told.

    Example: seaway identity whoami --region eu-central-1
    """
    seen = _registrar(region).whoami()
    if output is Format.JSON:
        jobs = {job.value: list(lacks) for job, lacks in seen.missing.items()}
        emit_json({**vars(seen.caller), "missing": jobs, "untold": seen.untold})
    else:
        told = vars(seen.caller)
        emit_table(("what", "which"), [*told.items(), *(("may", text) for text in _jobs(seen))])
    next_commands(("seaway identity list", "those that Seaway made"))


@app.command("list")
def list_(region: Region = "", output: Output = Format.TEXT) -> None:
    """Show the roles and users that Seaway made in the account, of all regions, and the age of their keys.

    Example: seaway identity list -o json
    """
    found = _registrar(region).identities.all()
    if output is Format.JSON:
        emit_json([_document(each) for each in found])
        return
    rows = [
        (each.name, each.kind.value, each.job, each.region, _keys(each), ", ".join(each.consumers) or "-")
        for each in found
    ]
    emit_table(("name", "kind", "job", "region", "keys", "kept at"), rows)
    if not found:
        emit("there are no identities of Seaway's")
    next_commands(("seaway identity create NAME --job viewer", "another"))


@app.command()
def create(  # noqa: PLR0917  (typer's options)
    name: Name,
    job: Annotated[Job, typer.Option("--job", help="What it is for.")],
    role: Annotated[
        bool,
        typer.Option(
            "--role/--user", help="A role has no keys and is taken for hours; a user has a key that stays."
        ),
    ] = True,
    trust: Annotated[
        list[str] | None,
        typer.Option(
            "--trust",
            metavar="ARN",
            help="Who may take the role, several times for several; default: who in the account is allowed "
            "to by a policy.",
        ),
    ] = None,
    to: To = None,
    region: Region = "",
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Make a role or user that may do one job in one region, or finish or mend the one of that name.

    A deployer makes, changes and removes clusters, pushes and signs images; a promoter copies and signs
    images; a viewer looks. A user's key goes straight to where it is used, and is shown nowhere.

    For example:
      seaway identity create ci --job deployer --trust arn:aws:iam::123456789012:role/github
      seaway identity create build --job promoter --user --to file:/etc/ci/aws-credentials
    """
    house, wish = _registrar(region), Wish(name, job, Kind.ROLE if role else Kind.USER, tuple(trust or ()))
    house.identities.check(wish)
    if not yes:
        may = f"{wish.kind} seaway-{name}, which may do all that a {job} does in {house.cloud.region}"
        takes = [f"taken by {each}" for each in wish.trusted] + [f"its key at {each}" for each in to or ()]
        _agree(house, f"identity {name} is not made without a word", [may, *takes], "Make it?")
    with Story() as story:
        made = house.create(wish, to or (), story)
    answer(output, _document(made), f"{made.kind} {made.arn} may do the job of a {made.job}")
    if made.kind is Kind.USER:
        next_commands((f"seaway identity rotate {name} --to PLACE", "a key, and another from time to time"))
    else:
        next_commands(("seaway identity list", "all of them"))


@app.command()
def rotate(
    name: Name,
    to: To = None,
    soak: Annotated[
        str,
        typer.Option(
            "--soak", metavar="TIME", help="How long the old key is inactive before it is deleted for good."
        ),
    ] = SOAK,
    region: Region = "",
    *,
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Give a user another key: at all places that use it, verified there, and the old one deleted at last.

    The places are those of --to, all of them, or those noted at the last rotation. Each holds a key that
    works at any moment. Interrupted at any point, the same command goes on from there; also while it waits.

    For example:
      seaway identity rotate build
      seaway identity rotate build --to file:/etc/ci/aws-credentials --to secretsmanager:build --soak 1h
    """
    house, waits = _registrar(region), timedelta(seconds=seconds_of(soak, "--soak"))
    if not yes:
        places, noted = house.consumers(name, to or ()), house.identities.get(name).consumers
        lines = [f"another key of seaway-{name} at {each}" for each in places]
        lines += [f"no longer one at {each}" for each in noted if each not in places]
        lines.append(f"the one of before is inactive then, and deleted {soak} later")
        _agree(house, f"the key of {name} is not changed without a word", lines, "Rotate it?")
    with Story() as story:
        done = house.rotate(name, to or (), waits, story)
    answer(output, _document(done), f"the key of {name} is {done.keys[0].id}, at {', '.join(done.consumers)}")
    next_commands(("seaway identity list", "how old keys are"))


@app.command()
def revoke(name: Name, region: Region = "", yes: Yes = False, output: Output = Format.TEXT) -> None:
    """Take an identity away: its keys, its access entries, itself; where there is none, that is well too.

    Example: seaway identity revoke ci --yes
    """
    house = _registrar(region)
    found = house.identities.find(name)
    if found and not yes:
        lines = [f"remove {found.kind} {found.arn}, {found.job}", *(f"delete key {k.id}" for k in found.keys)]
        lines.append("remove its access entries in clusters")
        _agree(house, f"identity {name} is not removed without a word", lines, f"Revoke {name}?")
    with Story() as story:
        gone = house.revoke(name, story)
    done = f"identity {name} can do nothing any more" if gone else f"there is no identity {name}"
    answer(output, {"revoked": name, "found": gone}, done)
    if not gone:
        next_commands(("seaway identity list", "those that are there"))


def _registrar(region: str) -> Registrar:
    from seaway.app.identity import Registrar  # noqa: PLC0415  (boto3)

    return Registrar(region)


def _agree(house: Registrar, refusal: str, lines: list[str], question: str) -> None:
    consent(refusal, f"In AWS account {house.account()}:", lines, question)


def _jobs(seen: Whoami) -> list[str]:
    """Say what somebody may do, one line for each job."""
    if seen.untold:
        return [f"not told: {seen.untold}"]
    lines = []
    for job, lacks in seen.missing.items():
        more = f" and {len(lacks) - _SHOWN} more" if len(lacks) > _SHOWN else ""
        without = f"no {job}: not {', '.join(lacks[:_SHOWN])}{more}"
        lines.append(without if lacks else f"{job}, all of it")
    return lines


def _keys(identity: Identity) -> str:
    """Write the keys of a user with the day each was made."""
    found = [
        f"{key.id} of {key.made:%Y-%m-%d}" + ("" if key.active else ", inactive") for key in identity.keys
    ]
    return "; ".join(found + ["rotation under way"] * identity.rotating) or "-"


def _document(identity: Identity) -> dict[str, Any]:
    """Give an identity as the document that scripts rely on."""
    keys = [{"id": key.id, "active": key.active, "made": key.made.isoformat()} for key in identity.keys]
    return {**vars(identity), "keys": keys, "consumers": list(identity.consumers)}
