"""Charts of third-party parts, as their makers ship them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Charts(Protocol):
    """Turns a Helm chart and values into manifests."""

    def identity(self, chart: str) -> str:
        """Name and version of the chart as one text, without rendering anything."""

    def render(
        self, chart: str, release: str, namespace: str, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Give the chart's manifests, definitions (CRDs) and hooks included."""
