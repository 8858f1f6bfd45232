"""A crossing: the ordered, reversible move of some routes from the monolith to a service."""

from __future__ import annotations

from pydantic import Field

from seaway.model.spec import Spec


class CrossingSpec(Spec):
    """`login: {routes: [/login], to: frontend, steps: [1, 5, 25, 50, 100], hold: 2m, after: [...]}`."""

    routes: tuple[str, ...] = Field(min_length=1, description="path prefixes, such as /login")
    to: str = Field(description="the service that takes over")
    steps: tuple[int, ...] = Field(default=(1, 5, 25, 50, 100), description="weights on the way, in percent, rising to 100")
    hold: str = Field(default="2m", description="how long each step is held, such as 30s, 2m, 1h")
    after: tuple[str, ...] = Field(default=(), description="crossings that must be at 100 % before this one starts")
