"""A service: an HTTP workload that Seaway builds, deploys and scales."""

from __future__ import annotations

from pydantic import Field

from seaway.model.spec import Spec


class ScaleSpec(Spec):
    """`scale: {min: 2, max: 10, cpu: 60%}`."""

    min: int = Field(default=2, ge=1, le=1000)
    max: int = Field(default=2, ge=1, le=1000)
    cpu: str = Field(default="", description="target share of the requested CPU, such as 60%; makes an autoscaler")


class ResourcesSpec(Spec):
    """Requests; the memory limit equals the request, CPU has no limit (it would throttle)."""

    cpu: str = "100m"
    memory: str = "128Mi"


class RolloutSpec(Spec):
    """Times of a pod's end, in seconds. drain < grace must hold, or requests are dropped."""

    drain: int = Field(default=5, ge=3, le=3600, description="preStop sleep: endpoints are told before the process is")
    request: int = Field(default=15, ge=1, le=3600, description="the longest request that must end well")
    deadline: int = Field(default=300, ge=10, description="a rollout that makes no progress for this long has failed")


class ServiceSpec(Spec):
    """One service of the system."""

    source: str = Field(description="folder of a Python project, or one with a Dockerfile")
    run: str = Field(description="the command that serves, such as gunicorn -b 0.0.0.0:8000 frontend.wsgi")
    port: int = Field(default=8000, ge=1, le=65535)
    health: str = Field(default="/health", description="path that answers 200 while the process is sound")
    ready: str = Field(default="", description="path that answers 200 when it may get traffic; default: health")
    scale: ScaleSpec = ScaleSpec()
    resources: ResourcesSpec = ResourcesSpec()
    rollout: RolloutSpec = RolloutSpec()
    env: dict[str, str] = Field(default_factory=dict, description="${monolith} stands for the monolith's address seen from a pod")
    secrets: tuple[str, ...] = Field(default=(), description="secret session-key arrives as variable SESSION_KEY")
    database: str = Field(default="", description="name of a database; arrives as variable DATABASE_URL")
    calls: tuple[str, ...] = Field(default=(), description="services it may reach; default: those named in env as http://NAME")
