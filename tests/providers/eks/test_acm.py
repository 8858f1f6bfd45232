"""The certificate of ACM, and the records that prove its names: at moto, in a zone of its Route 53."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from seaway.errors import Refused, Unready
from seaway.model.event import Event, Outcome, Report, silent
from seaway.providers.eks import making
from seaway.providers.eks.acm import Certificate, Proof, Public, arn_of, stale
from seaway.providers.eks.cloud import REHEARSAL, Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.ground import EksGround
from seaway.providers.eks.making import Groups
from seaway.providers.eks.nodes import Wanted
from seaway.twin.inventory import Aws
from seaway.twin.wire import listening
from tests.providers.eks.proxy import Proxy
from tests.providers.eks.zones import names_in, proved

REGION = "ap-south-1"
DOMAIN, OTHER = names_in(REGION)
CAA = "CAA_ERROR"


class _Acm(Proxy):
    """Says of certificates what moto does not: that they are `lost`, in use once, or pending for a while.

    A new one is pending for so many looks as `pending` says.
    """

    lost: ClassVar[set[str]]
    used: ClassVar[set[str]]
    pending: ClassVar[Counter[str]]
    looks = 0

    def _answer(self) -> None:
        _, call, body = self.heard()
        arn = call.given.get("CertificateArn", "")
        if call.name == "acm:DeleteCertificate" and arn in self.used:
            self.used.discard(arn)
            self.refuse("acm", 400, "ResourceInUseException", f"Certificate {arn} is in use")
            return
        status, headers, answer = self.forward(call.service, body)
        if call.name == "acm:DescribeCertificate":
            self.pending[arn] += 1
            said = "PENDING_VALIDATION" if self.pending[arn] <= type(self).looks else "ISSUED"
            said = f'FAILED", "FailureReason": "{CAA}' if arn in self.lost else said
            answer = re.sub(rb'"Status": "\w+"', f'"Status": "{said}"'.encode(), answer, count=1)
        self.reply(status, headers, answer)

    do_GET = do_POST = _answer  # noqa: N815


@contextmanager
def strict(aws: Aws, cloud: Cloud) -> Iterator[tuple[type[_Acm], Cloud]]:
    """Put what says more than moto before ACM."""
    held: Any = {"moto": aws.moto, "eks": aws.eks, "lost": set(), "used": set(), "pending": Counter()}
    handler: Any = type("Acm", (_Acm,), held)
    with listening(handler, None) as port:
        endpoints = {**cloud.endpoints, "acm": f"http://127.0.0.1:{port}"}
        yield handler, replace(cloud, endpoints=endpoints)


@pytest.fixture(scope="module")
def bare(aws: Aws) -> Cloud:
    """Reach the region once for all: clients are dear."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", aws.key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", aws.secret)
        patch.setenv(REHEARSAL, f"{aws.moto} eks={aws.eks}")
        return Cloud.open(REGION)


@pytest.fixture
def cloud(aws: Aws, bare: Cloud) -> Iterator[Cloud]:
    """The region with its zone. Nothing is in either, and nothing is left."""
    found = proved(aws.moto, bare)
    assert (certificates(found), records(found)) == ([], [])
    yield found
    assert (certificates(found), records(found)) == ([], [])


class Story:
    """What was reported."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def hear(self, event: Event) -> None:
        if event.outcome is Outcome.NOTE:
            self.notes.append(event.text)


def look(cloud: Cloud) -> Any:
    return {kind: kind.owned(cloud, "shop") for kind in (Certificate, Proof)}


def ensure(cloud: Cloud, public: Public) -> list[str]:
    """Make what ACM and the zone have of a cluster, without all the rest of it; gives what was to do."""
    certificate = Certificate("shop", public)
    groups: Groups = [[certificate], [Proof(certificate, name) for name in public.names]]
    seen = look(cloud)
    told = [
        f"{each.verb} {each.step} {''.join(each.details)}" for each in making.changes(cloud, groups, seen)
    ]
    making.ensure(cloud, groups, seen, silent)
    assert making.changes(cloud, groups, look(cloud)) == ()
    return told


def remove(cloud: Cloud, report: Report = silent) -> None:
    """Take all of ACM and the zone away, as the end of a cluster does."""
    seen = look(cloud)
    making.discard(cloud, "shop", [*seen[Proof], *seen[Certificate]], seen, report)


def certificates(cloud: Cloud) -> list[str]:
    return [each["CertificateArn"] for each in cloud.acm.list_certificates()["CertificateSummaryList"]]


def records(cloud: Cloud) -> list[Any]:
    found = cloud.route53.list_resource_record_sets(HostedZoneId=zone_of(cloud))["ResourceRecordSets"]
    return [each for each in found if each["Type"] in {"CNAME", "TXT"}]


def zone_of(cloud: Cloud) -> str:
    found: Any = cloud.proofs
    return str(found.dns.hosted)


def change(cloud: Cloud, action: Any, *found: Any) -> None:
    batch: Any = [{"Action": action, "ResourceRecordSet": each} for each in found]
    cloud.route53.change_resource_record_sets(HostedZoneId=zone_of(cloud), ChangeBatch={"Changes": batch})


def test_what_is_taken_away_by_hand_is_found_and_put_back(cloud: Cloud) -> None:
    public = Public("shop", (DOMAIN, OTHER))
    made = ensure(cloud, public)
    assert [each.split()[:2] for each in made] == [
        ["create", Certificate("shop", public).id],
        ["create", f"proof/shop/{DOMAIN}"],
        ["create", f"proof/shop/{OTHER}"],
    ]
    before = records(cloud)
    assert sorted(each["Type"] for each in before) == ["CNAME", "CNAME", "TXT", "TXT"]
    # The last of the zone: moto takes any record behind one for that one, where it was there before.
    gone = [each for each in before if OTHER in each["Name"]]
    change(cloud, "DELETE", *gone)
    assert ensure(cloud, public) == [f"create proof/shop/{OTHER} "]
    assert records(cloud) == before
    cloud.acm.delete_certificate(CertificateArn=arn_of(cloud, "shop", public))
    assert next(each.split()[1] for each in ensure(cloud, public)) == Certificate("shop", public).id
    remove(cloud)


def test_one_that_waits_for_acm_is_a_difference_until_that_has_signed(aws: Aws, cloud: Cloud) -> None:
    with strict(aws, cloud) as (acm, here):
        public = Public("shop", (DOMAIN,))
        certificate = Certificate("shop", public)
        certificate.create(here, {})
        Proof(certificate, DOMAIN).create(here, {})
        acm.looks = 9
        assert arn_of(here, "shop", public) == ""
        assert ensure(here, public) == [f"update proof/shop/{DOMAIN} until ACM has signed"]
        assert arn_of(here, "shop", public)
        assert arn_of(here, "shop", None) == ""
        remove(here)


def test_a_record_of_somebody_else_does_and_stays(cloud: Cloud) -> None:
    public = Public("shop", (DOMAIN,))
    ensure(cloud, public)
    alias, text = sorted(records(cloud), key=lambda each: str(each["Type"]))
    change(cloud, "DELETE", text)
    assert ensure(cloud, public) == []
    story = Story()
    assert making.remove(cloud, "shop", story.hear)
    assert story.notes == [f"proof shop/{DOMAIN} stays: it is not this cluster's alone"]
    assert records(cloud) == [alias]
    change(cloud, "UPSERT", {**alias, "ResourceRecords": [{"Value": "elsewhere.example.com."}]})
    with pytest.raises(Refused, match=r"the place of the proof _\w+\.shop\.\S+ is another's"):
        ensure(cloud, public)
    change(cloud, "DELETE", *records(cloud))
    remove(cloud)


def test_a_proof_that_another_certificate_needs_stays(cloud: Cloud) -> None:
    public = Public("shop", (DOMAIN,))
    theirs = cloud.acm.request_certificate(DomainName=DOMAIN, ValidationMethod="DNS")["CertificateArn"]
    ensure(cloud, public)
    left = records(cloud)
    assert making.remove(cloud, "shop", silent)
    assert records(cloud) == left
    assert certificates(cloud) == [theirs]
    cloud.acm.delete_certificate(CertificateArn=theirs)
    change(cloud, "DELETE", *left)


@pytest.mark.usefixtures("rehearsal")
def test_other_names_take_another_certificate_and_the_first_goes_once_no_balancer_has_it(
    aws: Aws, cloud: Cloud
) -> None:
    with strict(aws, cloud) as (acm, here):
        first, second = Public("shop", (DOMAIN, OTHER)), Public("shop", (DOMAIN,))
        ensure(here, first)
        old = arn_of(here, "shop", first)
        ensure(here, second)
        new = arn_of(here, "shop", second)
        assert old != new
        seen = look(here)
        for nobody in (None, Public("bank", (DOMAIN,))):
            assert stale(nobody, seen) == ()
        assert stale(second, seen) == (f"proof/shop/{OTHER}", Certificate("shop", first).id)
        acm.used.add(old)
        ground = EksGround(EksClusters(here, public=second), "shop", Wanted((1, 1), ""))
        ground.let_go(silent)
        assert old not in acm.used, "it was waited for"
        assert ground.certificate() == new
        assert arn_of(here, "shop", first) == ""
        assert {each["Name"].split(".", 1)[1] for each in records(here)} == {f"{DOMAIN}."}
        ground.let_go(silent, leaving=True)


def test_one_for_which_acm_will_not_sign_is_told_with_the_reason_and_asked_for_anew(
    aws: Aws, cloud: Cloud
) -> None:
    with strict(aws, cloud) as (acm, here):
        public = Public("shop", (DOMAIN,))
        Certificate("shop", public).create(here, {})
        acm.lost.update(certificates(here))
        with pytest.raises(Unready, match=f"ACM did not sign for {DOMAIN}") as unready:
            Proof(Certificate("shop", public), DOMAIN).see(here)
        assert unready.value.why == CAA
        told = ensure(here, public)
        assert told[0] == f"update certificate/shop/{DOMAIN} asked for anew: {CAA}"
        assert arn_of(here, "shop", public) not in acm.lost
        remove(here)


def test_where_no_zone_is_known_nothing_is_proved(cloud: Cloud) -> None:
    cloud, public = replace(cloud, proofs=None), Public("shop", (DOMAIN,))
    with pytest.raises(Refused, match="nothing says where the zone of the public names is kept"):
        ensure(cloud, public)
    assert Proof.owned(cloud, "shop") == {}
    remove(cloud)
