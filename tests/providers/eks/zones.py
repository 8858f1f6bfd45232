"""Clusters whose public names are in a zone of moto's, called like their region, and proved there to ACM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import boto3

from seaway.model.identity import Job
from seaway.providers.eks.acm import Public
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.route53 import Route53
from seaway.rooms.domain.proofs import ZoneProofs
from seaway.twin.inventory import OPEN


def names_in(region: str) -> tuple[str, ...]:
    """Give the public names that a region's clusters have."""
    return (f"shop.{region}.example.com", f"www.{region}.example.com")


def hosted(moto: str, region: str) -> str:
    """Make the region's zone, or find it; gives its id."""
    client: Any = boto3.client("route53", endpoint_url=moto, region_name="us-east-1", **OPEN)
    zone = f"{region}.example.com"
    found = client.list_hosted_zones_by_name(DNSName=zone)["HostedZones"]
    there = next((each["Id"] for each in found if each["Name"] == f"{zone}."), "")
    made = there or client.create_hosted_zone(Name=zone, CallerReference=zone)["HostedZone"]["Id"]
    return str(made).rpartition("/")[2]


def proved(moto: str, cloud: Cloud, *, found: bool = False) -> Cloud:
    """Give the same with its region's zone: changed by the same session, unless it must be `found` first."""
    zone = f"{cloud.region}.example.com"
    own = None if found else Route53(cloud, zone, hosted(moto, cloud.region))

    def opened() -> Route53:
        return own or Route53.find(cloud, zone)

    return replace(cloud, proofs=ZoneProofs(opened, "seaway-shop", "certificate/shop"))


def clusters_of(
    moto: str, cloud: Cloud, images: tuple[str, ...], access: Mapping[str, Job] | None = None
) -> EksClusters:
    """Give the clusters of a region, with names of a system for which ACM signs."""
    public = Public("house", names_in(cloud.region))
    return EksClusters(proved(moto, cloud), images=images, access=access, public=public)
