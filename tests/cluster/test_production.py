"""`on: eks`, with a real Kubernetes behind EKS: what is beyond the API of the cluster is played."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.flow.status import HELD
from seaway.kit.kube import Kube, Ref
from seaway.kit.kubeconfig import entries
from seaway.model.event import silent
from seaway.model.gateway import EDGE, GATEWAY_API, OWNER
from seaway.model.identity import Job, Kind, Wish
from seaway.model.manifests import SYSTEM_NAMESPACE
from seaway.providers.eks.cloud import REHEARSAL, Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.identities import Identities
from seaway.providers.eks.token import token
from seaway.providers.local import certificate, engine, record
from seaway.providers.local.access import HOST
from seaway.providers.local.home import Home
from seaway.providers.local.loads import Gateway, LocalLoads
from seaway.rooms.edge.facts import address_of
from seaway.twin.authenticator import Authenticator, Door, answering, bindings
from seaway.twin.eks import ACCOUNT
from seaway.twin.emulator import emulating
from seaway.twin.inventory import Aws, inventory
from seaway.twin.visitors import Visitors
from seaway.twin.wire import serving
from tests.cluster.support import until
from tests.cluster.tiny_system import MONOLITH, NAME, PROJECT, SEAWAY, Tiny
from tests.providers.eks.gate import ROOT, Gate, guarded
from tests.providers.eks.signing import signed, wrapped
from tests.providers.eks.test_clusters import NOTHING
from tests.providers.eks.test_policies import minted

SYSTEM, DOMAIN, REGION = "afar", "afar.example.com", "eu-central-1"
LOOKS = ("Describe", "List", "Get", "BatchGet", "Simulate")
COUNTED = Ref("apiregistration.k8s.io/v1", "APIService", "v1beta2.custom.metrics.k8s.io")
COUNTER = Ref("apps/v1", "Deployment", "gateway-metrics", SYSTEM_NAMESPACE)
#: What `up` brings back where both are gone, and waits for.
COUNTING = {str(COUNTED), str(COUNTER), "count of requests"}
MANAGED = "app.kubernetes.io/managed-by"
#: By these tokens differ: a cluster takes the very same one for ten seconds more without asking again.
LIVES = itertools.count(1)


@dataclass
class Heard:
    """Machines on which the cluster runs already, whatever EKS says; hears what would change it.

    `http` reaches it as nobody.
    """

    http: Any
    writes: list[str] = field(default_factory=list)

    def create(self, cluster: str) -> None: ...

    def automate(self, cluster: str) -> None: ...

    def hold(self, cluster: str, nodes: int) -> None: ...

    def remove(self, cluster: str) -> None: ...

    def reach(self, cluster: str) -> Any:  # noqa: ARG002  (there is one)
        return self

    def request(self, method: str, path: str, **more: Any) -> Any:
        if method != "GET":
            self.writes.append(f"{method} {path}")
        return self.http.request(method, path, **more)


@dataclass
class Afar:
    """The system's file in `folder`, the account that it runs in, what changes something there, who may."""

    folder: Path
    aws: Aws
    gate: Gate
    heard: Heard
    authenticator: Authenticator

    def seaway(self, *words: str, status: int = 0) -> dict[str, Any]:
        argv: list[str | Path] = [SEAWAY, *words, "-o", "json"]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=self.folder
        )
        assert done.returncode == status, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def asked(self, token: str, path: str = "/api/v1/nodes", method: str = "GET") -> int:
        """Show a token to the API server itself; gives the status of its answer."""
        headers = {"Authorization": f"Bearer {token}"}
        return int(self.heard.http.request(method, path, headers=headers).status_code)

    def refused(self, token: str) -> str:
        """Show a token that is not taken; gives why."""
        self.authenticator.refused.clear()
        assert self.asked(token) == 401
        return self.authenticator.refused[0]

    def changed_by(self, work: Callable[[], Any]) -> list[str]:
        """Do the work; gives the calls of AWS and Kubernetes by which it changed something."""
        self.gate.calls.clear()
        self.heard.writes.clear()
        work()
        calls = [name for name in self.gate.calls if not name.partition(":")[2].startswith(LOOKS)]
        return [*calls, *self.heard.writes]


def _document(nodes: int, home: Home) -> dict[str, Any]:
    """A system that runs on EKS, and beside it the same on any cluster: the same one, behind its context.

    Its old server is the one of the common system.
    """
    given = {"domain": DOMAIN, "registry": HOST, "certificate": {"chain": "chain.pem", "key": "key.pem"}}
    return {
        "system": SYSTEM,
        "environments": {
            "production": {"on": "eks", "account": ACCOUNT, "region": REGION, "cluster": "shop",
                           "nodes": {"min": nodes, "max": nodes, "size": "m7i.large"}, **given},
            "theirs": {"on": "kubeconfig", "context": home.context, **given},
        },
        "monolith": {"address": f"http://{home.outside}:{MONOLITH}", "health": "/health"},
        "crossings": {"first": {"routes": ["/first"], "to": "app"}},
        "services": {
            "app": {"source": "./app", "run": "python3 -m tiny",
                    "scale": {"min": 1, "max": 2, "requests": 5},
                    "resources": {"cpu": "20m", "memory": "64Mi"},
                    "rollout": {"drain": 3, "request": 1}, "env": {"SIDE": "app", "PORT": "8000"}}
        },
        "edge": {"replicas": 1},
    }  # fmt: skip


@pytest.fixture(scope="module")
def door(common: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Whom the cluster asks about tokens."""
    with answering(tmp_path_factory.mktemp("door")) as made:
        yield made
        for each in bindings():
            common.cluster.kube.delete(Ref.of(each))


@pytest.fixture
def afar(common: Tiny, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Afar]:
    """That system, in the hands of a deployer, and an account in which nothing of it is yet."""
    tiny = common.whole()
    kube, home = tiny.cluster.kube, tiny.cluster.home
    tiny.cluster.clusters.consult(NAME, door.webhook, silent)
    for each in bindings():
        kube.apply(each)
    nodes = len(kube.list("v1", "Node"))
    (tmp_path / "seaway.yaml").write_text(yaml.safe_dump(_document(nodes, home), sort_keys=False))
    shutil.copytree(PROJECT, tmp_path / "app")
    authority = certificate.authority("tests", timedelta(days=1))
    names, uses = [x509.DNSName(DOMAIN)], [ExtendedKeyUsageOID.SERVER_AUTH]
    made = certificate.issue(authority, certificate.subject(DOMAIN), timedelta(days=1), names, uses)
    (tmp_path / "chain.pem").write_bytes(made.pem)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    (tmp_path / "key.pem").write_bytes(certificate.pem(made.key))
    shutil.copy(home.kubeconfig, tmp_path / "kubeconfig")
    with (
        closing(_nobody(home)) as nobody,
        emulating(tmp_path) as moto,
        serving(moto, tmp_path, heard := Heard(nobody._http)) as (eks, regions),
        guarded(moto, eks, regions) as (url, gate),
    ):
        monkeypatch.setenv(REHEARSAL, url)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT)
        door.authenticator = Authenticator(gate, regions, REGION, "shop")
        minted(gate, monkeypatch, Job.DEPLOYER, REGION)
        yield Afar(tmp_path, Aws(moto, eks, regions, ROOT, ROOT), gate, heard, door.authenticator)
        door.authenticator = None


def _nobody(home: Home) -> Kube:
    """Reach the API server without any right."""
    known = home.pki / "ca.crt"
    server = {"server": home.server, "certificate-authority": str(known)}
    return Kube.from_document(entries("nobody", server, {}), "nobody")


def _uncounted(common: Tiny) -> None:
    """No program of the cluster's own counts requests, whatever a test before wanted."""
    common.cluster.kube.delete(COUNTED)
    record.change(common.cluster.home, counted="")


@contextmanager
def _visited(afar: Afar, kube: Kube) -> Iterator[None]:
    """Visitors ask for what has crossed, for so long."""
    at = address_of(kube.get(Ref(GATEWAY_API, "Gateway", EDGE, SYSTEM)))
    loads = LocalLoads(engine.expected(), Gateway(DOMAIN, f"{at}:443", afar.folder / "ca.pem"))
    with Visitors(loads, [f"https://{DOMAIN}/first"], 40) as visitors:
        yield
    assert visitors.requests > visitors.failed == 0


def _follow_their_requests(afar: Afar) -> None:
    """Replicas come with the requests, which pods count; the same is seen by the context."""

    def grown() -> dict[str, Any]:
        found = afar.seaway("scale", "status", "--on", "theirs")
        return found if found["services"][0]["ready"] > 1 else {}

    seen = until(grown, "another replica")
    (app,) = seen["services"]
    assert app["aim"] == {"requests": 5}
    assert app["load"]["requests"] > 5
    assert (seen["counter"]["ready"], seen["counter"]["state"]) == (2, "running")


def _count_by_the_context(afar: Afar, kube: Kube) -> None:
    """What counts requests is gone, which is told, and comes by `up` into the same cluster by its context."""
    for each in (COUNTED, COUNTER):
        kube.delete(each)
    told = afar.seaway("status", "--on", "theirs")
    assert told["counter"]["state"] == "absent"
    assert [each for each in told["problems"] if HELD in each]
    made = {change["thing"] for change in afar.seaway("up", "--on", "theirs", "--yes")["changes"]}
    assert made >= COUNTING
    # Besides, only what is AWS's own is another.
    assert made - COUNTING <= {f"EnvoyProxy {SYSTEM}/edge", f"Gateway {SYSTEM}/edge"}
    assert afar.seaway("status", "--on", "theirs")["counter"] | {"image": ""} == {
        "name": "gateway-metrics", "ready": 2, "wanted": 2, "image": "", "state": "running", "problem": "",
    }  # fmt: skip


def _left(kube: Kube) -> list[str]:
    """What the cloud gave for the system, and its namespace."""
    found = [each["metadata"]["name"] for each in kube.list("v1", "Service", labels=f"{OWNER}={SYSTEM}")]
    return [*found, *([SYSTEM] if kube.get(Ref("v1", "Namespace", SYSTEM)) else [])]


def test_up_builds_production_and_down_takes_its_own_away(afar: Afar, common: Tiny) -> None:
    """From nothing to nothing under the policy of a deployer; as long as others live there, it stays."""
    kube, seaway = common.cluster.kube, afar.seaway
    _uncounted(common)
    up = ("up", "--on", "production", "--yes")
    done = seaway(*up)
    first = done["changes"][0]
    assert (first["verb"], first["thing"]) == ("create", "cluster shop")
    assert done["url"] == f"https://{DOMAIN}"
    status = seaway("status", "--on", "production")
    assert [(each["name"], each["ready"]) for each in status["services"]] == [("app", 1)]
    assert status["problems"] == []
    assert (status["counter"]["state"], "/pilot@sha256:" in status["counter"]["image"]) == ("running", True)
    seaway("cross", "move", "first", "100", "--on", "production", "--yes")
    with _visited(afar, kube):
        assert seaway("edge", "status", "--on", "production")["names"] == [DOMAIN]
        proxies = kube.list("v1", "Service", labels=f"{OWNER}={SYSTEM}")
        told = proxies[0]["metadata"]["annotations"]
        assert told["service.beta.kubernetes.io/aws-load-balancer-type"] == "nlb"
        assert proxies[0]["spec"]["externalTrafficPolicy"] == "Local"
        again = dict[str, Any]()
        assert afar.changed_by(lambda: again.update(seaway(*up))) == []
        assert again["changes"] == []
        _follow_their_requests(afar)
    _count_by_the_context(afar, kube)
    down = ("down", "--on", "production", "--yes")
    seaway(*down)
    assert _left(kube) == []
    assert kube.get(COUNTED)  # others may follow their requests
    assert inventory(afar.aws, REGION) != NOTHING
    theirs = Ref("v1", "Namespace", "tiny")
    kube.patch(theirs, {"metadata": {"labels": {MANAGED: None}}})  # as if they were gone
    try:
        assert {"vpc", "the program that counts requests"} <= {*seaway(*down)["removed"]}
        assert [kube.get(each) for each in (COUNTED, COUNTER)] == [None, None]
    finally:
        kube.patch(theirs, {"metadata": {"labels": {MANAGED: "seaway"}}})
    assert inventory(afar.aws, REGION) == NOTHING
    assert common.cluster.clusters.get(NAME).state == "running"


def _by_the_aws_command(afar: Afar) -> Kube:
    """Connect as AWS's own command has it: it writes the kubeconfig, and is asked for each token."""
    file, env = afar.folder / "theirs", {**os.environ, "AWS_ENDPOINT_URL": os.environ[REHEARSAL]}
    argv: list[str | Path] = [
        "aws",
        "eks",
        "update-kubeconfig",
        "--name",
        "shop",
        "--region",
        REGION,
        "--kubeconfig",
        file,
    ]
    subprocess.run(argv, env=env, check=True, capture_output=True)
    program = yaml.safe_load(file.read_text())["users"][0]["user"]["exec"]
    assert program["command"] == "aws"
    assert program["args"][2:4] == ["eks", "get-token"]
    return Kube.from_kubeconfig(str(file), f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/shop")


def _new(by: Credentials, **odd: Any) -> str:
    return wrapped(signed(by, **{"expires": next(LIVES), **odd}))


def _a_viewer_looks(afar: Afar, cloud: Cloud, nodes: int) -> None:
    """A session of a role, which AWS's policy for viewers lets see what runs, and no Secrets."""
    root = cloud.signed_by(afar.gate.root())
    role = Identities(root).create(Wish("watcher", Job.VIEWER, Kind.ROLE), silent).arn
    taken = root.sts.assume_role(RoleArn=role, RoleSessionName="ada")["Credentials"]
    ada = Credentials(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
    assert afar.refused(_new(ada)) == f"no access entry of {role}"
    EksClusters(cloud, access={"watcher": Job.VIEWER}).create("shop", nodes, "", silent)
    places = ("/api/v1/pods", "/apis/apps/v1/deployments", "/api/v1/secrets", "/api/v1/nodes")
    assert [afar.asked(_new(ada), place) for place in places] == [200, 200, 403, 403]
    assert afar.asked(_new(ada), "/api/v1/namespaces/tiny", "DELETE") == 403
    session = boto3.Session(ada.access_key, ada.secret_key, ada.token)
    seen = EksClusters(replace(cloud, session=session)).get("shop")
    assert (seen.state, seen.nodes) == ("running", ())
    EksClusters(cloud, access={}).create("shop", nodes, "", silent)
    assert afar.refused(_new(ada)) == f"no access entry of {role}"


def test_who_has_a_token_and_an_access_entry_is_let_in(
    afar: Afar, common: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the token of either command; one that is not in order is refused by Kubernetes itself."""
    monkeypatch.setenv("PATH", f"{SEAWAY.parent}:{os.environ['PATH']}")
    cloud, nodes = Cloud.open(REGION), len(common.cluster.kube.list("v1", "Node"))
    clusters = EksClusters(cloud)
    assert len(clusters.create("shop", nodes, "", silent).nodes) == nodes
    assert afar.asked(token(cloud, "shop").reveal()) == 200
    with closing(_by_the_aws_command(afar)) as theirs:
        assert len(theirs.list("v1", "Node")) == nodes
    mine = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    assert afar.asked(_new(mine)) == 200
    assert afar.refused(_new(mine, ago=910)) == "expired"
    assert afar.refused(_new(mine, cluster="bank")) == "the signature is not for this cluster"
    assert afar.refused(_new(mine, at="https://sts.evil.example")) == "not for STS: sts.evil.example"
    longer = signed(mine).replace("X-Amz-Expires=60", "X-Amz-Expires=900")
    assert afar.refused(wrapped(longer)) == "the signature is not for this cluster"
    user = cloud.sts.get_caller_identity()["Arn"].rpartition("/")[2]
    key: Any = {"UserName": user, "AccessKeyId": mine.access_key}
    root = cloud.signed_by(afar.gate.root())
    root.iam.update_access_key(**key, Status="Inactive")
    assert afar.refused(_new(mine)) == "the key is inactive"
    root.iam.update_access_key(**key, Status="Active")
    assert afar.asked(_new(mine)) == 200
    _a_viewer_looks(afar, cloud, nodes)
    clusters.delete("shop", silent)
    assert afar.refused(_new(mine)).startswith("no access entry")
