"""How a cluster is reached: an HTTP client through a context of a kubeconfig, or as a pod.

Apart from kit.kube, which is imported by all that knows manifests: lightkube takes a tenth of a second.
"""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ConfigError

from seaway.errors import NotFound


def through(document: dict[str, Any], context: str, path: str) -> httpx.Client:
    """Connect through a context of a kubeconfig that was read from `path`. Raises NotFound."""
    try:
        config = KubeConfig.from_dict(document, fname=path).get(context)
    except (ConfigError, KeyError, TypeError) as error:
        raise NotFound(
            f"no context {context} in {path}", why=str(error), remedy="seaway cluster list"
        ) from error
    if config is None:
        raise NotFound(f"no context {context} in {path}", remedy="seaway cluster list")
    return client_adapter.Client(config, _limits(30.0))


def as_pod(seconds: float) -> httpx.Client:
    """Connect as the pod's own service account; no answer takes longer than `seconds`.

    The token is read again where the server no longer takes it. Raises NotFound outside a pod.
    """
    try:
        config = KubeConfig.from_service_account().get()
    except (ConfigError, KeyError) as error:
        raise NotFound("this is no pod with a service account", why=str(error)) from error
    if config is None:
        raise NotFound("this is no pod with a service account")
    return client_adapter.Client(config, _limits(seconds))


def _limits(seconds: float) -> client_adapter.ConnectionParams:
    return client_adapter.ConnectionParams(timeout=httpx.Timeout(seconds, connect=3.0), trust_env=False)
