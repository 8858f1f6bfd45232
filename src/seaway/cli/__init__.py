"""The command line: a table of verbs and nouns, each loaded only when it is typed.

Importing this package brings in neither pydantic nor lightkube nor rich, so `seaway --help` stays quick.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from seaway.cli.ending import ended
from seaway.errors import UsageError

__all__ = ["TABLE", "Verb", "main", "root"]


@dataclass(frozen=True)
class Verb:
    """One word after `seaway`. Its module offers `command` (a function), or `app` where it is a noun."""

    name: str
    about: str
    noun: bool = False

    @property
    def module(self) -> str:
        return f"seaway.cli.{self.name}"


TABLE: Final = (
    Verb("init", "look at this repository and write a seaway.yaml that works"),
    Verb("check", "validate the file and what it needs on this machine; nothing is changed"),
    Verb("plan", "what would change, step by step"),
    Verb("up", "bring the environment to what the file says"),
    Verb("rehearse", "production on AWS, all of it on this machine: from nothing and back to nothing"),
    Verb("status", "one screen: nodes, services, images, routes and weights, what is wrong"),
    Verb("down", "remove all that Seaway made there, and nothing else"),
    Verb("cross", "move routes from the monolith to a service, and back", noun=True),
    Verb("rollout", "releases of the services: how they stand, what ran before, and back to it", noun=True),
    Verb("scale", "load, replicas and nodes: how they stand, and what waits", noun=True),
    Verb("cluster", "local Kubernetes clusters with real nodes", noun=True),
    Verb("identity", "who may do what in an account of AWS, and their keys", noun=True),
    Verb("image", "build images without Docker, push and list them", noun=True),
    Verb("edge", "the gateway and its certificates", noun=True),
    Verb("domain", "public names: where they lead, to the gateway with them, and back", noun=True),
)

ABOUT: Final = """Take a Python web system from its monolith to microservices on Kubernetes.

Start with `seaway init` in your repository, then `seaway check` and `seaway up`.

Exit status: 0 done, 1 failed, 2 usage (a wrong file too), 3 there are changes (plan, check --drift).
"""


class _Verbs(TyperGroup):
    """The top level: knows its words from TABLE and imports only the one that was typed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return [verb.name for verb in TABLE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        verb = next((v for v in TABLE if v.name == cmd_name), None)
        if verb:
            return _load(verb)
        near = get_close_matches(cmd_name, [v.name for v in TABLE], n=1)
        remedy = f"did you mean: seaway {near[0]}" if near else "seaway --help"
        raise UsageError(f"no such command: {cmd_name}", remedy=remedy)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(verb.name, verb.about) for verb in TABLE])


def root() -> TyperGroup:
    """Build the whole command tree; its leaves load themselves when they are asked for."""
    app = typer.Typer(cls=_Verbs, help=ABOUT, add_completion=False)

    @app.callback(invoke_without_command=True)
    def seaway(
        ctx: typer.Context,
        version: bool = typer.Option(False, "--version", help="Print the version and end."),
    ) -> None:
        if version:
            from importlib.metadata import version as installed  # noqa: PLC0415  (8 ms that --help need not pay)

            sys.stdout.write(f"seaway {installed('seaway')}\n")
        elif ctx.invoked_subcommand is None:
            sys.stdout.write(ctx.get_help() + "\n")

    group: TyperGroup = _plain(get_group(app))
    return group


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command line and leave with its exit status."""
    if argv is None:
        _hurry()
    words = list(sys.argv[1:] if argv is None else argv)
    if len(words) == 1 and any(verb.noun for verb in TABLE if verb.name == words[0]):
        words.append("--help")  # a noun alone is a call for help, as no word at all is

    def work() -> None:
        with root().make_context("seaway", words) as ctx:
            ctx.command.invoke(ctx)

    raise SystemExit(ended(words, work))


def _hurry() -> None:
    """Spare a short command a tenth of its time, before pydantic is loaded.

    What loading makes stays to the end, so that collecting it finds nothing (gc.set_threshold); and nothing
    here plugs into pydantic, which would read the metadata of all that is installed for that.
    """
    gc.set_threshold(100_000)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _load(verb: Verb) -> Any:
    module = import_module(verb.module)
    if verb.noun:
        command: Any = get_group(module.app)
        command.help = command.help or verb.about
    else:
        single = typer.Typer(add_completion=False)
        single.command(verb.name)(module.command)
        command = get_command(single)
    command.name = verb.name
    return _plain(command)


def _plain(command: Any) -> Any:
    """Print help without rich, leave examples as they were written, list commands by a whole sentence."""
    command.rich_markup_mode = None
    paragraphs = (command.help or "").split("\n\n")
    command.short_help = " ".join(paragraphs[0].split())
    command.help = "\n\n".join(f"\b\n{p}" if "\n  " in p else p for p in paragraphs)
    for child in getattr(command, "commands", {}).values():
        _plain(child)
    return command
