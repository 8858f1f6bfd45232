"""`seaway cluster`: clusters on this machine or on EKS, with or without a seaway.yaml."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seaway.cli.consent import consent
from seaway.cli.options import Format, Keep, Output, Yes
from seaway.cli.plan import costs
from seaway.cli.story import Story, answer, emit, emit_json, next_commands
from seaway.errors import UsageError
from seaway.model.identity import Job

if TYPE_CHECKING:
    from seaway.model.cluster import ClusterFacts
    from seaway.ports.clusters import Fleet
    from seaway.providers.eks.clusters import EksClusters, Proposal
    from seaway.providers.eks.readiness import Finding


class Where(StrEnum):
    """Where a cluster runs."""

    LOCAL = "local"
    EKS = "eks"


app = typer.Typer(
    help="Kubernetes clusters, on this machine with real nodes or on EKS.\n\n"
    "Example: `seaway cluster create --nodes 2 --size small`, then `kubectl get nodes`.",
)
Name = Annotated[
    str,
    typer.Option("--name", help="Name of the cluster; its context is seaway-NAME, on eks the cluster's ARN."),
]
Nodes = Annotated[int, typer.Option("--nodes", help="How many nodes.")]
Size = Annotated[
    str,
    typer.Option(
        "--size",
        help="small 1 CPU/2 GiB, medium 2/4 (the default), large 4/8: what a node offers to pods; on eks an "
        "instance type, m7i.large by default.",
    ),
]
On = Annotated[Where, typer.Option("--on", help="On this machine, or on EKS with all that it needs there.")]
Region = Annotated[
    str, typer.Option("--region", help="On eks: the AWS region; default: AWS_REGION, or the profile's.")
]
DEFAULT: Final = "seaway"
SIZE: Final = "medium"
#: How the verdict of a check is marked.
_MARKS: Final = {"fine": "✓", "note": "•", "stop": "✗"}


@app.command()
def create(  # noqa: PLR0917  (typer's options)
    name: Name = DEFAULT,
    nodes: Nodes = 1,
    size: Size = "",
    on: On = Where.LOCAL,
    region: Region = "",
    open_to: Annotated[
        list[str] | None,
        typer.Option(
            "--open-to",
            metavar="CIDR",
            help="On eks: a network that reaches the cluster's public address, several times for several; a "
            "new cluster without it is open to all who can sign in.",
        ),
    ] = None,
    access: Annotated[
        list[str] | None,
        typer.Option(
            "--access",
            metavar="WHO=JOB",
            help="On eks: who may do which job inside it besides you, several times for several: a role of "
            "seaway identity by its name, others by ARN; viewers who are not named are shut out.",
        ),
    ] = None,
    vpc: Annotated[
        str,
        typer.Option(
            "--vpc",
            metavar="ID",
            help="On eks: a network that is there already, for a new cluster; it is used as it is.",
        ),
    ] = "",
    keep: Keep = False,
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Make a cluster, or finish or heal the one of that name.

    For example:
      seaway cluster create --name demo --nodes 3 --size small
      seaway cluster create --on eks --region eu-central-1 --name shop --nodes 3 --size m7i.large
      seaway cluster create --on eks --region eu-central-1 --name shop --access watcher=viewer
    """
    networks, jobs = tuple(open_to or ()), _jobs(access) if access else None
    if on is Where.EKS and (vpc or not yes):
        proposal = _eks(region, networks, jobs, vpc).propose(name, nodes, size)
        sys.stderr.write("".join(f"• {note}\n" for note in proposal.notes))
        if not yes:
            _agree(f"cluster {name} is not changed without a word", proposal, "Make it so?")
    of_eks = {"--open-to": open_to, "--access": access, "--vpc": vpc, "--keep": keep}
    for option, given in of_eks.items():
        if on is Where.LOCAL and given:
            raise UsageError(f"{option} is for clusters on EKS", remedy="give --on eks, or leave it out")
    with Story() as story:
        if on is Where.EKS:
            facts = _eks(region, networks, jobs, vpc).create(name, nodes, size, story, keep=keep)
        else:
            facts = _fleet(on, region).create(name, nodes, _size(on, size), story)
    answer(output, _document(facts), f"cluster {name} runs; context {facts.context}")
    next_commands(
        (f"kubectl --context {facts.context} get nodes", "its nodes"),
        (f"seaway cluster delete --name {name}{_place(on, region)}", "its end"),
    )


@app.command("list")
def list_(on: On = Where.LOCAL, region: Region = "", output: Output = Format.TEXT) -> None:
    """Show every cluster of this machine, or those that Seaway made in a region of AWS.

    Example: seaway cluster list -o json
    """
    found = _fleet(on, region).list()
    if output is Format.JSON:
        emit_json([_document(each) for each in found])
        return
    for each in found:
        emit(f"{each.name:<20} {each.state:<8} {len(each.nodes)} nodes  {each.context}")
    if not found:
        sys.stderr.write(f"no clusters {'on this machine' if on is Where.LOCAL else 'of Seaway there'}\n")
        next_commands((f"seaway cluster create{_place(on, region)}", "make one"))


@app.command("nodes")
def nodes_(
    name: Name = DEFAULT, on: On = Where.LOCAL, region: Region = "", output: Output = Format.TEXT
) -> None:
    """Show a cluster's nodes.

    Example: seaway cluster nodes --name demo
    """
    facts = _fleet(on, region).get(name)
    if output is Format.JSON:
        emit_json(_document(facts)["nodes"])
        return
    for node in facts.nodes:
        ready = "ready" if node.ready else "not ready"
        emit(f"{node.name:<28} {node.size:<8} {node.address:<14} {ready:<9} {node.claim}".rstrip())


@app.command()
def scale(  # noqa: PLR0917  (typer's options)
    nodes: Nodes,
    name: Name = DEFAULT,
    size: Size = "",
    on: On = Where.LOCAL,
    region: Region = "",
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Add nodes of a size, or drain and remove some: those of the autoscaler first, then the youngest.

    On eks the size is that of the nodes that are there, and EKS chooses which ones go.

    Example: seaway cluster scale --nodes 3 --size small
    """
    if on is Where.EKS and not yes:
        proposal = _eks(region).propose_nodes(name, nodes, size)
        _agree(f"cluster {name} is not changed without a word", proposal, "Make it so?")
    with Story() as story:
        facts = _fleet(on, region).scale(name, nodes, _size(on, size), story)
    answer(output, _document(facts), f"cluster {name} has {len(facts.nodes)} nodes")
    next_commands((f"seaway cluster nodes --name {name}{_place(on, region)}", "see them"))


@app.command()
def upgrade(  # noqa: PLR0917  (typer's options)
    name: Name = DEFAULT,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="1.XX",
            help="The version of Kubernetes; default: the one that is under way, else the next.",
        ),
    ] = "",
    on: On = Where.LOCAL,
    region: Region = "",
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Take a cluster on EKS one minor version up: control plane, then add-ons, then nodes.

    Before anything changes all checks are made and shown. Interrupted, the same command goes on from there.

    Example: seaway cluster upgrade --on eks --region eu-central-1 --name shop --to 1.36
    """
    if on is Where.LOCAL:
        raise UsageError(
            "a local cluster is not upgraded: its version comes with the engine",
            why="all local clusters run the Kubernetes that this version of Seaway builds",
            remedy="for a cluster on EKS give --on eks",
        )
    from seaway.providers.eks.clusters import Proposal  # noqa: PLC0415  (boto3)
    from seaway.providers.eks.upgrade import look  # noqa: PLC0415

    clusters = _eks(region)
    found = look(clusters, name, to)
    changes = tuple(each.change for each in found.moves)
    sys.stderr.write("".join(f"{line}\n" for each in found.findings for line in _told(each)))
    found.check(name)
    if found.moves and not yes:
        where = Proposal(clusters.account, clusters.cloud.region, clusters.context(name), changes)
        _agree(f"cluster {name} is not changed without a word", where, "Make it so?")
    with Story() as story:
        if found.moves:
            clusters.upgrade(name, found.target, story)
    document = {
        "cluster": name,
        "version": found.target,
        "findings": [{**vars(each), "verdict": each.verdict.value} for each in found.findings],
        "changes": [each.as_json() for each in changes],
    }
    answer(output, document, f"cluster {name} is at {found.target}, with its add-ons and nodes")
    next_commands((f"seaway cluster nodes --name {name}{_place(on, region)}", "its nodes"))


def _told(finding: Finding) -> list[str]:
    """Write what a check found, and what to do about it."""
    first, *more = finding.text.splitlines()
    more += [f"→ {finding.remedy}"] * bool(finding.remedy)
    return [f"{_MARKS[finding.verdict.value]} {first}", *(f"    {line}" for line in more)]


@app.command()
def use(
    name: Name = DEFAULT, on: On = Where.LOCAL, region: Region = "", output: Output = Format.TEXT
) -> None:
    """Make the cluster's context the current one of your kubeconfig.

    Example: seaway cluster use --name demo
    """
    context = _fleet(on, region).use(name)
    answer(output, {"context": context}, f"current context: {context}")
    next_commands(("kubectl get nodes", "its nodes"))


@app.command()
def delete(
    name: Name = DEFAULT,
    on: On = Where.LOCAL,
    region: Region = "",
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Remove a cluster and everything in it, volumes included; where there is none, that is well too.

    On eks that is all that carries the cluster's tags, and nothing else.

    Example: seaway cluster delete --name demo --yes
    """
    if on is Where.EKS and not yes:
        proposal = _eks(region).propose_end(name)
        _agree(f"cluster {name} is not removed without a word", proposal, f"Delete cluster {name}?")
    elif not yes and sys.stdin.isatty():
        typer.confirm(f"Delete cluster {name} with all its data?", abort=True, err=True)
    with Story() as story:
        found = _fleet(on, region).delete(name, story)
    where = "on this machine" if on is Where.LOCAL else "of Seaway there"
    done = f"nothing is left of cluster {name}" if found else f"there is no cluster {name} {where}"
    answer(output, {"deleted": name, "found": found}, done)
    if not found:
        next_commands((f"seaway cluster list{_place(on, region)}", "those that are there"))


@app.command()
def engine(
    pack: Annotated[
        Path | None,
        typer.Option("--pack", metavar="FILE", help="Write it into this archive, for other machines."),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Build the engine, where it is not there yet: what every cluster is made of.

    Example: seaway cluster engine --pack engine.tar.gz
    """
    from seaway.app import machine as house  # noqa: PLC0415

    with Story() as story:
        built = house.build_engine(story, pack)
    answer(output, built, f"the engine is in {built['engine']}")
    if pack:
        checksum = f"SEAWAY_ENGINE={built['archive']} SEAWAY_ENGINE_SHA256={built['sha256']}"
        next_commands((f"{checksum} seaway cluster create", "use it elsewhere"))


@app.command()
def token(
    cluster: Annotated[str, typer.Option("--cluster", help="The EKS cluster that it is for.")],
    region: Region = "",
) -> None:
    """Print who you are to an EKS cluster, for kubectl: what `aws eks get-token` prints, without aws.

    Example: seaway cluster token --cluster shop --region eu-central-1
    """
    # Not through seaway.app: kubectl waits for this before each command.
    from seaway.providers.eks.cloud import Cloud  # noqa: PLC0415
    from seaway.providers.eks.token import credential, token  # noqa: PLC0415

    emit_json(credential(token(Cloud.open(region), cluster), os.environ.get("KUBERNETES_EXEC_INFO", "")))


def _jobs(words: list[str]) -> dict[str, Job]:
    """Read WHO=JOB. Raises UsageError."""
    from seaway.model.fields import principal  # noqa: PLC0415  (pydantic)

    found = {}
    for word in words:
        who, _, job = word.rpartition("=")
        try:
            found[principal(who)] = Job(job)
        except ValueError as error:
            raise UsageError(
                f"--access {word} does not say who may do which job",
                why=str(error),
                remedy=f"such as --access watcher=viewer; the jobs are {', '.join(Job)}",
            ) from error
    return found


def _fleet(on: Where, region: str) -> Fleet:
    if on is Where.EKS:
        return _eks(region)
    if region:
        raise UsageError("--region is for clusters on EKS", remedy="give --on eks, or leave it out")
    from seaway.app import machine as house  # noqa: PLC0415

    return house.clusters()


def _eks(
    region: str, open_to: tuple[str, ...] = (), access: dict[str, Job] | None = None, vpc: str = ""
) -> EksClusters:
    """Reach EKS without seaway.app: no room has a part in it. Raises UsageError for what is no network."""
    from seaway.model.fields import vpc as checked  # noqa: PLC0415  (pydantic)
    from seaway.providers.eks.adopted import Adoption  # noqa: PLC0415  (boto3)
    from seaway.providers.eks.clusters import EksClusters  # noqa: PLC0415

    try:
        adopt = Adoption(checked(vpc) if vpc else "")
    except ValueError as error:
        raise UsageError(f"--vpc {vpc} is no network", why=str(error)) from error
    return EksClusters.open(region, open_to, (), access, adopt=adopt)


def _size(on: Where, size: str) -> str:
    """Choose the size; on EKS that of the nodes that are there is known only there."""
    return size or (SIZE if on is Where.LOCAL else "")


def _place(on: Where, region: str) -> str:
    """Write where it is, as options of a command to type next."""
    return "" if on is Where.LOCAL else f" --on {on.value}" + (f" --region {region}" if region else "")


def _agree(refusal: str, proposal: Proposal, question: str) -> None:
    """Say which account, cluster and context it is about, and what would change there; ask, if anything."""
    lines = [
        f"{each.verb.value} {each.thing}" + (f": {', '.join(each.details)}" if each.details else "")
        for each in proposal.changes
    ]
    if lines:
        lines += [costs(proposal.bill)] if proposal.bill else []
        head = f"In AWS account {proposal.account}, {proposal.region}, context {proposal.context}:"
        consent(refusal, head, lines, question)


def _document(facts: ClusterFacts) -> dict[str, Any]:
    """Give a cluster as the document that scripts rely on."""
    published = {str(here): f"{ip}:{port}" for here, (ip, port) in facts.published.items()}
    return {**vars(facts), "nodes": [dict(vars(node)) for node in facts.nodes], "published": published}
