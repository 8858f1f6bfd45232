"""The port Charts: charts that the engine's Go modules bring, rendered by Helm's engine."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from seaway.errors import SeawayError
from seaway.kit import process
from seaway.model.event import Report
from seaway.providers.local import engine

#: libyaml's loader, where PyYAML was built with it, reads two megabytes of definitions in half a second.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class LocalCharts:
    """Implements ports/charts.py."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def identity(self, chart: str) -> str:
        return f"{chart}-{_version()}"

    def render(
        self, chart: str, release: str, namespace: str, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        programs = engine.ensure(self._report)
        with tempfile.TemporaryDirectory(prefix="seaway-chart-") as scratch:
            folder = Path(scratch) / chart
            shutil.copytree(programs.charts / chart, folder)
            _fill_template(folder)
            text = process.run(
                programs.program("engine"),
                *("chart", release, namespace, folder),
                stdin=json.dumps(values),
            )
        # A subclass of SafeLoader in both cases: nothing but plain values comes out.
        return [document for document in yaml.load_all(text, _LOADER) if document]


def _fill_template(folder: Path) -> None:
    """Make the chart's values from its template, as its own release does; Seaway's values name the image."""
    template = folder / "values.tmpl.yaml"
    if template.is_file():
        image = f"envoyproxy/gateway:{_version()}"
        text = template.read_text().replace("${GatewayImagePullPolicy}", "IfNotPresent")
        (folder / "values.yaml").write_text(text.replace("${GatewayImage}", image))


def _version() -> str:
    """Read the pinned version from the engine's go.mod."""
    pinned = (engine.source() / "go.mod").read_text()
    found = re.search(rf"{re.escape(engine.ENVOY_GATEWAY)} (v\S+)", pinned)
    if not found:
        raise SeawayError(f"{engine.ENVOY_GATEWAY} is not pinned", where=str(engine.source() / "go.mod"))
    return found[1]
