"""A gateway that is a load balancer of AWS: names, that of the zone too, are led to it by an alias."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scripts.benchmark.names import NAME, ZONE
from seaway.app.domain import look_at_names, public_names
from seaway.errors import NotFound, Refused
from seaway.flow.domain import PublicName, look
from seaway.flow.load import read
from seaway.kit.kube import Kube
from seaway.model.event import silent
from seaway.model.snapshot import RecordFacts
from seaway.ports.dns import led_to
from seaway.ports.world import World
from seaway.providers.eks.route53 import Route53
from seaway.providers.local.ca import LocalCertificates
from seaway.providers.local.charts import LocalCharts
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.domain import course
from seaway.rooms.domain.course import Stage
from seaway.twin.inventory import Aws, client
from tests.flow.names import OLD
from tests.providers.eks.test_route53 import renewed, upsert

NOW = datetime(2026, 11, 30, tzinfo=UTC)
STRANGE = "edge-1.elb.eu-central-1.amazonaws.com"
FILE = """
system: shop
environments:
  live:
    {on: kubeconfig, context: a, registry: r, domain: %s, dns: {provider: route53, zone: %s, prefix: "%%{record_type}-own."%s}}
"""  # noqa: E501


@pytest.fixture
def zone(rehearsal: Aws) -> Route53:
    """The zone of the public name, which leads to addresses of an old server."""
    found = renewed(aws := client(rehearsal, "route53", "us-east-1"))
    values = [{"Value": value} for value in OLD[0].values]
    upsert(aws, found, Name=NAME, Type="A", TTL=OLD[0].ttl, ResourceRecords=values)
    return found


@pytest.fixture
def balancer(rehearsal: Aws) -> Iterator[str]:
    """The host name of a Network Load Balancer, as Kubernetes has one made."""
    ec2, elb = (client(rehearsal, each, "eu-central-1") for each in ("ec2", "elbv2"))
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made = elb.create_load_balancer(Name="edge", Type="network", Subnets=[subnet])["LoadBalancers"][0]
    yield made["DNSName"]
    elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])


def named(domain: str = NAME, to: str = "") -> PublicName:
    text = FILE % (domain, ZONE, f", to: {to}" if to else "")
    (found,) = public_names(read(text.encode(), "seaway.yaml", Path()), "", silent)
    return found


def test_it_shares_a_name_with_addresses_takes_it_all_and_gives_it_back(zone: Route53, balancer: str) -> None:
    here = named(to=balancer)
    (target,) = here.wish.target
    assert (target.kind, target.ttl, led_to(target.values[0])) == ("A", 60, balancer)
    here.dns.change(course.share(look(here), here.wish, 10, NOW))
    held = look(here)
    assert (course.stage(held, here.wish), course.leads(held, here.wish)) == (Stage.SHARED, "both")
    assert (held.of("old")[0].values, held.of("new")) == (OLD[0].values, (target,))
    assert course.share(held, here.wish, 10, NOW) == []
    here.dns.change(course.point(held, here.wish, NOW))
    assert course.stage(look(here), here.wish) is Stage.MOVED
    here.dns.change(course.restore(look(here), here.wish, NOW))
    assert zone.read(NAME) == (OLD[0],)


@pytest.mark.usefixtures("zone")
def test_a_name_that_was_moved_is_led_back_without_its_cluster_or_load_balancer(
    balancer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = named(to=balancer)
    here.dns.change(course.point(look(here), here.wish, NOW))
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.setattr(Route53, "alias", lambda *_: pytest.fail("nobody need be asked"))
    found = named()
    assert (found.wish, found.gateway.to) == (here.wish, (balancer,))
    assert course.restore(look(found), found.wish, NOW)[0].after == OLD[0]


@pytest.mark.usefixtures("zone")
def test_the_zone_itself_is_led_by_an_alias_beside_its_other_records(balancer: str) -> None:
    here = named(ZONE, balancer)
    here.dns.change(course.point(look(here), here.wish, NOW))
    assert look(here).records == here.wish.target
    with pytest.raises(Refused, match=f"{ZONE} is the zone itself"):
        named(ZONE, STRANGE)


@pytest.mark.parametrize("host", ["gateway.example.com", STRANGE])
def test_what_is_no_load_balancer_of_the_account_has_no_alias(zone: Route53, host: str) -> None:
    assert zone.alias(host) == ""
    assert named(to=host).wish.target[0].kind == "CNAME"


@pytest.mark.usefixtures("zone")
def test_what_the_zone_has_is_told_without_the_cluster(balancer: str, tmp_path: Path) -> None:
    """Whose it is and the gateway's share; or why that cannot be seen."""

    def connect() -> Kube:
        raise NotFound("there is no cluster yet")

    rest = LocalClusters(), LocalRegistry(), LocalCertificates(tmp_path), LocalCharts(silent)
    world = World(*rest, connect, silent)

    def seen(domain: str = NAME, zone: str = ZONE, to: str = "") -> RecordFacts:
        system = read((FILE % (domain, zone, to)).encode(), "seaway.yaml", Path())
        (found,) = look_at_names(system, system.environment()[1], world)
        return found

    before = seen()
    assert (before.records, before.share, before.owner) == (("A 192.0.2.1", "A 192.0.2.2"), 0, "")
    here = named(to=balancer)
    here.dns.change(course.share(look(here), here.wish, 10, NOW))
    found = seen(to=f", to: {balancer}")
    assert found.records == ("A 192.0.2.1", "A 192.0.2.2", f"A {balancer}")
    assert (found.share, found.ours, found.returns, found.strayed) == (10, True, True, False)
    unsure = seen()
    assert (unsure.share, unsure.ours, unsure.returns, unsure.strayed) == (10, True, False, False)
    lost = seen("www.none.example", "none.example")
    assert lost.why.startswith("there is no public hosted zone none.example")
    assert lost.leads == lost.why
