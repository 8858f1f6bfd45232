"""A crossing: the ordered, reversible move of some routes from the monolith to a service."""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field, field_validator

from seaway.model.fields import Duration, Name, Names, UrlPaths, seconds
from seaway.model.spec import Spec
from seaway.model.wrong import Wrong


class CrossingSpec(Spec):
    """One crossing: which routes go to which service, in which steps, after which others."""

    routes: UrlPaths = Field(
        min_length=1,
        description="path prefixes that move; / is all that no other crossing names",
        examples=[["/login", "/logout"]],
    )
    to: Name = Field(description="the service that takes over", examples=["frontend"])
    steps: tuple[int, ...] = Field(
        default=(1, 5, 25, 50, 100),
        min_length=1,
        description="weights on the way, in percent, rising to 100",
        examples=[[1, 5, 25, 50, 100]],
    )
    hold: Duration = Field(
        default="2m", description="how long each step is held", examples=["30s", "2m", "1h"]
    )
    after: Names = Field(
        default=(), description="crossings that must be at 100 % before this one starts", examples=[["login"]]
    )

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if steps[0] < 1 or any(a >= b for a, b in pairwise(steps)):
            raise Wrong(f"steps must rise from at least 1: {list(steps)}", "such as [1, 5, 25, 50, 100]")
        if steps[-1] != 100:  # noqa: PLR2004
            raise Wrong(
                f"the last step must be 100, not {steps[-1]}", "end with 100: the crossing is then done"
            )
        return steps

    @property
    def hold_seconds(self) -> int:
        return seconds(self.hold)
