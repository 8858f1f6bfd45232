"""A small system of this suite's own: its file, its old server, its command line, its visitors."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, Self

import yaml

from seaway.kit.kube import Manifest, Ref
from seaway.model.event import silent
from seaway.model.manifests import DESIRED, SYSTEM_NAMESPACE
from seaway.providers.local import cgroups, engine
from seaway.providers.local.ca import LocalCertificates
from seaway.providers.local.clusters import LocalClusters
from tests.cluster.support import Cluster, belongings, http, is_ready, unanswered, until, words

NAME = "seaway-test-system"
SYSTEM = "tiny"
PILOT = Ref("apps/v1", "Deployment", "pilot", SYSTEM)
PROXIES = f"gateway.envoyproxy.io/owning-gateway-namespace={SYSTEM}"
DOMAIN = "tiny.localhost"
HTTP, HTTPS, MONOLITH = 8880, 8843, 8890
SEAWAY = Path(sys.executable).with_name("seaway")
PROJECT = Path(__file__).parent / "tiny"
IGNORED = shutil.ignore_patterns("__pycache__")
PATIENCE = 150
OK = range(200, 400)
BEGINNING, END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
#: Every kind that `up` writes, by API.
KINDS = {
    "v1": ("Namespace", "Service", "ServiceAccount", "PersistentVolumeClaim", "Secret", "ConfigMap"),
    "apps/v1": ("Deployment", "StatefulSet"),
    "policy/v1": ("PodDisruptionBudget",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "discovery.k8s.io/v1": ("EndpointSlice",),
    "gateway.networking.k8s.io/v1": ("GatewayClass", "Gateway", "HTTPRoute"),
    "gateway.envoyproxy.io/v1alpha1": (
        *("EnvoyProxy", "ClientTrafficPolicy", "BackendTrafficPolicy", "SecurityPolicy"),
    ),
    "apiextensions.k8s.io/v1": ("CustomResourceDefinition",),
    "admissionregistration.k8s.io/v1": (
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ),
    "rbac.authorization.k8s.io/v1": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
}
DOCUMENT: dict[str, Any] = {
    "system": SYSTEM,
    "environments": {
        "test": {
            "on": "local",
            "cluster": NAME,
            "domain": DOMAIN,
            "nodes": {"min": 1, "max": 2, "size": "medium"},
            "ports": {"http": HTTP, "https": HTTPS},
        }
    },
    "images": {"platforms": ["amd64", "arm64"]},  # a node takes its own out of the index
    "monolith": {"address": f"http://127.0.0.1:{MONOLITH}", "health": "/health"},
    "services": {
        "app": {
            "source": "./app",
            "run": "python3 -m tiny",
            "scale": 1,
            "resources": {"cpu": "20m", "memory": "64Mi"},
            "rollout": {"drain": 3, "request": 1},
            "env": {"SIDE": "app", "PORT": "8000"},
            "database": "notes",
        }
    },
    "databases": {"notes": {"engine": "postgres", "cpu": "20m", "memory": "128Mi"}},
    "crossings": {
        "first": {"routes": ["/first"], "to": "app"},
        "second": {"routes": ["/second"], "to": "app", "after": ["first"]},
    },
}


@dataclass
class Tiny:
    """The system in `folder`; its cluster is made by the first `up`.

    `crossing` are keys that every crossing of the file has; `newest` is the highest version of the code yet.
    """

    folder: Path
    monolith: subprocess.Popen[bytes] | None = None
    version: int = 1
    newest: int = 1
    crossing: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "seaway.yaml"

    @property
    def module(self) -> Path:
        return self.folder / "app" / "tiny" / "__main__.py"

    @cached_property
    def cluster(self) -> Cluster:
        return Cluster(NAME, LocalClusters())

    @property
    def certificate(self) -> Path:
        return Path(LocalCertificates().authority_path())

    def write(self, *, hsts: int = 31536000, edge: dict[str, Any] | None = None, **service: Any) -> None:
        """Write the file and the project anew; `edge` and `service` are keys of those that differ."""
        document = json.loads(json.dumps(DOCUMENT))
        document["services"]["app"] |= service
        for crossing in document["crossings"].values():
            crossing.update(self.crossing)
        document["edge"] = {"hsts": hsts, **(edge or {})}
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))
        shutil.copytree(PROJECT, self.folder / "app", dirs_exist_ok=True, ignore=IGNORED)
        self.release(self.version)

    def say(self, **parts: Any) -> None:
        """Write parts of the environment into the file, beside what it says."""
        document = yaml.safe_load(self.file.read_text())
        environment = document["environments"]["test"]
        for part, said in parts.items():
            environment[part] = {**environment.get(part, {}), **said} if isinstance(said, dict) else said
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))

    def release(self, version: int) -> None:
        """Write this version of the code; answers tell it in X-Version. One below 0 fails."""
        self.version, self.newest = version, max(self.newest, version)
        (self.module.parent / "release.py").write_text(f'RELEASE = "{version}"\n')

    def release_anew(self) -> str:
        """Write a version that was never there before; gives it as answers tell it."""
        self.release(self.newest + 1)
        return str(self.version)

    def start(
        self, *words: str, env: dict[str, str] | None = None, through: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Begin a command; `through` are the words of a program that runs it."""
        argv = [*through, SEAWAY, *words, *(() if words[0] == "cluster" else ("--file", self.file))]
        pipe, given = subprocess.PIPE, {**os.environ, **(env or {})}
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=given
        )

    def seaway(self, *words: str, status: int = 0, env: dict[str, str] | None = None) -> tuple[str, str]:
        """Run a command; gives what it wrote to stdout and to stderr. It must end with `status`."""
        return ended(self.start(*words, env=env), status)

    def plan(self) -> list[dict[str, Any]]:
        """What would change, by the command's own JSON."""
        process = self.start("plan", "-o", "json")
        out, story = process.communicate(timeout=PATIENCE)
        assert process.returncode in {0, 3}, story
        changes: list[dict[str, Any]] = json.loads(out)["changes"]
        assert process.returncode == (3 if changes else 0)
        return changes

    def start_monolith(self) -> None:
        if self.monolith is None:
            env = {**os.environ, "SIDE": "monolith", "PORT": str(MONOLITH), "PYTHONPATH": str(PROJECT)}
            env["PYTHONDONTWRITEBYTECODE"] = "1"
            self.monolith = subprocess.Popen([sys.executable, "-m", "tiny"], env=env)
            until(lambda: http("GET", "127.0.0.1", "/health", port=MONOLITH)[0] == 200, "the monolith")

    def stop_monolith(self) -> None:
        if self.monolith is not None:
            self.monolith.kill()
            self.monolith.wait()
            self.monolith = None

    def whole(self) -> Self:
        """See that everything runs as the file says, whatever the test before did."""
        self.start_monolith()
        if self.plan():
            self.seaway("up")
        return self

    def become(self, crossing: dict[str, Any], **service: Any) -> Self:
        """Bring it, whatever it was before, to a file with these keys, all its traffic at the monolith."""
        self.crossing = crossing
        self.write(**service)
        self.whole()
        self.seaway("cross", "back", "--all")
        return self

    def down(self) -> None:
        """Take it down by the command, and see that nothing of it is left on this machine."""
        if found := vars(self).pop("cluster", None):
            found.kube.close()
        self.seaway("down", "--yes")
        assert belongings(NAME) == {key: set() for key in belongings(NAME)}

    def pilots(self) -> list[int]:
        """The processes of the pilots, as this machine sees them."""
        found = cgroups.processes(self.cluster.home.cgroup)
        return [pid for pid in found if words(pid)[1:3] == ["-m", "seaway.pilot"]]

    @contextmanager
    def without_pilots(self) -> Iterator[None]:
        """No pilot runs for so long; afterwards both are ready again."""
        kube = self.cluster.kube

        def ready() -> bool:
            return bool((kube.get(PILOT) or {"status": {}})["status"].get("readyReplicas") == 2)

        kube.patch(PILOT, {"spec": {"replicas": 0}})
        until(lambda: not self.pilots(), "the end of both pilots")
        try:
            yield
        finally:
            kube.patch(PILOT, {"spec": {"replicas": 2}})
            until(ready, "both pilots")

    def lose_proxy(self) -> None:
        """Delete a pod of the gateway; another takes its place."""
        kube = self.cluster.kube
        proxies = kube.list("v1", "Pod", namespace=SYSTEM_NAMESPACE, labels=PROXIES)
        assert len(proxies) == 2
        kube.delete(Ref.of(proxies[0]))

    def await_gateway(self) -> None:
        def ready() -> bool:
            pods = self.cluster.kube.list("v1", "Pod", namespace=SYSTEM_NAMESPACE)
            return len(pods) == 3 and all(is_ready(pod) for pod in pods)

        until(ready, "Envoy Gateway and its two proxies")

    def objects(self) -> dict[Ref, Manifest]:
        """Everything in the cluster that carries our label."""
        kube = self.cluster.kube
        return {
            Ref.of(item): item
            for api, kinds in KINDS.items()
            for kind in kinds
            for item in kube.list(api, kind, labels="app.kubernetes.io/managed-by=seaway")
        }

    def desired(self) -> dict[Ref, str]:
        """What `up` wrote, as far as it follows from the file."""
        return {ref: item["metadata"]["annotations"][DESIRED] for ref, item in self.objects().items()
                if DESIRED in item["metadata"].get("annotations", {})}  # fmt: skip

    def connect(self, name: str = DOMAIN) -> Visit:
        context = ssl.create_default_context(cafile=str(self.certificate))
        return Visit(name, HTTPS, context=context, timeout=10)

    def ask(self, path: str, body: str = "", **headers: str) -> Answer:
        """One request through the gateway, over a connection of its own; in `headers` _ stands for -."""
        with closing(self.connect()) as visit:
            return visit.ask(path, body, **headers)

    def side(self, path: str) -> str:
        return self.ask(path).headers.get("x-served-by", "")

    @contextmanager
    def load(self, *paths: str, may_fail: bool = False) -> Iterator[Load]:
        """A constant load on these paths for as long as the context lasts: not one request may fail.

        Where they may, what was answered is the test's own to judge, afterwards.
        """
        with tempfile.TemporaryDirectory() as folder:
            load = Load(Path(folder), [f"https://{DOMAIN}:{HTTPS}{path}" for path in paths], self.certificate)
            try:
                until(load.begun, "the first answer")
                yield load
            finally:
                load.stop()
            assert load.answers
            failed = [
                (a["timestamp"], a["code"], a["error"], b64decode(a["body"] or "")) for a in load.failed()
            ]
            assert may_fail or not failed, f"{len(failed)} of {len(load.answers)} failed: {failed[:10]}"


class Visit(HTTPSConnection):
    """A connection to the gateway: names below .localhost are this machine, resolver or not."""

    def connect(self) -> None:
        try:
            plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: nobody took the connection up\n{unanswered()}") from error
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)  # type: ignore[attr-defined]

    def ask(self, path: str, body: str = "", **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.request("POST" if body else "GET", path, body or None, given)
        answer = self.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, answer.read().decode())


@dataclass(frozen=True)
class Answer:
    """One answer; `headers` by their names in lower case."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Load:
    """vegeta at 40 requests a second, five minutes at most; the answers are known once it has stopped."""

    folder: Path
    urls: Sequence[str]
    certificate: Path
    answers: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._vegeta = str(engine.expected().program("vegeta"))
        (self.folder / "targets").write_text("".join(f"GET {url}\n" for url in self.urls))
        self._attack = subprocess.Popen(
            [
                *(self._vegeta, "attack", "-rate=40/s", "-duration=300s", "-timeout=10s", "-http2=false"),
                *("-redirects=-1", "-max-body=200", f"-root-certs={self.certificate}"),
                f"-connect-to={DOMAIN}:{HTTPS}:127.0.0.1:{HTTPS}",
                *(f"-targets={self.folder}/targets", f"-output={self.folder}/answers"),
            ]
        )

    def begun(self) -> bool:
        """Whether anything was answered yet; what ends before that has nothing to read."""
        answers = self.folder / "answers"
        return answers.is_file() and answers.stat().st_size > 0

    def stop(self) -> None:
        self._attack.send_signal(signal.SIGINT)
        self._attack.wait(30)
        argv = [self._vegeta, "encode", "-to=json", str(self.folder / "answers")]
        told = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        self.answers = [json.loads(line) for line in told.splitlines()]

    def failed(self, *, after: datetime = BEGINNING, before: datetime = END) -> list[dict[str, Any]]:
        """Answers that are no good, to requests that were sent between these moments."""
        bad = (a for a in self.answers if a["code"] not in OK)
        return [a for a in bad if after < datetime.fromisoformat(a["timestamp"]) < before]


def ended(process: subprocess.Popen[str], status: int = 0) -> tuple[str, str]:
    try:
        out, story = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, story = process.communicate()
    assert process.returncode == status, f"{process.args!r}: {process.returncode}\n{out}\n{story}"
    return out, story


@contextmanager
def begun(folder: Path) -> Iterator[Tiny]:
    """A system where nothing was before, not up yet; it goes down at the end, and nothing of it is left."""
    tiny = Tiny(folder)
    tiny.write()
    LocalClusters().delete(NAME, silent)
    try:
        yield tiny
        tiny.down()
    finally:
        tiny.stop_monolith()
        LocalClusters().delete(NAME, silent)
