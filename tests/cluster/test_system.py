"""A whole system on its own cluster, by the commands that its user types: good days and bad ones."""

from __future__ import annotations

import os
import random
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.kit import cache
from seaway.kit.kube import Ref
from seaway.kit.lock import locked
from seaway.model.event import silent
from seaway.providers.local import cgroups, home
from seaway.providers.local.clusters import LocalClusters
from tests.cluster.first_crossing import route_of
from tests.cluster.power import lose_power_under_load
from tests.cluster.support import belongings, is_ready, until, words
from tests.cluster.tiny_system import DOMAIN, HTTP, HTTPS, MONOLITH, NAME, PATIENCE, Tiny, ended

SEED = 20261124
MOMENTS = 20
#: Seconds within which a move is felt; how soon it is on a machine at rest is measured by scripts/bench.
MOMENT = 2


@pytest.fixture(scope="module")
def system(common: Tiny) -> Tiny:
    """The system, not up yet: whatever there was of it is gone without a trace."""
    common.down()
    common.crossing = {}
    common.write()
    return common


@pytest.fixture
def tiny(system: Tiny) -> Iterator[Tiny]:
    """The system up and whole; its file is the usual one again afterwards."""
    yield system.whole()
    system.write()


def test_a_port_in_use_is_named_before_anything_is_made(system: Tiny) -> None:
    system.start_monolith()
    with socket.create_server(("127.0.0.1", HTTPS)):
        _, story = system.seaway("up", status=1)
    assert f"port {HTTPS} of this machine is in use" in story
    assert belongings(NAME)["files"] == set()


def test_a_monolith_that_does_not_answer_is_named_and_nothing_is_exposed(system: Tiny) -> None:
    system.stop_monolith()
    _, story = system.seaway("up", status=1)
    assert f"http://127.0.0.1:{MONOLITH}" in story
    assert "the monolith does not answer; nothing was exposed" in story
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", HTTPS))
    facts = LocalClusters().find(NAME)
    assert facts is None or facts.published == {}


def test_an_up_from_nothing_that_is_killed_again_and_again_ends_well(system: Tiny) -> None:
    LocalClusters().delete(NAME, silent)
    system.start_monolith()
    chance = random.Random(SEED)
    for seconds in sorted(chance.uniform(0.8, 9) for _ in range(6)):
        _killed(system, seconds)
    system.seaway("up")
    assert system.plan() == []
    assert system.ask("/").headers["x-served-by"] == "monolith"


def test_the_edge_answers_as_it_should(tiny: Tiny) -> None:
    answer = tiny.ask("/anything")
    assert (answer.status, answer.text, answer.headers["x-served-by"]) == (200, "/anything", "monolith")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    with closing(socket.create_connection(("127.0.0.1", HTTP))) as plain:
        plain.sendall(f"GET /a?b HTTP/1.1\r\nHost: {DOMAIN}:{HTTP}\r\nConnection: close\r\n\r\n".encode())
        said = plain.makefile().read().lower()
    assert said.startswith("http/1.1 301")
    assert f"location: https://{DOMAIN}:{HTTPS}/a?b" in said
    assert "PROTOCOL_VERSION" in _refusal(tiny, ssl.TLSVersion.TLSv1_1)
    assert _refusal(tiny, ssl.TLSVersion.TLSv1_2) == ""


def test_a_second_up_changes_nothing(tiny: Tiny) -> None:
    before = _versions(tiny)
    out, _ = tiny.seaway("up")
    assert out.startswith("no changes")
    assert tiny.plan() == []
    assert _versions(tiny) == before


def test_a_plan_tells_changes_by_its_exit_status(tiny: Tiny) -> None:
    tiny.write(hsts=60, resources={"cpu": "21m", "memory": "64Mi"})
    changes = tiny.plan()
    things = {change["thing"] for change in changes}
    assert any("ClientTrafficPolicy" in thing for thing in things), things
    assert any("Deployment" in thing for thing in things), things
    out, _ = tiny.seaway("plan", status=3)
    assert "ClientTrafficPolicy" in out


def test_crossings_move_in_order_and_at_once(tiny: Tiny) -> None:
    _, story = tiny.seaway("cross", "move", "second", "5", status=1)
    assert "first is at 0 %, not at 100 %" in story
    _, story = tiny.seaway("cross", "move", "fist", "5", status=2)
    assert "did you mean" in story
    assert "first" in story
    tiny.seaway("cross", "move", "first", "101", status=2)
    tiny.seaway("cross", "move", "first", "-1", status=2)
    tiny.seaway("cross", "move", "first", "100")
    until(lambda: tiny.side("/first") == "app", "a request at the service", MOMENT)
    assert {tiny.side("/first") for _ in range(20)} == {"app"}
    assert tiny.side("/second") == "monolith"
    tiny.seaway("cross", "back", "first")
    until(lambda: tiny.side("/first") == "monolith", "a request at the monolith", MOMENT)
    assert {tiny.side("/first") for _ in range(20)} == {"monolith"}
    assert tiny.plan() == []


def test_a_running_system_outlives_its_silent_monolith(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "100")
    tiny.stop_monolith()
    with tiny.load("/first"):
        _, story = tiny.seaway("up", status=1)
    assert f"http://127.0.0.1:{MONOLITH}" in story
    tiny.start_monolith()
    tiny.seaway("up")
    assert tiny.side("/") == "monolith"
    tiny.seaway("cross", "back", "first")


def test_a_version_that_never_becomes_ready_leaves_the_old_one_serving(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "100")
    old = tiny.ask("/first").headers["x-version"]
    with tiny.load("/first", "/") as visitors:
        tiny.write(rollout={"drain": 3, "request": 1, "deadline": 10})
        tiny.module.write_text('raise SystemExit("these are its last words")\n')
        _, story = tiny.seaway("up", status=1)
        assert "these are its last words" in story
        assert "app did not become ready" in story
        assert tiny.ask("/first").headers["x-version"] == old
        tiny.version += 1
        tiny.write()
        tiny.seaway("up")
    versions = [a["headers"]["X-Version"][0] for a in visitors.answers if a["url"].endswith("/first")]
    assert set(versions) == {old, str(tiny.version)}
    assert tiny.plan() == []
    tiny.seaway("cross", "back", "first")


def test_an_up_that_is_killed_at_any_moment_can_be_run_again(tiny: Tiny) -> None:
    undisturbed = tiny.desired()
    usual = tiny.version
    chance = random.Random(SEED)
    moments = [5 * (i + chance.random()) / MOMENTS for i in range(MOMENTS)]
    chance.shuffle(moments)
    for i, seconds in enumerate(moments):
        tiny.write(hsts=100 + i, resources={"cpu": f"{20 + i}m", "memory": "64Mi"})
        tiny.release(usual + 1 + i)
        _killed(tiny, seconds)
    tiny.version = usual
    tiny.write()
    tiny.seaway("up")
    assert tiny.plan() == []
    assert tiny.desired() == undisturbed
    assert tiny.side("/") == "monolith"


def test_two_ups_at_once_end_well(tiny: Tiny) -> None:
    tiny.write(hsts=70)
    lock = home.RUN / "locks" / f"up-{NAME}.lock"

    def waits(each: subprocess.Popen[str]) -> bool:
        return lock in {path.resolve() for path in Path(f"/proc/{each.pid}/fd").iterdir()}

    with locked(lock, "nobody", print):
        both = tiny.start("up"), tiny.start("up")
        until(lambda: all(map(waits, both)), "both at the lock")
    stories = [ended(each) for each in both]
    assert sum(out.startswith("no changes") for out, _ in stories) == 1
    assert all("waiting for another seaway up" in story for _, story in stories)
    assert tiny.plan() == []
    assert tiny.ask("/").headers["strict-transport-security"] == "max-age=70"


def test_parts_die_and_traffic_goes_on(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "100")
    with tiny.load("/first", "/"):
        for part, node in (("etcd", 0), ("kube-apiserver", 0), ("coredns", 0), ("containerd", 1),
                           ("kubelet", 1), ("registry", 0)):  # fmt: skip
            _kill(tiny, part, node)
            until(tiny.cluster.kube.ready, f"the API after the death of {part}")
        controller = until(lambda: _controller(tiny), "Envoy Gateway")
        os.kill(controller, signal.SIGKILL)
        until(lambda: _controller(tiny) not in {None, controller}, "Envoy Gateway again")
        tiny.await_gateway()
    assert tiny.plan() == []
    until(lambda: _goes_back(tiny), "a way back that the new controller answers: it waits for the old lease")


def test_data_outlives_pod_cluster_and_node(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "100")
    assert tiny.ask("/first/notes", "kept").status == 200
    kube, pod = tiny.cluster.kube, Ref("v1", "Pod", "notes-db-0", "tiny")
    kube.delete(pod)
    _reads(tiny, "kept")

    cgroups.kill(tiny.cluster.home.cgroup)
    tiny.seaway("up")
    _reads(tiny, "kept")
    assert tiny.ask("/first/notes", "kept too").status == 200

    tiny.seaway("cluster", "scale", "--name", NAME, "--nodes", "2", "--size", "medium")
    lose_power_under_load(tiny)
    first = (kube.get(pod) or {})["spec"]["nodeName"]
    node = Ref("v1", "Node", first)
    kube.patch(node, {"spec": {"unschedulable": True}})
    kube.delete(pod)
    until(lambda: _node_of(tiny, pod) not in {None, first}, "the database on the other node")
    _reads(tiny, "kept\nkept too")
    kube.patch(node, {"spec": {"unschedulable": None}})
    tiny.seaway("cluster", "scale", "--name", NAME, "--nodes", "1", "--size", "medium")
    _reads(tiny, "kept\nkept too")
    tiny.seaway("cross", "back", "first")


def test_a_wrong_file_is_told_with_every_line(system: Tiny, tmp_path: Path) -> None:
    wrong = replace(system, folder=tmp_path)
    wrong.write(hsts=-1, source="./nowhere", scale={"min": 3, "max": 2}, database="note")
    _, story = wrong.seaway("up", status=2)
    lines = wrong.file.read_text().splitlines()
    for key in ("hsts: -1", "source: ./nowhere", "scale:", "database: note"):
        line = next(i for i, text in enumerate(lines, 1) if text.strip().startswith(key))
        assert f"{wrong.file}:{line}:" in story
    assert "did you mean" in story


def test_without_root_it_refuses() -> None:
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    # The checkout may lie where nobody may look; reading is no right that nodes are made with.
    reads = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        open_to_all = Tiny(Path(folder))
        open_to_all.write()
        for argv in (("up",), ("down", "--yes")):
            _, story = ended(open_to_all.start(*argv, through=(*nobody, *reads)), 1)
            assert "needs root" in story
            assert "sudo" in story


def test_a_full_disk_is_named_and_leaves_nothing_broken(tiny: Tiny, small_cache: Path) -> None:
    running = tiny.ask("/first")
    ballast = tiny.module.parent / "ballast"
    ballast.write_bytes(os.urandom(2 << 20))  # new each time: what the registry has is not built again
    env = {"XDG_CACHE_HOME": str(small_cache)}
    _, story = tiny.seaway("up", status=1, env=env)
    assert "the disk is full" in story
    assert str(small_cache) in story
    assert tiny.ask("/first").status == running.status
    layers = small_cache / "seaway" / "layers"
    subprocess.run(["mount", "-o", "remount,size=64m", layers], check=True)
    tiny.seaway("up", env=env)
    assert not list(layers.rglob(".part-*"))
    ballast.unlink()
    tiny.seaway("up")
    assert tiny.plan() == []


@pytest.fixture
def small_cache(tmp_path: Path) -> Iterator[Path]:
    """A cache that knows every layer of the real one and has no room for another."""
    real, seaway = cache.folder(), tmp_path / "seaway"
    layers = seaway / "layers"
    layers.mkdir(parents=True)
    (seaway / "engine").symlink_to(real / "engine")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", layers], check=True)
    try:
        for kind in ("blobs", "trees", "index"):
            (layers / kind).mkdir()
            for path in (real / "layers" / kind).glob("[!.]*"):
                (layers / kind / path.name).symlink_to(path)
        yield tmp_path
    finally:
        subprocess.run(["umount", layers], check=True)


def _killed(tiny: Tiny, seconds: float) -> None:
    """Begin an `up` and kill it after so many seconds; whatever it started ends by itself."""
    process = tiny.start("up")
    time.sleep(seconds)
    process.kill()
    process.communicate()


def _refusal(tiny: Tiny, version: ssl.TLSVersion) -> str:
    """What the edge says to a client that speaks this version of TLS and no other."""
    context = ssl.create_default_context(cafile=str(tiny.certificate))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", HTTPS)) as plain:
        try:
            context.wrap_socket(plain, server_hostname=DOMAIN).close()
        except ssl.SSLError as error:
            return str(error.reason)
    return ""


def _versions(tiny: Tiny) -> dict[Ref, Any]:
    return {ref: item["metadata"]["resourceVersion"] for ref, item in tiny.objects().items()}


def _kill(tiny: Tiny, part: str, node: int) -> None:
    pid = until(lambda: tiny.cluster.pid(part, node), f"{part} to kill")
    os.kill(pid, signal.SIGKILL)
    until(lambda: tiny.cluster.pid(part, node) not in {None, pid}, f"{part} again")


def _controller(tiny: Tiny) -> int | None:
    """The process of Envoy Gateway's controller."""
    found = (pid for pid in cgroups.processes(tiny.cluster.home.cgroup) if "server" in words(pid)[1:2])
    return next((pid for pid in found if Path(words(pid)[0]).name == "envoy-gateway"), None)


def _reads(tiny: Tiny, text: str) -> None:
    """See the notes; where the pilot took `first` back while no pod was ready, it moves over again."""

    def reads() -> bool:
        if not route_of(tiny).weight:
            tiny.start("cross", "move", "first", "100").communicate(timeout=PATIENCE)
        return tiny.ask("/first/notes").text == text

    until(reads, f"the notes: {text!r}")


def _node_of(tiny: Tiny, pod: Ref) -> str | None:
    found = tiny.cluster.kube.get(pod)
    return found["spec"].get("nodeName") if found and is_ready(found) else None


def _goes_back(tiny: Tiny) -> bool:
    process = tiny.start("cross", "back", "first")
    process.communicate(timeout=PATIENCE)
    return process.returncode == 0
