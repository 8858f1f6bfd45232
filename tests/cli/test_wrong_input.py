"""What a newcomer may type, and a machine that does not play along: always one clear error, no traceback."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from seaway.cli import TABLE

from .conftest import Run


@pytest.mark.parametrize("noun", [verb.name for verb in TABLE if verb.noun])
def test_a_noun_alone_is_a_call_for_help_that_cuts_no_sentence(seaway: Run, noun: str) -> None:
    done = seaway(noun)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == seaway(noun, "--help").stdout
    assert "..." not in done.stdout.partition("Commands:")[2]


def test_a_folder_in_place_of_the_file_is_told(seaway: Run, tmp_path: Path) -> None:
    done = seaway("check", "--file", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"✗ {tmp_path} is a folder",
        f"  to do: --file {tmp_path}/seaway.yaml",
    ]


def test_a_problem_of_the_whole_file_has_no_line(seaway: Run, tmp_path: Path) -> None:
    (tmp_path / "seaway.yaml").write_text("a: " + "[" * 5000)
    done = seaway("check")
    assert done.returncode == 2
    assert "  seaway.yaml: file: values are nested deeper than" in done.stderr


def test_init_where_there_is_no_folder(seaway: Run, tmp_path: Path) -> None:
    done = seaway("init", "--file", str(tmp_path / "not" / "there" / "seaway.yaml"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"✗ No such file or directory: {tmp_path}/not/there\n")
    assert "fault in Seaway" not in done.stderr


def test_init_leaves_out_folders_that_lead_elsewhere(seaway: Run, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "root").symlink_to("/proc/1/cwd")
    done = seaway("init")
    assert "no Python web application was found" in done.stderr


def test_a_cache_that_cannot_be_written_is_named(seaway: Run, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "requirements.txt").touch()
    (tmp_path / "seaway.yaml").write_text(
        "system: shop\nservices:\n  app: {source: ./app, run: python3 app.py}\n"
    )
    done = seaway("image", "build", XDG_CACHE_HOME="/proc/none")
    assert done.returncode == 1
    assert done.stderr.startswith("✗ No such file or directory: /proc/none\n")


@pytest.mark.parametrize("content", [b"\xab\xff", b"a: [", b"- 1\n"])
def test_a_kubeconfig_that_cannot_be_read_is_left_alone(seaway: Run, tmp_path: Path, content: bytes) -> None:
    config = tmp_path / "config"
    config.write_bytes(content + b"seaway-none")
    done = seaway("cluster", "delete", "--name", "none", "--yes", KUBECONFIG=str(config))
    assert done.returncode == 1
    assert f"  where: {config}\n" in done.stderr
    assert "KUBECONFIG" in done.stderr
    assert config.read_bytes() == content + b"seaway-none"


def test_a_folder_as_kubeconfig_is_told(seaway: Run, tmp_path: Path) -> None:
    done = seaway("cluster", "delete", "--name", "none", "--yes", KUBECONFIG=str(tmp_path))
    assert done.returncode == 1
    assert "the kubeconfig cannot be read" in done.stderr


def test_a_given_engine_that_is_no_archive_is_refused(seaway: Run, tmp_path: Path) -> None:
    engine = tmp_path / "engine.tar.gz"
    engine.write_bytes(b"no archive")
    done = seaway(
        "cluster",
        "engine",
        SEAWAY_ENGINE=str(engine),
        SEAWAY_ENGINE_SHA256=hashlib.sha256(b"no archive").hexdigest(),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
    )
    assert done.returncode == 1
    assert "the pre-built engine is no archive" in done.stderr
    assert not list((tmp_path / "cache").glob("engine/*"))


@pytest.mark.parametrize("name", ["", "A B", "../../etc", "a" * 80])
def test_what_cannot_be_a_name_is_refused_before_anything_is_done(seaway: Run, name: str) -> None:
    done = seaway("cluster", "nodes", "--name", name)
    assert done.returncode == 2
    assert "cannot be a cluster's name" in done.stderr


def test_a_cluster_that_is_not_there_is_told_the_same_way_everywhere(seaway: Run) -> None:
    for verb in ("nodes", "use"):
        done = seaway("cluster", verb, "--name", "none")
        assert done.returncode == 1
        assert done.stderr.startswith("✗ no cluster none on this machine\n")
        assert "to do: seaway cluster create --name none" in done.stderr


AS_SOMEBODY_ELSE = """
import os, pathlib
from seaway.errors import Refused
from seaway.model.event import silent
from seaway.providers.local import home
from seaway.providers.local.clusters import LocalClusters
home.STATE = home.RUN = pathlib.Path()
if os.geteuid() == 0:
    os.setgroups([]), os.setresgid(65534, 65534, 65534), os.setresuid(65534, 65534, 65534)
try:
    LocalClusters().%s
except Refused as error:
    print(error.what)
"""


@pytest.mark.parametrize(
    "verb", ["list()", "find('here')", "get('here')", "use('here')", "delete('here', silent)"]
)
def test_others_than_root_are_told_that_a_cluster_needs_root(tmp_path: Path, verb: str) -> None:
    """A child gives its rights up once all is imported: others may not see the folder of this environment."""
    tmp_path.chmod(0o755)
    state = tmp_path / "clusters" / "here"
    state.mkdir(parents=True)
    (state / "cluster.json").write_text('{"number": 7, "published": {}, "admitted": []}')
    done = subprocess.run(
        [sys.executable, "-c", AS_SOMEBODY_ELSE % verb],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("a local cluster needs root\n", "")
    assert list(tmp_path.iterdir()) == [tmp_path / "clusters"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("identity", "create", "ci", "--job", "boss"), "'--job': 'boss' is not one of 'deployer'"),
        (("plan", "-o", "yaml"), "'--output' / '-o': 'yaml' is not one of 'text'"),
    ],
)
def test_a_word_that_is_none_of_the_choices_is_told_in_our_words(
    seaway: Run, words: tuple[str, ...], said: str
) -> None:
    done = seaway(*words)
    assert done.returncode == 2
    assert f"Invalid value for {said}" in done.stderr
