"""How the control plane of a cluster on EKS shall be, where that is not left to EKS and Seaway."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from seaway.model.fields import several
from seaway.model.spec import Spec
from seaway.model.wrong import Wrong

_VERSION: Final = re.compile(r"1\.[1-9][0-9]")
#: A key by its own id: what an alias leads to may change, and a cluster keeps its key for good.
_KEY: Final = re.compile(
    r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4,12}){4})"
)


def version(text: str) -> str:
    """Check a minor version of Kubernetes, as EKS names it."""
    if not _VERSION.fullmatch(text):
        raise Wrong(f"{text!r} is no version of Kubernetes on EKS", "one such as 1.36, without a patch level")
    return text


def key(text: str) -> str:
    """Check the ARN of a key of AWS KMS (AWS KMS developer guide, Key identifiers)."""
    if not _KEY.fullmatch(text):
        raise Wrong(
            f"{text!r} is no key of AWS KMS",
            "its ARN, not that of an alias, such as "
            "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        )
    return text


def region_of(key: str) -> str:
    """Read the region of a key that was checked."""
    found = _KEY.fullmatch(key)
    return found["region"] if found else ""


Version = Annotated[str, AfterValidator(version), WithJsonSchema({"type": ["string", "number"]})]
Key = Annotated[str, AfterValidator(key), WithJsonSchema({"type": "string", "pattern": "^arn:aws"})]
#: What a control plane can write (EKS API reference, LogSetup).
Log = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]
Logs = Annotated[tuple[Log, ...], BeforeValidator(several, json_schema_input_type=Log | tuple[Log, ...])]


class ControlSpec(Spec):
    """The control plane of a cluster on EKS; what is not said here is left as it is, or as EKS has it."""

    version: Version = Field(
        default="",
        description="the version of Kubernetes of a new cluster, by default the one that EKS gives; later "
        "it goes up by `seaway cluster upgrade`",
        examples=["1.36"],
    )
    private: bool | None = Field(
        default=None,
        description="true: the cluster's API answers inside its network only, and so only from there do "
        "`seaway` and `kubectl` reach it; false: outside too, as a new cluster does by default",
        examples=[True],
    )
    key: Key = Field(
        default="",
        description="a key of AWS KMS in the same region, by its ARN, under which EKS encrypts what the API "
        "keeps, Secrets among it; settled when the cluster is made",
        examples=["arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
    )
    logs: Logs | None = Field(
        default=None,
        description="what the control plane writes to CloudWatch, these and no others, [] for nothing; by "
        "default at least api, audit and authenticator",
        examples=[["audit"]],
    )
