from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from .conftest import SEAWAY, Run

WRONG = "system: shop\nservices:\n  web: {source: ., run: serve, prot: 1}\n"
FLASK = "from flask import Flask\napp = Flask(__name__)\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text("flask\ngunicorn\n")
    (tmp_path / "shop.py").write_text(FLASK)
    return tmp_path


def test_a_wrong_file_is_status_two_with_file_and_line(seaway: Run, tmp_path: Path) -> None:
    (tmp_path / "seaway.yaml").write_text(WRONG)
    done = seaway("check")
    assert done.returncode == 2
    assert "seaway.yaml:3: services.web.prot: unknown key 'prot'\n      → did you mean port?" in done.stderr


def test_a_wrong_file_is_one_document_with_json(seaway: Run, tmp_path: Path) -> None:
    (tmp_path / "seaway.yaml").write_text(WRONG)
    done = seaway("check", "-o", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (2, False)
    assert document["problems"][0]["line"] == 3
    assert document["findings"]


def test_a_monolith_that_does_not_answer_fails_the_check(seaway: Run, tmp_path: Path) -> None:
    (tmp_path / "seaway.yaml").write_text("system: shop\nmonolith: http://127.0.0.1:1\n")
    done = seaway("check", "-o", "json")
    findings = {f["what"]: f for f in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert findings["http://127.0.0.1:1 answers"]["level"] == "fail"


def test_a_missing_program_is_named_with_its_package(seaway: Run, tmp_path: Path) -> None:
    (tmp_path / "seaway.yaml").write_text("system: shop\n")
    done = seaway("check", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "✗ program nft: it is not on the PATH\n    → apt-get install nftables" in done.stdout


def test_an_environment_elsewhere_is_asked_for_what_it_needs(seaway: Run, tmp_path: Path) -> None:
    (tmp_path / "seaway.yaml").write_text(
        "system: shop\nenvironments:\n  a: local\n"
        "  b: {on: kubeconfig, context: c, registry: r.example.com, domain: x.example.com}\n"
    )
    done = seaway("check", "--on", "b")
    assert done.returncode == 1
    assert "✗ certificate for x.example.com: the environment names none" in done.stdout


def test_init_writes_a_file_that_check_accepts(seaway: Run, repository: Path) -> None:
    done = seaway("init")
    assert (done.returncode, done.stdout) == (0, "wrote seaway.yaml\n")
    assert "seaway check" in done.stderr
    assert json.loads(seaway("check", "-o", "json").stdout)["problems"] == []
    assert (repository / "seaway.yaml").read_text().startswith("# What this system is")


def test_init_never_overwrites(seaway: Run, repository: Path) -> None:
    (repository / "seaway.yaml").write_text("mine")
    done = seaway("init", "-o", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["kind"] == "Refused"
    assert (repository / "seaway.yaml").read_text() == "mine"


def test_a_dry_run_prints_the_file_and_writes_nothing(seaway: Run, repository: Path) -> None:
    done = seaway("init", "--dry-run")
    assert "services:" in done.stdout
    assert not (repository / "seaway.yaml").exists()


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_that_want_it(tmp_path: Path, env: dict[str, str], coloured: bool) -> None:
    ours, theirs = pty.openpty()
    subprocess.run(
        [SEAWAY, "check"], cwd=tmp_path, stderr=theirs, stdout=theirs, check=False,
        env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **env},
    )  # fmt: skip
    os.close(theirs)
    told = os.read(ours, 65536).decode()
    os.close(ours)
    assert "there is no seaway.yaml" in told
    assert ("\x1b[" in told) is coloured


def test_without_a_terminal_there_is_no_colour(seaway: Run) -> None:
    done = seaway("check", TERM="xterm")
    assert "\x1b[" not in done.stderr
