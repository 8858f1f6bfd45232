"""`seaway rehearse --on production`: from nothing to crossed traffic and back to nothing, as one command."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import ssl
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from scripts.benchmark.peers import built
from seaway.kit.kube import Kube, Ref
from seaway.model.pools import OF, STANDING
from seaway.providers.local import home
from seaway.providers.local.access import HOST
from seaway.providers.local.ca import LocalCertificates
from seaway.twin.machines import local_name
from tests.cluster.support import belongings
from tests.cluster.tiny_system import IGNORED, PROJECT, SEAWAY

pytestmark = pytest.mark.beside

KUBECTL = Path(__file__).parent / "kubectl"
SYSTEM, CLUSTER, ACCOUNT = "far", "seaway-test-aws", "210987654321"
FILE: dict[str, Any] = {
    "system": SYSTEM,
    "environments": {
        "production": {"on": "eks", "account": ACCOUNT, "region": "eu-central-1", "cluster": CLUSTER,
                       "domain": "far.example.com", "nodes": {"min": 1, "max": 2, "auto": True}},
    },
    "monolith": {"address": "http://old.example.com:9000", "health": "/health"},
    "services": {
        "app": {"source": "./app", "run": "python3 -m tiny", "scale": 1,
                "resources": {"cpu": "20m", "memory": "64Mi"}, "rollout": {"drain": 3, "request": 1},
                "env": {"SIDE": "app", "PORT": "8000"}, "database": "notes"}
    },
    "databases": {"notes": {"engine": "postgres", "cpu": "20m", "memory": "128Mi"}},
    "crossings": {"first": {"routes": ["/first"], "to": "app", "steps": [50, 100]}},
    "edge": {"replicas": 1},
}  # fmt: skip


@pytest.fixture
def far(tmp_path: Path, kubeconfig: Path) -> Path:  # noqa: ARG001
    """The folder of a system whose production nobody can reach from here."""
    (tmp_path / "seaway.yaml").write_text(yaml.safe_dump(FILE, sort_keys=False))
    shutil.copytree(PROJECT, tmp_path / "app", ignore=IGNORED)
    return tmp_path


@contextmanager
def _rehearsing(folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """The command as it runs; it takes down what it made where the test fails in between."""
    argv: list[str | Path] = [SEAWAY, "rehearse", "--on", "production", "-o", "json", *more]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, cwd=folder
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=100)


def _until(process: subprocess.Popen[str], words: str) -> str:
    """Read the story up to these words; gives it."""
    story = ""
    for line in process.stderr or ():
        story += line
        if words in line:
            return story
    raise AssertionError(story)


def _run(story: str, *argv: str | Path, given: str = "") -> str:
    """Run somebody else's program in the environment that the story names; gives what it wrote."""
    exported = next(line for line in story.splitlines() if line.strip().startswith("export "))
    named = dict(word.split("=", 1) for word in shlex.split(exported)[1:])
    env = {**os.environ, **named, "PATH": f"{SEAWAY.parent}:{os.environ['PATH']}"}
    done = subprocess.run(argv, env=env, check=False, capture_output=True, text=True, input=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _aws(story: str, *words: str) -> Any:
    """Ask the account with the real aws command."""
    return json.loads(_run(story, "aws", *words, "--output", "json"))


def _nodes_by_kubectl(story: str, config: Path) -> list[str]:
    """Ask the cluster with the real kubectl, by a kubeconfig and the tokens of the real aws command."""
    kubectl = built(KUBECTL, "seaway.dev/tests/kubectl") / "kubectl"
    _run(story, "aws", "eks", "update-kubeconfig", "--name", CLUSTER, "--kubeconfig", str(config))
    return _run(story, kubectl, "--kubeconfig", config, "get", "nodes", "--output", "name").split()


def _push_by_skopeo(story: str, folder: Path) -> None:
    """Copy an image into a repository of the account, with the password that the aws command is given."""
    (home,) = {each["repositoryName"] for each in _aws(story, "ecr", "describe-repositories")["repositories"]
               if each["repositoryName"].endswith("/app")}  # fmt: skip
    image, trust, login = f"docker://{HOST}/{home}", folder / "trust", ("--authfile", folder / "auth.json")

    def skopeo(verb: str, *words: str | Path, given: str = "") -> str:
        return _run(story, "skopeo", verb, *login, *words, given=given)

    def tags() -> list[str]:
        return sorted(json.loads(skopeo("list-tags", "--cert-dir", trust, image))["Tags"])

    trust.mkdir()
    shutil.copy(LocalCertificates().authority_path(), trust / "ca.crt")
    password = _run(story, "aws", "ecr", "get-login-password")
    skopeo("login", "--cert-dir", trust, "--username", "AWS", "--password-stdin", HOST, given=password)
    found = tags()
    both = ("--src-cert-dir", trust, "--dest-cert-dir", trust)
    skopeo("copy", *both, f"{image}:{found[0]}", f"{image}:theirs")
    assert tags() == sorted({*found, "theirs"})


def _asked(cluster: Any, token: str) -> int:
    """Show a token to the API server of a cluster; gives the status of its answer."""
    trust = ssl.create_default_context(cadata=b64decode(cluster["certificateAuthority"]["data"]).decode())
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.get(f"{cluster['endpoint']}/api/v1/nodes", headers=headers, verify=trust).status_code


def _a_node_comes_for_what_waits() -> None:
    """A pod that has no room in the cluster behind EKS gets a node of its own."""
    place = home.find(local_name(CLUSTER))
    assert place
    container = {"name": "wide", "image": "nothing", "resources": {"requests": {"cpu": "1900m"}}}
    meta = {"name": "wide", "namespace": "default"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}}
    with closing(Kube.from_kubeconfig(str(place.kubeconfig), place.context)) as kube:
        kube.apply(pod)
        ends = time.monotonic() + 30
        while not (name := (kube.get(Ref.of(pod)) or {}).get("spec", {}).get("nodeName")):
            assert time.monotonic() < ends, kube.list("v1", "Event", namespace="default")
            time.sleep(0.1)
        pools = {n["metadata"]["name"]: n["metadata"]["labels"].get(OF) for n in kube.list("v1", "Node")}
        kube.delete(Ref.of(pod), grace=0)
    assert pools.pop(name) == f"{SYSTEM}.here"
    assert [*pools.values()] == [STANDING]


def _nothing_is_left() -> None:
    name = local_name(CLUSTER)
    assert belongings(name) == {key: set() for key in belongings(name)}
    assert not (home.RUN / "rehearsals" / name).exists()
    assert not [path for path in _outputs() if f"rehearsals/{name}/" in path]


def _outputs() -> Iterator[str]:
    """The files to which the programs of this machine write."""
    for each in Path("/proc").glob("[0-9]*/fd/1"):
        with suppress(OSError):  # it has ended by now
            yield str(each.readlink())


def test_production_goes_from_nothing_to_crossed_traffic_and_back(far: Path, kubeconfig: Path) -> None:
    before = kubeconfig.read_text()
    with _rehearsing(far, "--keep") as process:
        story = _until(process, "Ctrl-C takes it all down")
        assert _aws(story, "sts", "get-caller-identity")["Account"] == ACCOUNT
        assert _aws(story, "eks", "list-clusters")["clusters"] == [CLUSTER]
        assert len(_aws(story, "ecr", "describe-repositories")["repositories"]) > 2
        shop = _aws(story, "eks", "describe-cluster", "--name", CLUSTER)["cluster"]
        for cluster, status in ((CLUSTER, 200), ("another", 401)):
            token = _aws(story, "eks", "get-token", "--cluster-name", cluster)["status"]["token"]
            assert _asked(shop, token) == status
        assert _nodes_by_kubectl(story, far / "kubeconfig") == [f"node/seaway-{local_name(CLUSTER)}-1"]
        _push_by_skopeo(story, far)
        _a_node_comes_for_what_waits()
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=100)
    assert process.returncode == 0, story + rest
    found = json.loads(out)
    assert (found["wrong"], found["failed"], found["crossed"]) == ([], 0, ["first"])
    assert found["requests"] > 5 * 40
    states = {part["part"]: part["state"] for part in found["parts"]}
    assert (states["crossings"], states["public name"]) == ("rehearsed in part", "not rehearsed")
    assert f"AWS account {ACCOUNT}, eu-central-1, is played on this machine" in story
    assert "+ create vpc" in story
    assert kubeconfig.read_text() == before
    _nothing_is_left()


def test_an_interrupt_leaves_nothing_behind(far: Path) -> None:
    with _rehearsing(far) as process:
        _until(process, "control plane")
        process.send_signal(signal.SIGINT)
        _, story = process.communicate(timeout=100)
    assert process.returncode == 130, story
    _nothing_is_left()
