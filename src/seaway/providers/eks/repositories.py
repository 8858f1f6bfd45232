"""Where a cluster's images lie: repositories of ECR below a folder that is called like the cluster."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.parts import CLUSTER, Fix, Ids, Live, by_part, listed, tags_in, tags_of, untaken

#: How many images a repository keeps, the newest. What runs is among them: each `up` that builds one brings
#: it into the cluster. Signatures and papers have no tag of this form: they are not counted.
KEPT: Final = 100
#: Questions about repositories at the same time.
AT_ONCE: Final = 8
#: Tags cannot be moved but those that list what belongs to an image: these grow (cosign, OCI referrers).
MUTABILITY: Final = "IMMUTABLE_WITH_EXCLUSION"
MOVABLE: Final = "sha256-*"
_TAGS: Final[Any] = {
    "imageTagMutability": MUTABILITY,
    "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": MOVABLE}],
}
_SCANNED: Final[Any] = {"scanOnPush": True}
LIFECYCLE: Final = {
    "rules": [
        {
            "rulePriority": 1,
            "description": f"Keep the newest {KEPT} images",
            "selection": {
                "tagStatus": "tagged",
                "tagPatternList": ["src-*"],
                "countType": "imageCountMoreThan",
                "countNumber": KEPT,
            },
            "action": {"type": "expire"},
        }
    ]
}


@dataclass(frozen=True)
class Repository:
    """One image's repository: tags that cannot be moved, every image scanned as it comes."""

    cluster: str
    name: str

    @property
    def id(self) -> str:
        return f"repository/{self.name}"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        return by_part([live for live in _found(cloud, cluster) if tags_in(live).get(CLUSTER) == cluster])

    def see(self, cloud: Cloud) -> Live | None:
        """Find this one alone: with many of them, looking at all after each would take minutes."""
        found = _found(cloud, self.cluster, self.name)
        return next((live for live in found if tags_in(live).get(CLUSTER) == self.cluster), None)

    def create(self, cloud: Cloud, ids: Ids) -> None:  # noqa: ARG002
        name = f"{self.cluster}/{self.name}"
        with untaken(f"repository {name}"):
            cloud.ecr.create_repository(
                repositoryName=name,
                tags=listed(tags_of(self.cluster, self.id)),
                **_TAGS,
                imageScanningConfiguration=_SCANNED,
            )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        name, ecr, fixes = live["repositoryName"], cloud.ecr, []
        if any(live.get(key) != value for key, value in _TAGS.items()):
            call: Any = partial(ecr.put_image_tag_mutability, **_TAGS)
            fixes.append(Fix("tags that cannot be moved", partial(call, repositoryName=name)))
        if not live["imageScanningConfiguration"].get("scanOnPush"):
            call = partial(ecr.put_image_scanning_configuration, imageScanningConfiguration=_SCANNED)
            fixes.append(Fix("scan of what comes", partial(call, repositoryName=name)))
        if live["Lifecycle"] != LIFECYCLE:
            call = partial(ecr.put_lifecycle_policy, lifecyclePolicyText=json.dumps(LIFECYCLE))
            fixes.append(Fix(f"keep the newest {KEPT} images", partial(call, repositoryName=name)))
        return fixes

    @classmethod
    def settled(cls, live: Live) -> bool:  # noqa: ARG003
        return True

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["repositoryArn"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cloud.ecr.delete_repository(repositoryName=live["repositoryName"], force=True)

    @classmethod
    def drop(cls, cloud: Cloud, live: Live) -> bool:
        """Have it go unless there are images in it. Gives whether it went."""
        try:
            cloud.ecr.delete_repository(repositoryName=live["repositoryName"])
        except cloud.ecr.exceptions.RepositoryNotEmptyException:
            return False
        return True


def host(cloud: Cloud, account: str) -> str:
    """Name an account's registry in the cloud's region (ECR user guide, Private registry)."""
    top = "amazonaws.com.cn" if cloud.partition == "aws-cn" else "amazonaws.com"
    return f"{account}.dkr.ecr.{cloud.region}.{top}"


def _found(cloud: Cloud, cluster: str, name: str = "") -> list[Live]:
    """Find the repositories in the cluster's folder, or one: ECR can look for names, not for tags."""
    only: Any = {"repositoryNames": [f"{cluster}/{name}"]} if name else {}
    try:
        pages = list(cloud.ecr.get_paginator("describe_repositories").paginate(**only))
    except cloud.ecr.exceptions.RepositoryNotFoundException:
        return []
    below = (each for page in pages for each in page["repositories"])
    mine: list[Live] = [dict(each) for each in below if each["repositoryName"].startswith(f"{cluster}/")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(partial(_whole, cloud), mine))


def _whole(cloud: Cloud, live: Live) -> Live:
    """Add its tags and its policy, which ECR tells only one by one."""
    tags = cloud.ecr.list_tags_for_resource(resourceArn=live["repositoryArn"]).get("tags", [])
    try:
        given = cloud.ecr.get_lifecycle_policy(repositoryName=live["repositoryName"])["lifecyclePolicyText"]
    except cloud.ecr.exceptions.LifecyclePolicyNotFoundException:
        given = "null"
    return {**live, "Tags": tags, "Lifecycle": json.loads(given)}
