"""The certificate of the public names in ACM, and the records that prove them to it.

A certificate is for good: other names take another one, and the load balancer changes from one to the other.
(AWS Certificate Manager API and user guide, DNS validation)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError

from seaway.errors import Refused, Unready
from seaway.ports.proofs import Proofs, Standing
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.parts import (
    CLUSTER,
    PART,
    THEIRS,
    Fix,
    Ids,
    Live,
    absent,
    by_part,
    listed,
    tags_in,
    tags_of,
)

#: What a certificate is that is of use, and what those are that never will be again.
ISSUED: Final = "ISSUED"
LOST: Final = frozenset({"FAILED", "VALIDATION_TIMED_OUT", "EXPIRED", "REVOKED", "INACTIVE"})
#: ACM lists RSA alone unless it is asked for others too (ACM API: Filters).
_KEYS: Final[Any] = {
    "keyTypes": [
        *("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096"),
        *("EC_prime256v1", "EC_secp384r1", "EC_secp521r1"),
    ]
}


@dataclass(frozen=True)
class Public:
    """The names of one system for which ACM signs, the domain first; none where another does."""

    system: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Certificate:
    """One certificate for all public names of a system."""

    cluster: str
    public: Public

    @property
    def id(self) -> str:
        """Name it by the domain, and where there are more names by a hash of all of them."""
        domain, *others = names = self.public.names
        more = f"-{sha256(' '.join(sorted(names)).encode()).hexdigest()[:8]}" if others else ""
        return f"certificate/{self.public.system}/{domain}{more}"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        return by_part(_found(cloud, cluster))

    def see(self, cloud: Cloud) -> Live | None:
        """Find this one alone, among those of its domain."""
        return by_part(_found(cloud, self.cluster, self.public.names[0])).get(self.id)

    def create(self, cloud: Cloud, ids: Ids) -> None:  # noqa: ARG002
        cloud.acm.request_certificate(
            DomainName=self.public.names[0],
            SubjectAlternativeNames=list(self.public.names),
            ValidationMethod="DNS",
            # A call that botocore makes again is one request; a certificate that was removed is none of them.
            IdempotencyToken=uuid4().hex,
            Tags=listed(tags_of(self.cluster, self.id)),
        )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:
        if live["Status"] not in LOST:
            return []

        def anew() -> None:
            cloud.acm.delete_certificate(CertificateArn=live["CertificateArn"])
            self.create(cloud, ids)

        return [Fix(f"asked for anew: {_reason(live)}", anew)]

    @classmethod
    def settled(cls, live: Live) -> bool:
        """Wait until ACM says what would prove each name; one that is lost is asked for anew."""
        return live["Status"] in LOST or len(_records(live)) == len(live["SubjectAlternativeNames"])

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["CertificateArn"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cloud.acm.delete_certificate(CertificateArn=live["CertificateArn"])


@dataclass(frozen=True)
class Proof:
    """The record that proves one name, for as long as the certificate is to be renewed."""

    certificate: Certificate
    name: str

    @property
    def id(self) -> str:
        return f"proof/{self.certificate.public.system}/{self.name}"

    @property
    def cluster(self) -> str:
        return self.certificate.cluster

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        """Find the records that are in the zone; nothing where no zone is known."""
        if cloud.proofs is None:
            return {}
        # Two certificates for one name have one record, while the load balancer changes between them.
        found: dict[tuple[str, str], list[Live]] = {}
        for live in _found(cloud, cluster):
            for name in _records(live):
                found.setdefault((tags_in(live)[PART].split("/")[1], name), []).append(live)
        seen = {key: _proof(cloud.proofs, name, lives) for key, lives in found.items() for name in key[1:]}
        return {f"proof/{system}/{name}": live for (system, name), live in seen.items() if live}

    def see(self, cloud: Cloud) -> Live | None:
        """Find this one alone. Raises Unready where ACM says that it will not sign."""
        live = self.certificate.see(cloud)
        if live and live["Status"] in LOST:
            raise Unready(
                f"ACM did not sign for {', '.join(self.certificate.public.names)}",
                where=live["CertificateArn"],
                why=_reason(live),
                remedy="mend the reason, and run the command again: it asks anew",
            )
        return _proof(_zone(cloud), self.name, [live]) if live and self.name in _records(live) else None

    def create(self, cloud: Cloud, ids: Ids) -> None:  # noqa: ARG002
        found = self.certificate.see(cloud)
        _zone(cloud).put(*_records(found or {})[self.name])

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        """Say that ACM is waited for: there is nothing to be done but that it looks."""
        signed = live["signed"].get(ids.get(self.certificate.id)) == ISSUED
        return [] if signed else [Fix("until ACM has signed", lambda: None)]

    @classmethod
    def settled(cls, live: Live) -> bool:
        return set(live["signed"].values()) == {ISSUED}

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["record"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        _zone(cloud).take(live["record"], live["value"])


def certified(cluster: str, public: Public | None) -> tuple[list[Certificate], list[Proof]]:
    """Compose the certificate of these names, and their proofs; without names there are none."""
    if public is None or not public.names:
        return [], []
    certificate = Certificate(cluster, public)
    return [certificate], [Proof(certificate, name) for name in public.names]


def stale(public: Public | None, seen: Mapping[type[Any], Mapping[str, Live]]) -> tuple[str, ...]:
    """Find what the system had for other names: it goes once nothing uses it, proofs before certificates.

    Where nothing is said of names, and of other systems in the cluster, that is none.
    """
    if public is None:
        return ()
    certificates, proofs = certified("", public)
    kept = {*(each.id for each in certificates), *(each.id for each in proofs)}
    return tuple(
        part
        for kind in (Proof, Certificate)
        for part, live in seen[kind].items()
        if part.split("/")[1] == public.system and part not in kept and not live.get(THEIRS)
    )


def arn_of(cloud: Cloud, cluster: str, public: Public | None) -> str:
    """Give the ARN of the certificate; empty where there shall be none, or it is of no use yet."""
    certificates, _ = certified(cluster, public)
    found = certificates[0].see(cloud) if certificates else None
    return str(found["CertificateArn"]) if found and found["Status"] == ISSUED else ""


def _found(cloud: Cloud, cluster: str, domain: str = "") -> list[Live]:
    """Find the cluster's certificates, all or those of a domain; ACM cannot be asked for tags.

    `Others` of each are the names that certificates which are not the cluster's are for.
    """
    pages = cloud.acm.get_paginator("list_certificates").paginate(Includes=_KEYS)
    listed_ = [each for page in pages for each in page["CertificateSummaryList"]]
    known = [each for each in listed_ if domain in {"", each.get("DomainName")}]
    found = [live for each in known if (live := _whole(cloud, cluster, each["CertificateArn"]))]
    ours = {live["CertificateArn"] for live in found}
    others = {
        name
        for each in listed_
        if each["CertificateArn"] not in ours
        for name in (each.get("DomainName", ""), *each.get("SubjectAlternativeNameSummaries", ()))
    }
    return [{**live, "Others": others} for live in found]


def _whole(cloud: Cloud, cluster: str, arn: str) -> Live | None:
    """See one certificate with its tags, where it is the cluster's and still there."""
    try:
        tags = {"Tags": cloud.acm.list_tags_for_certificate(CertificateArn=arn).get("Tags", [])}
        if tags_in(tags).get(CLUSTER) != cluster:
            return None
        return {**cloud.acm.describe_certificate(CertificateArn=arn)["Certificate"], **tags}
    except ClientError as error:
        if absent(error):
            return None
        raise


def _records(live: Live) -> dict[str, tuple[str, str]]:
    """Read which record proves each name: its own name and where it leads, both without the last dot."""
    return {
        each["DomainName"]: (record["Name"].rstrip("."), record["Value"].rstrip("."))
        for each in live.get("DomainValidationOptions", [])
        if (record := each.get("ResourceRecord"))
    }


def _proof(zone: Proofs, name: str, lives: Sequence[Live]) -> Live | None:
    """See the record of a name that so many certificates are for, `signed` or not."""
    record, value = _records(lives[0])[name]
    standing = zone.standing(record, value)
    if standing is Standing.ABSENT:
        return None
    theirs = standing is Standing.THEIRS or name in lives[0]["Others"]
    signed = {live["CertificateArn"]: live["Status"] for live in lives}
    return {"record": record, "value": value, "signed": signed, THEIRS: theirs}


def _reason(live: Live) -> str:
    return str(live.get("FailureReason") or live["Status"])


def _zone(cloud: Cloud) -> Proofs:
    if cloud.proofs is None:
        raise Refused(
            "nothing says where the zone of the public names is kept",
            why="ACM signs for names that a record in their zone proves",
            remedy="add dns: to the environment",
        )
    return cloud.proofs
