"""`seaway cluster`: local clusters with real nodes, with or without a seaway.yaml."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seaway.cli.options import Format, Output, Yes
from seaway.cli.story import Story, emit, emit_json, next_commands

if TYPE_CHECKING:
    from seaway.model.cluster import ClusterFacts

app = typer.Typer(
    help="Local Kubernetes clusters with real nodes.\n\n"
    "Example: `seaway cluster create --nodes 2 --size small`, then `kubectl get nodes`.",
)
Name = Annotated[
    str, typer.Option("--name", help="Name of the cluster; its kubeconfig context is seaway-NAME.")
]
Nodes = Annotated[int, typer.Option("--nodes", help="How many nodes.")]
Size = Annotated[
    str, typer.Option("--size", help="small 1 CPU/2 GiB, medium 2/4, large 4/8: what a node offers to pods.")
]
DEFAULT: Final = "seaway"


@app.command()
def create(
    name: Name = DEFAULT, nodes: Nodes = 1, size: Size = "medium", output: Output = Format.TEXT
) -> None:
    """Make a cluster, or finish or heal the one of that name.

    Example: seaway cluster create --name demo --nodes 3 --size small
    """
    from seaway import app as house  # noqa: PLC0415

    with Story() as story:
        facts = house.clusters().create(name, nodes, size, story)
    _answer(output, _document(facts), f"cluster {name} runs; context {facts.context}")
    next_commands(
        (f"kubectl --context {facts.context} get nodes", "its nodes"),
        (f"seaway cluster delete --name {name}", "its end"),
    )


@app.command("list")
def list_(output: Output = Format.TEXT) -> None:
    """Show every local cluster.

    Example: seaway cluster list -o json
    """
    from seaway import app as house  # noqa: PLC0415

    found = house.clusters().list()
    if output is Format.JSON:
        emit_json([_document(each) for each in found])
        return
    for each in found:
        emit(f"{each.name:<20} {each.state:<8} {len(each.nodes)} nodes  {each.context}")
    if not found:
        sys.stderr.write("no clusters on this machine\n")
        next_commands(("seaway cluster create", "make one"))


@app.command("nodes")
def nodes_(name: Name = DEFAULT, output: Output = Format.TEXT) -> None:
    """Show a cluster's nodes.

    Example: seaway cluster nodes --name demo
    """
    from seaway import app as house  # noqa: PLC0415

    facts = house.clusters().get(name)
    if output is Format.JSON:
        emit_json(_document(facts)["nodes"])
        return
    for node in facts.nodes:
        ready = "ready" if node.ready else "not ready"
        emit(f"{node.name:<28} {node.size:<8} {node.address:<14} {ready:<9} {node.claim}".rstrip())


@app.command()
def scale(nodes: Nodes, name: Name = DEFAULT, size: Size = "medium", output: Output = Format.TEXT) -> None:
    """Add nodes of a size, or drain and remove some: those of the autoscaler first, then the youngest.

    Example: seaway cluster scale --nodes 3 --size small
    """
    from seaway import app as house  # noqa: PLC0415

    with Story() as story:
        facts = house.clusters().scale(name, nodes, size, story)
    _answer(output, _document(facts), f"cluster {name} has {len(facts.nodes)} nodes")
    next_commands((f"seaway cluster nodes --name {name}", "see them"))


@app.command()
def use(name: Name = DEFAULT, output: Output = Format.TEXT) -> None:
    """Make the cluster's context the current one of your kubeconfig.

    Example: seaway cluster use --name demo
    """
    from seaway import app as house  # noqa: PLC0415

    context = house.clusters().use(name)
    _answer(output, {"context": context}, f"current context: {context}")
    next_commands(("kubectl get nodes", "its nodes"))


@app.command()
def delete(name: Name = DEFAULT, yes: Yes = False, output: Output = Format.TEXT) -> None:
    """Remove a cluster and everything in it, volumes included; where there is none, that is well too.

    Example: seaway cluster delete --name demo --yes
    """
    from seaway import app as house  # noqa: PLC0415

    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete cluster {name} with all its data?", abort=True, err=True)
    with Story() as story:
        found = house.clusters().delete(name, story)
    done = f"nothing is left of cluster {name}" if found else f"there is no cluster {name} on this machine"
    _answer(output, {"deleted": name, "found": found}, done)
    if not found:
        next_commands(("seaway cluster list", "those that are there"))


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
    from seaway import app as house  # noqa: PLC0415

    with Story() as story:
        built = house.build_engine(story, pack)
    _answer(output, built, f"the engine is in {built['engine']}")
    if pack:
        checksum = f"SEAWAY_ENGINE={built['archive']} SEAWAY_ENGINE_SHA256={built['sha256']}"
        next_commands((f"{checksum} seaway cluster create", "use it elsewhere"))


@app.command()
def token(
    cluster: Annotated[str, typer.Option("--cluster", help="The EKS cluster that it is for.")],
    region: Annotated[
        str, typer.Option("--region", help="Its AWS region; default: AWS_REGION, or the profile's.")
    ] = "",
) -> None:
    """Print who you are to an EKS cluster, for kubectl: what `aws eks get-token` prints, without aws.

    Example: seaway cluster token --cluster shop --region eu-central-1
    """
    # Not through seaway.app: kubectl waits for this before each command.
    from seaway.providers.eks.cloud import Cloud  # noqa: PLC0415
    from seaway.providers.eks.token import credential, token  # noqa: PLC0415

    emit_json(credential(token(Cloud.open(region), cluster), os.environ.get("KUBERNETES_EXEC_INFO", "")))


def _answer(output: Format, document: Any, text: str) -> None:
    if output is Format.JSON:
        emit_json(document)
    else:
        emit(text)


def _document(facts: ClusterFacts) -> dict[str, Any]:
    """Give a cluster as the document that scripts rely on."""
    published = {str(here): f"{ip}:{port}" for here, (ip, port) in facts.published.items()}
    return {**vars(facts), "nodes": [dict(vars(node)) for node in facts.nodes], "published": published}
