"""`on: eks` as people type it: what a plan shows and costs, what is asked before, and what stops it."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.app.arrival import places
from seaway.app.domain import public_names
from seaway.cli import main
from seaway.errors import Refused
from seaway.flow.domain import look
from seaway.flow.images import repositories, wanted
from seaway.flow.load import read
from seaway.flow.plan import edge_wish
from seaway.flow.system import System
from seaway.model.cluster import ClusterFacts
from seaway.model.event import silent
from seaway.model.manifests import fill
from seaway.model.plan import Change, Verb
from seaway.model.snapshot import Live
from seaway.ports import dns
from seaway.providers.eks.cloud import REHEARSAL
from seaway.providers.local import certificate
from seaway.rooms.cluster.front import DnsSpec
from seaway.rooms.cluster.plan import plan_ground
from seaway.rooms.domain import course
from seaway.rooms.edge.manifests import NETWORK_BALANCER, Balancer, ending_tls, proxy
from seaway.rooms.edge.plan import EdgeWish, desired, refuse_another_end
from seaway.rooms.edge.spec import EdgeSpec
from seaway.rooms.images.platform import Gateway
from seaway.twin.inventory import Aws, client, inventory
from tests.providers.eks.conftest import IMAGES, Shop
from tests.providers.eks.faults import faulty
from tests.providers.eks.rules import Call

FILE = """
system: shop
environments:
  production:
    {{on: eks, account: "{account}", region: {region}, cluster: shop, domain: shop.example.com,
     nodes: {{min: 2, max: 6}}, certificate: {{chain: chain.pem, key: key.pem}}}}
  here: local
monolith: http://192.0.2.1:9000
services: {{web: {{source: ., run: gunicorn web, database: orders}}}}
databases: {{orders: {{storage: 10Gi}}}}
crossings: {{login: {{routes: [/login], to: web}}}}
"""

GIVEN = ", certificate: {chain: chain.pem, key: key.pem}"


def write(folder: Path, region: str, account: str = "123456789012") -> None:
    """A system's file in a folder, with the certificate that it names."""
    (folder / "seaway.yaml").write_text(FILE.format(region=region, account=account))
    (folder / "requirements.txt").touch()
    authority = certificate.authority("tests", timedelta(days=1))
    whom, names = certificate.subject("shop"), [x509.DNSName("*.example.com")]
    made = certificate.issue(authority, whom, timedelta(days=1), names, [ExtendedKeyUsageOID.SERVER_AUTH])
    (folder / "chain.pem").write_bytes(made.pem)
    (folder / "key.pem").write_bytes(certificate.pem(made.key))


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def seaway(
    rehearsal: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Run:
    """The command, in the folder of a system's file; no registry of images is there yet."""
    monkeypatch.setenv(REHEARSAL, f"{rehearsal.moto} eks={rehearsal.eks} registry=http://127.0.0.1:5055")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Done:
        with pytest.raises(SystemExit) as end:
            main(words)
        assert isinstance(end.value.code, int)
        return Done(end.value.code, *capsys.readouterr())

    return run


def test_a_plan_shows_every_part_in_the_cloud_and_what_it_costs(
    seaway: Run, rehearsal: Aws, tmp_path: Path
) -> None:
    write(tmp_path, "eu-north-1")
    before = inventory(rehearsal, "eu-north-1")
    done = seaway("plan", "--on", "production", "-o", "json")
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    cluster, *rest = told["changes"]
    parts = {part["step"] for part in cluster["parts"]}
    assert (cluster["step"], cluster["verb"]) == ("cluster/create", "create")
    assert {"vpc/main", "nat-gateway/1", "cluster/main", "nodes/main", "addon/metrics-server"} < parts
    assert {"repository/shop/web", "repository/seaway/pilot", "repository/seaway/base"} < parts
    assert "StorageClass seaway-shop" in {change["thing"] for change in rest}
    costs = told["costs"]
    items = {item["thing"]: item["monthly"] for item in costs["items"]}
    assert items["cluster shop"] == pytest.approx(73.0)
    assert items["2 of m7i.large"] == pytest.approx(2 * (0.1008 * 730 + 1.6))
    assert items["volume of database orders"] == pytest.approx(0.8)
    assert items["repository shop/web"] is None
    assert costs["monthly"] == pytest.approx(sum(each or 0 for each in items.values()), abs=0.01)
    assert "list prices of us-east-1" in costs["source"]
    assert "those of eu-north-1 are not known here" in costs["source"]
    still = "nodes do not come and go with the load: 2 run, as the file does not say auto: true"
    assert still in told["notes"]
    assert inventory(rehearsal, "eu-north-1") == before


def test_a_certificate_of_acm_is_planned_with_its_proofs_and_shown_by_the_load_balancer(
    seaway: Run, rehearsal: Aws, tmp_path: Path
) -> None:
    """That the zone is not there yet is told, and keeps nobody from a plan."""
    write(tmp_path, "eu-north-1")
    file = tmp_path / "seaway.yaml"
    zone = "{provider: route53, zone: example.com, to: [192.0.2.1], resolvers: [127.0.0.1]}"
    file.write_text(file.read_text().replace(GIVEN, f", https: acm, dns: {zone}"))
    before = inventory(rehearsal, "eu-north-1")
    done = seaway("plan", "--on", "production", "-o", "json")
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    cluster, *_ = told["changes"]
    parts = {part["step"]: part["verb"] for part in cluster["parts"]}
    assert parts["certificate/shop/shop.example.com"] == parts["proof/shop/shop.example.com"] == "create"
    assert told["names"][0]["why"].startswith("there is no public hosted zone example.com")
    assert inventory(rehearsal, "eu-north-1") == before
    system = _system(tmp_path)
    _, environment = system.environment("production")
    wish = edge_wish(system, environment, None)
    shaped = next(each for each in desired(wish, None) if each.id == "edge/proxy")
    assert "cluster/create" in shaped.after
    arn = "arn:aws:acm:eu-north-1:123456789012:certificate/1"
    service = fill(shaped.manifest, {"images/envoy": "envoy", "cluster/certificate": arn})["spec"]["provider"]
    told = service["kubernetes"]["envoyService"]["annotations"]
    name = "service.beta.kubernetes.io/aws-load-balancer"
    assert {key: text for key, text in told.items() if "ssl" in key or text == "ssl"} == {
        f"{name}-ssl-cert": arn,
        f"{name}-ssl-ports": "443",
        f"{name}-backend-protocol": "ssl",
        f"{name}-ssl-negotiation-policy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    }
    assert told[f"{name}-type"] == "nlb"


def test_what_the_zone_has_of_a_public_name_is_shown_beside_the_plan(
    seaway: Run, rehearsal: Aws, tmp_path: Path
) -> None:
    """And that it does not lead here any more, which `up` leaves to who moves names."""
    write(tmp_path, "eu-north-1")
    file, domain, to = tmp_path / "seaway.yaml", "shop.strayed.example.com", "192.0.2.1"
    zone = f"{{provider: route53, zone: strayed.example.com, to: [{to}], resolvers: [127.0.0.1]}}"
    text = file.read_text().replace("shop.example.com", domain)
    file.write_text(text.replace(GIVEN, f", https: acm, dns: {zone}"))
    aws = client(rehearsal, "route53", "us-east-1")
    aws.create_hosted_zone(Name="strayed.example.com", CallerReference="strayed")
    plan = ("plan", "--on", "production")
    assert re.search(rf"\n{domain} +nowhere +0 % +nobody\n", seaway(*plan).stdout)
    (here,) = public_names(_system(tmp_path), "production", silent)
    here.dns.change(course.point(look(here), here.wish, datetime.now(UTC)))
    assert re.search(rf"\n{domain} +A {to} +100 % +seaway-shop \(we are\)\n", seaway(*plan).stdout)
    away = dns.Records(domain, "A", 60, ("198.51.100.1",))
    here.dns.change([dns.Change(look(here).records[0], away)])
    told = json.loads(seaway(*plan, "-o", "json").stdout)
    lost = f"{domain} was led to a gateway, and does not lead to this one (A 198.51.100.1)"
    assert f"{lost}: seaway domain move leads it here" in told["notes"]
    (name,) = told["names"]
    assert (name["share"], name["strayed"], name["returns"]) == (0, True, False)


def test_where_tls_ends_cannot_move_while_visitors_come() -> None:
    ends = {**NETWORK_BALANCER, **ending_tls("1.3")}
    wishes = [_wish(balancer) for balancer in (NETWORK_BALANCER, ends)]
    there = [Live.of([proxy("shop", EdgeSpec(), wish.balancer)]) for wish in wishes]
    for wish, live in zip(wishes, there, strict=True):
        refuse_another_end(wish, Live())
        refuse_another_end(wish, live)
        refuse_another_end(_wish({}), live)
    with pytest.raises(Refused, match="TLS ends at the gateway, and cannot move") as caught:
        refuse_another_end(wishes[1], there[0])
    words = re.findall(r"seaway [a-z ]+ --on \w+", caught.value.remedy)
    move = "seaway domain move --on"
    assert words == ["seaway up --on it", f"{move} it", "seaway down --on this", f"{move} this"]
    with pytest.raises(Refused, match="TLS ends at the load balancer, and cannot move"):
        refuse_another_end(wishes[0], there[1])


def _wish(balancer: Balancer) -> EdgeWish:
    return EdgeWish("shop", "shop.example.com", "shop", 80, 443, EdgeSpec(), balancer=balancer)


def test_what_a_load_balancer_showed_goes_once_it_shows_another() -> None:
    found = ClusterFacts("shop", "context", "https://192.0.2.1", "running", ())
    stays, goes = Change("nodes/main", Verb.UPDATE, "nodes"), Change("certificate/shop/a", Verb.DELETE, "it")
    raised, let_go = plan_ground("shop", found, (stays, goes))
    assert (raised.parts, let_go.parts) == ((stays,), (goes,))
    assert {"edge/proxy", "edge/gateway/await", raised.id} <= set(let_go.after)
    assert [step.id for step in plan_ground("shop", found, (goes,))] == [let_go.id]
    asleep = replace(found, state="creating")
    assert [step.id for step in plan_ground("shop", asleep, (goes,))] == [raised.id]
    assert plan_ground("shop", found, ()) == []


def test_the_same_parts_are_handed_to_others_as_a_template(seaway: Run, tmp_path: Path) -> None:
    write(tmp_path, "eu-north-1")
    words = ("plan", "--on", "production", "--export", "cloudformation")
    document, text = seaway(*words, "-o", "json"), seaway(*words)
    assert (document.returncode, text.returncode) == (0, 0), document.stderr
    template = json.loads(document.stdout)
    assert yaml.safe_load(text.stdout) == template
    assert "&" not in text.stdout, "CloudFormation knows no anchors"
    assert {"VpcMain", "NodesMain", "RepositoryShopWeb"} < template["Resources"].keys()
    done = seaway("plan", "--on", "here", *words[3:])
    assert done.returncode == 2
    assert "on: local has nothing in AWS to export" in done.stderr


def test_what_is_there_is_not_planned_again(seaway: Run, shop: Shop, tmp_path: Path) -> None:
    write(tmp_path, "eu-central-1")
    done = seaway("plan", "--on", "production")
    lines = done.stdout.splitlines()
    assert shop.facts.name == "shop"
    assert lines[0] == "~ update cluster shop  (4 parts)"
    made = sorted(line.strip() for line in lines if line.startswith("    "))
    assert made == [f"+ create repository {name}" for name in sorted(set(names(tmp_path)) - set(IMAGES))]
    assert "+ create Namespace shop" in lines
    assert "cluster shop" in done.stdout.partition("WHAT IT COSTS")[2]


def test_twenty_services_are_planned_by_as_many_calls_as_one(
    seaway: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Within ten seconds; each repository that is there takes two more, and pods take none."""
    write(tmp_path, "eu-central-1")
    file, asked, found = tmp_path / "seaway.yaml", Counter[str](), list[Counter[str]]()
    text = file.read_text()
    more = "".join(f", s{n}: {{source: ., run: gunicorn web}}" for n in range(19))

    def hear(call: Call, _: bytes) -> None:
        asked[call.name] += 1

    with faulty(shop.aws, hear) as url:
        monkeypatch.setenv(REHEARSAL, f"{url} registry=http://127.0.0.1:5055")
        for words in ("database: orders}}", f"database: orders}}{more}}}"):
            file.write_text(text.replace("database: orders}}", words))
            asked.clear()
            began = time.monotonic()
            assert seaway("plan", "--on", "production").returncode == 3
            assert time.monotonic() - began < 10
            found.append(asked.copy())
    one, twenty = found
    assert one == twenty
    assert (twenty["ecr:ListTagsForResource"], twenty["ecr:GetLifecyclePolicy"]) == (len(IMAGES),) * 2
    assert twenty.total() < 60


def names(folder: Path) -> tuple[str, ...]:
    system = _system(folder)
    return repositories(system, system.environment()[1])


def _system(folder: Path) -> System:
    return read((folder / "seaway.yaml").read_bytes(), "seaway.yaml", folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: re.sub(r"(?m)^crossings: .*$", "", text).replace(GIVEN, ", https: acme"),
    ],
    ids=["crossings", "acme"],
)
def test_every_image_has_a_repository(tmp_path: Path, change: Callable[[str], str]) -> None:
    """That of the pilot too, also where it is there only to renew a certificate."""
    write(tmp_path, "eu-central-1")
    file = tmp_path / "seaway.yaml"
    file.write_text(change(file.read_text()))
    system = _system(tmp_path)
    gateway = Gateway(tmp_path / "gateway", "e")
    found = wanted(system, system.environment()[1], "registry.example.com/shop", gateway)
    assert any(ref.repository.endswith("seaway/pilot") for ref in found)
    assert {ref.repository.removeprefix("shop/") for ref in found} | {"seaway/base"} == set(names(tmp_path))


def test_nothing_of_production_changes_without_a_word(seaway: Run, shop: Shop, tmp_path: Path) -> None:
    write(tmp_path, "eu-central-1")
    context = shop.facts.context
    for words in (
        ("up",),
        ("down",),
        ("cross", "start"),
        ("cross", "move", "login", "5"),
        ("cross", "back", "--all"),
        ("rollout", "undo", "web"),
    ):
        done = seaway(*words, "--on", "production")
        assert done.returncode == 1, words
        assert "production is not changed without a word" in done.stderr
        assert f"In AWS account 123456789012, eu-central-1, context {context}:" in done.stderr
        assert "give the option --yes as well" in done.stderr
    assert "about $" in seaway("up", "--on", "production").stderr


def test_credentials_for_another_account_stop_it(seaway: Run, rehearsal: Aws, tmp_path: Path) -> None:
    write(tmp_path, "eu-central-1", account="999999999999")
    before = inventory(rehearsal, "eu-central-1")
    for words in (("plan",), ("up", "--yes"), ("status",), ("down", "--yes"), ("cross", "start", "--yes")):
        done = seaway(*words, "--on", "production")
        assert done.returncode == 1
        assert "the credentials are for AWS account 123456789012, not 999999999999" in done.stderr
    assert inventory(rehearsal, "eu-central-1") == before


@pytest.mark.parametrize("yes", [(), ("--yes",)], ids=["asked", "yes"])
def test_who_removes_it_opens_the_account_once(
    seaway: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, yes: Any
) -> None:
    """To say where it is and what goes, to ask, and to act; where it may, there is nothing to remove."""
    write(tmp_path, "eu-north-1" if yes else "eu-central-1")
    asked = list[str]()

    def hear(call: Call, _: bytes) -> None:
        asked.append(call.name)

    with faulty(shop.aws, hear) as url:
        monkeypatch.setenv(REHEARSAL, f"{url} registry=http://127.0.0.1:5055")
        done = seaway("down", "--on", "production", *yes)
    assert done.returncode == (0 if yes else 1), done.stderr
    assert ("context " + shop.facts.context in done.stderr) == (not yes)
    assert asked.count("sts:GetCallerIdentity") == 1


@pytest.mark.usefixtures("seaway")
def test_the_gateway_is_asked_for_by_the_environments_own_connection(shop: Shop, tmp_path: Path) -> None:
    """A kubeconfig that knows no context of it does not matter."""
    write(tmp_path, "eu-central-1")
    system = _system(tmp_path)
    _, environment = system.environment("production")
    with pytest.raises(Refused, match="the gateway has no address yet") as refused:
        places(system, environment, DnsSpec(provider="manual", zone="example.com"))
    assert refused.value.where == f"Gateway shop/edge of cluster {shop.facts.name}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: text.replace("192.0.2.1", "127.0.0.1"),
            "cannot reach the monolith at http://127.0.0.1",
        ),
        (lambda text: text.replace(GIVEN, ""), "no certificate"),
        (lambda text: f"{text}edge: {{http3: true}}\n", "HTTP/3 cannot be offered on: eks yet"),
        (lambda text: text.replace("shop.example.com", "shop.example.org"), "it is not for shop.example.org"),
        (lambda text: text.replace("key: key.pem", "key: chain.pem"), "it is no key in PEM"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(
    seaway: Run, tmp_path: Path, change: Callable[[str], str], said: str
) -> None:
    write(tmp_path, "eu-central-1")
    file = tmp_path / "seaway.yaml"
    file.write_text(change(file.read_text()))
    done = seaway("up", "--on", "production", "--yes")
    assert done.returncode == 1
    assert said in done.stderr


def test_a_rehearsal_sends_no_image_to_aws(
    seaway: Run, rehearsal: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path, "eu-central-1")
    monkeypatch.setenv(REHEARSAL, f"{rehearsal.moto} eks={rehearsal.eks}")
    done = seaway("plan", "--on", "production")
    assert done.returncode == 1
    assert "the rehearsal does not say where images go" in done.stderr
