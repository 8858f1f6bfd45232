"""What is this machine's, whatever the file says: its clusters, authority and engine."""

from __future__ import annotations

from pathlib import Path

from seaway.model.event import Report
from seaway.providers.local import engine
from seaway.providers.local.ca import LocalCertificates
from seaway.providers.local.clusters import LocalClusters


def authority() -> tuple[str, str]:
    """Give the local authority's certificate: where it lies, and its PEM."""
    certificates = LocalCertificates()
    return certificates.authority_path(), certificates.authority_pem()


def clusters() -> LocalClusters:
    return LocalClusters()


def build_engine(report: Report, archive: Path | None) -> dict[str, str]:
    """Build the engine where it is not there yet, and pack it for other machines where that is asked for."""
    built = engine.ensure(report)
    document = {"engine": str(built.folder)}
    if archive:
        document |= {"archive": str(archive), "sha256": engine.pack(built, archive)}
    return document
