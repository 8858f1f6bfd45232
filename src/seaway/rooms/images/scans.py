"""What a scanner found in an image, as its own report tells: how many vulnerabilities of which severity.

The report is what a team's scanner wrote, inside cosign's predicate for vulnerabilities (cosign, COSIGN_VULN_
ATTESTATION_SPEC.md: `scanner.result`, `metadata.scanFinishedOn`) or by itself. Read are the JSON forms of
Trivy, of Grype, and CycloneDX with `vulnerabilities`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

#: From harmless to worst.
SEVERITIES: Final = ("none", "low", "medium", "high", "critical")
_ALIKE: Final = {"negligible": "low", "info": "low", "informational": "low", "moderate": "medium"}


def counted(predicate: Any) -> Counter[str] | None:
    """Count what was found by severity; None where the report is of a form that is not known.

    What is of no known severity counts as critical: nobody can say that it is less.
    """
    report = _report(predicate)
    if not isinstance(report, dict):
        return None
    try:
        if isinstance(report.get("Results"), list) or "ArtifactName" in report:
            said = list(_trivy(report))
        elif isinstance(report.get("matches"), list):
            said = [str(each["vulnerability"]["severity"]) for each in report["matches"]]
        elif report.get("bomFormat") == "CycloneDX" and isinstance(report.get("vulnerabilities"), list):
            said = [_worst(each.get("ratings") or ()) for each in report["vulnerabilities"]]
        else:
            return None
    except (KeyError, TypeError, AttributeError):
        return None
    return Counter(_severity(each) for each in said)


def finished(predicate: Any) -> str:
    """Tell when a scan ended (RFC 3339), where it says so."""
    metadata = predicate.get("metadata") if isinstance(predicate, dict) else None
    return str(metadata.get("scanFinishedOn", "")) if isinstance(metadata, dict) else ""


def worse(counts: Counter[str], worst: str) -> list[str]:
    """List what is worse than `worst`, such as `2 critical`, the worst first."""
    beyond = SEVERITIES[SEVERITIES.index(worst) + 1 :]
    return [f"{counts[each]} {each}" for each in reversed(beyond) if counts[each]]


def _report(predicate: Any) -> Any:
    scanner = predicate.get("scanner") if isinstance(predicate, dict) else None
    return scanner["result"] if isinstance(scanner, dict) and "result" in scanner else predicate


def _trivy(report: dict[str, Any]) -> Iterator[str]:
    for each in report.get("Results") or ():
        for one in each.get("Vulnerabilities") or ():
            yield str(one["Severity"])


def _severity(word: str) -> str:
    word = _ALIKE.get(word.lower(), word.lower())
    return word if word in SEVERITIES else SEVERITIES[-1]


def _worst(ratings: Iterable[dict[str, Any]]) -> str:
    """Choose the worst of the ratings that several sources give."""
    known = [_severity(str(each.get("severity", ""))) for each in ratings]
    return max(known, key=SEVERITIES.index, default=SEVERITIES[-1])
