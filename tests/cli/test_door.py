from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.cli import TABLE, root

from .conftest import SEAWAY, Run

HEAVY = (
    "boto3",
    "sigstore",
    "pydantic",
    "lightkube",
    "httpx2",
    "yaml",
    "rich",
    "cryptography",
    "seaway.app",
    "seaway.flow",
)


def test_help_lists_every_word_and_ends_well(seaway: Run) -> None:
    done = seaway("--help")
    assert done.returncode == 0
    assert all(f"  {verb.name} " in done.stdout for verb in TABLE)


def test_no_word_at_all_is_a_call_for_help(seaway: Run) -> None:
    assert seaway().stdout == seaway("--help").stdout


def test_help_costs_little(seaway: Run) -> None:
    """Of the processor and with a wide margin; scripts/bench measures the 250 ms by the clock."""

    def used() -> float:
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return spent.ru_utime + spent.ru_stime

    def took() -> float:
        before = used()
        seaway("--help")
        return used() - before

    assert min(took() for _ in range(3)) <= 1.0


def test_help_imports_nothing_that_it_does_not_show() -> None:
    code = (
        f"import sys; from seaway.cli import root; root(); print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_whoever_sees_that_nothing_changed_loads_no_more_than_that() -> None:
    """`seaway image push` reads the file and asks a registry: what speaks to clusters would cost a tenth."""
    needless = {"cryptography.x509", "seaway.kit.kube", "seaway.model.snapshot", "seaway.steps.objects"}
    code = (
        "import sys, seaway.app.registry, seaway.flow.images, seaway.flow.load; "
        f"print(sorted({needless!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_crossing_at_home_loads_neither_a_cloud_nor_a_zone_nor_what_builds(tmp_path: Path) -> None:
    """`seaway cross move` is typed again and again, also on a machine that is busy."""
    needless = {"boto3", "cyclonedx", "dns", "sigstore", "seaway.app.away", "seaway.app.zone"}
    file = tmp_path / "seaway.yaml"
    file.write_text("{system: tiny, environments: {home: {on: local, domain: tiny.localhost}}}")
    code = (
        "import sys, seaway.app.crossings\n"
        "from pathlib import Path\n"
        "from seaway.cli.consent import agree\n"
        "from seaway.flow.load import load\n"
        f"agree(load(Path({str(file)!r})), '', [], yes=False)\n"
        f"print(sorted({needless!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_that_of_the_package(seaway: Run) -> None:
    assert seaway("--version").stdout == "seaway 0.1.0\n"


def commands() -> Iterator[tuple[str, str]]:
    """Every command, nouns left out, with what its --help says below the usage."""
    top = root()
    with top.make_context("seaway", []) as ctx:
        for verb in TABLE:
            command = top.get_command(ctx, verb.name)
            below = {f"{verb.name} {name}": leaf for name, leaf in getattr(command, "commands", {}).items()}
            for name, leaf in (below or {verb.name: command}).items():
                yield name, leaf.get_help(leaf.make_context(f"seaway {name}", [], resilient_parsing=True))


@pytest.mark.parametrize(("name", "text"), list(commands()))
def test_every_command_has_help_with_an_example(name: str, text: str) -> None:
    assert f"seaway {name}" in text.partition("\n\n")[2]


def test_an_unknown_word_is_answered_with_the_one_that_was_meant(seaway: Run) -> None:
    done = seaway("chekc")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean: seaway check" in done.stderr


@pytest.mark.parametrize(
    "words", [["check", "--bogus"], ["check", "surplus"], ["check", "-o", "xml"], ["--bogus"]]
)
def test_what_cannot_be_parsed_is_a_usage_error(seaway: Run, words: list[str]) -> None:
    done = seaway(*words)
    assert done.returncode == 2
    assert "--help" in done.stderr
    assert "Traceback" not in done.stderr


def test_with_json_an_error_is_the_one_document(seaway: Run) -> None:
    done = seaway("check", "-o", "json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert (error["kind"], error["exit_status"]) == ("UsageError", 2)
    assert "seaway init" in error["remedy"]


def test_an_interrupt_is_told_in_one_statement(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (tmp_path / "seaway.yaml").write_text(f"system: shop\nmonolith: http://127.0.0.1:{port}\n")
        running = subprocess.Popen(
            [SEAWAY, "check"], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        silent.settimeout(30)
        connection, _ = silent.accept()
        connection.recv(1)  # it has asked, and waits
        running.send_signal(signal.SIGINT)
        told = running.communicate(timeout=30)[1]
        connection.close()
    assert running.returncode == 130
    assert told.splitlines() == ["✗ interrupted; what is done so far is sound, go on with: seaway check"]


def test_a_reader_that_leaves_is_no_fault(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [SEAWAY, "--help"], cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
