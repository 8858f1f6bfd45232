"""A service: an HTTP workload that Seaway builds, deploys and scales."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, field_validator

from seaway.model.fields import (
    Command,
    Cpu,
    Duration,
    Memory,
    Name,
    Names,
    Percent,
    Port,
    Text,
    UrlPath,
    Variable,
    seconds,
)
from seaway.model.spec import Range, Spec
from seaway.model.wrong import Wrong

#: Migrations that take away what the release before needs.
CONTRACT: Final = "contract"


def next_name(service: str) -> str:
    """Name the new version of a service while it runs beside the old one."""
    return f"{service}-next"


class ScaleSpec(Range):
    """Replicas; `scale: 3` is short for `{min: 3, max: 3}`."""

    min: int = Field(default=2, ge=1, le=1000, description="replicas that always run", examples=[2])
    max: int = Field(
        default=2,
        ge=1,
        le=1000,
        description="replicas that the autoscaler may reach; by default min",
        examples=[10],
    )
    cpu: Percent = Field(
        default="",
        description="share of the requested CPU that the autoscaler aims at",
        examples=["60%"],
    )
    memory: Percent = Field(
        default="",
        description="share of the requested memory that the autoscaler aims at; without cpu, memory and "
        "requests there is none",
        examples=["80%"],
    )
    requests: int = Field(
        default=0,
        ge=1,
        le=100000,
        description="requests a second through the gateway, for each replica, that the autoscaler aims at",
        examples=[50],
    )
    calm: Duration = Field(
        default="5m",
        description="how long fewer replicas must have been enough before some go",
        examples=["1m"],
    )

    @field_validator("min", mode="before")
    @classmethod
    def _someone(cls, least: Any) -> Any:
        """Refuse a service that may sleep: nothing holds a request until its first pod is there."""
        if least == 0:
            why = "0 replicas answer nobody: requests would fail until the first one is there"
            raise Wrong(why, "say 1 at least; with a small resources.cpu it costs little")
        return least

    @property
    def targets(self) -> dict[str, int]:
        """What the autoscaler aims at; empty where none is wanted.

        `cpu` and `memory` in percent of what a replica requests, `requests` in those a second for each.
        """
        shares = {"cpu": self.cpu, "memory": self.memory}
        wanted = {name: int(share.removesuffix("%")) for name, share in shares.items() if share}
        return {**wanted, **({"requests": self.requests} if self.requests else {})}

    @property
    def calm_seconds(self) -> int:
        return seconds(self.calm)


class ResourcesSpec(Spec):
    """Requests; the memory limit equals the request, CPU has no limit (it would throttle)."""

    cpu: Cpu = Field(default="100m", description="CPU that each replica requests", examples=["100m", "2"])
    memory: Memory = Field(
        default="128Mi",
        description="memory that each replica requests and may use",
        examples=["128Mi", "1Gi"],
    )


class RolloutSpec(Spec):
    """Times of a pod's end, in seconds; its grace period is drain + request and a reserve."""

    drain: int = Field(
        default=5,
        ge=3,
        le=3600,
        description="preStop sleep: endpoints are told before the process is",
        examples=[5],
    )
    request: int = Field(
        default=15, ge=1, le=3600, description="the longest request that must end well", examples=[60]
    )
    deadline: int = Field(
        default=300,
        ge=10,
        le=86400,
        description="a rollout that makes no progress for this long has failed; more than drain + request",
        examples=[600],
    )


class BuildSpec(Spec):
    """How the image of a service is made, where its folder alone does not say."""

    dockerfile: str = Field(
        default="",
        description="a Dockerfile of the folder, built by buildah or BuildKit; by default Dockerfile, where "
        "the folder has no pyproject.toml and no lock file of a Python project",
        examples=["Dockerfile"],
    )
    secrets: tuple[Variable, ...] = Field(
        default=(),
        description="variables of whoever builds that steps of a Dockerfile may mount as secrets: "
        "RUN --mount=type=secret,id=NAME; they are in no layer",
        examples=[["INDEX_TOKEN"]],
    )


class ServiceSpec(Spec):
    """One service of the system."""

    source: str = Field(
        min_length=1,
        description="folder of a Python project, or with a Dockerfile, from where the file lies",
        examples=["./frontend"],
    )
    build: BuildSpec = Field(default=BuildSpec(), description="how its image is made")
    run: Command = Field(
        description="the command that serves; it must listen on 0.0.0.0:PORT",
        examples=["gunicorn -b 0.0.0.0:8000 frontend.wsgi"],
    )
    port: Port = Field(default=8000, description="port that it listens on", examples=[8000])
    health: UrlPath = Field(
        default="/health",
        description="path that answers 200 while the process is sound",
        examples=["/health"],
    )
    ready: UrlPath = Field(
        default="",
        description="path that answers 200 when it may get traffic; by default health",
        examples=["/ready"],
    )
    scale: ScaleSpec = Field(default=ScaleSpec(), description="how many replicas")
    resources: ResourcesSpec = Field(default=ResourcesSpec(), description="what each replica requests")
    rollout: RolloutSpec = Field(default=RolloutSpec(), description="times of a rollout")
    release: Literal["rolling", "crossing"] = Field(
        default="rolling",
        description="how a new version comes: by a rolling update, or as a crossing beside the old one, with "
        "the steps and guards of the crossing that leads to the service",
        examples=["crossing"],
    )
    migrations: Literal["expand", "contract"] = Field(
        default="expand",
        description="what this release does to the data: expand leaves what the version before needs, "
        "contract takes it away, so that a return is no longer safe",
        examples=["contract"],
    )
    env: dict[Variable, Text] = Field(
        default_factory=dict,
        description="variables; ${monolith} stands for the monolith's address as a pod reaches it",
        examples=[{"USERS_URL": "http://users"}],
    )
    secrets: Names = Field(
        default=(),
        description="secrets that it gets; session-key arrives as the variable SESSION_KEY",
        examples=[["session-key"]],
    )
    database: Name = Field(
        default="", description="its database; arrives as the variable DATABASE_URL", examples=["users"]
    )
    calls: Names = Field(
        default=(),
        description="services that it may reach; by default those named in env as http://NAME",
        examples=[["users", "thoughts"]],
    )
