"""Reports of scanners: what they found is counted, whatever form they are written in."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.rooms.images.scans import SEVERITIES, counted, finished, worse

TRIVY = {
    "ArtifactName": "app",
    "Results": [{"Vulnerabilities": [{"Severity": "HIGH"}, {"Severity": "LOW"}]}, {}],
}
GRYPE = {"matches": [{"vulnerability": {"severity": "High"}}, {"vulnerability": {"severity": "Negligible"}}]}
CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "vulnerabilities": [
        {"ratings": [{"severity": "low"}, {"severity": "high"}, {"severity": "info"}]},
        {"ratings": [{"severity": "low"}]},
    ],
}


@pytest.mark.parametrize("report", [TRIVY, GRYPE, CYCLONEDX])
def test_every_known_form_is_counted_alone_and_in_cosigns_predicate(report: dict[str, Any]) -> None:
    for predicate in (report, {"scanner": {"uri": "pkg:scanner", "result": report}}):
        assert counted(predicate) == {"high": 1, "low": 1}


@pytest.mark.parametrize(
    "clean", [{"ArtifactName": "app"}, {"matches": []}, {**CYCLONEDX, "vulnerabilities": []}]
)
def test_nothing_found_is_no_finding(clean: dict[str, Any]) -> None:
    counts = counted(clean)
    assert counts is not None
    assert worse(counts, "none") == []


@pytest.mark.parametrize(
    "odd",
    [
        *(None, "clean", {}, {"result": "PASSED"}, {"scanner": {"result": []}}, {"matches": ["x"]}),
        *({"Results": [{"Vulnerabilities": [{}]}]}, {"matches": [{"vulnerability": {}}]}),
        {"bomFormat": "CycloneDX", "components": []},
    ],
)
def test_a_report_that_cannot_be_read_is_not_taken_for_a_clean_one(odd: Any) -> None:
    assert counted(odd) is None


def test_what_has_no_known_severity_counts_as_the_worst() -> None:
    assert counted({"matches": [{"vulnerability": {"severity": "Unknown"}}]}) == {"critical": 1}
    assert counted({**CYCLONEDX, "vulnerabilities": [{}]}) == {"critical": 1}


def test_only_what_is_worse_is_told_the_worst_first() -> None:
    counts = counted({"matches": [{"vulnerability": {"severity": each}} for each in (*SEVERITIES, "low")]})
    assert counts is not None
    assert worse(counts, "critical") == []
    assert worse(counts, "medium") == ["1 critical", "1 high"]
    assert worse(counts, "none") == ["1 critical", "1 high", "1 medium", "2 low"]


def test_the_end_of_a_scan_is_read_where_it_is_told() -> None:
    assert finished({"metadata": {"scanFinishedOn": "2026-11-28T12:00:00Z"}}) == "2026-11-28T12:00:00Z"
    assert {finished(None), finished({}), finished({"metadata": []})} == {""}
