"""What is compared before a crossing starts."""

from __future__ import annotations

from pydantic import Field

from seaway.model.fields import Percent, Rate
from seaway.model.spec import Spec


class CompareSpec(Spec):
    """How the answers of both sides are compared before anybody moves."""

    share: Percent = Field(default="10%", description="share of requests that are compared", examples=["10%"])
    requests: int = Field(
        default=200, ge=1, le=1_000_000, description="requests that must be compared", examples=[200]
    )
    differences: Rate = Field(
        default="0.5%", description="share of answers that may differ", examples=["0.5%"]
    )
    methods: tuple[str, ...] = Field(default=("GET", "HEAD"), description="methods that are compared")
    headers: tuple[str, ...] = Field(
        default=("content-type", "location"), description="headers that must be alike"
    )
    ignore: tuple[str, ...] = Field(default=(), description="fields that may differ")
