"""The public name moves there and back under load, for real, and no request fails."""

from __future__ import annotations

from pathlib import Path

from scripts.benchmark.names import Knot, there_and_back


def test_no_request_fails_while_the_name_moves_there_and_back(knot: Knot, tmp_path: Path) -> None:
    """Whoever the name no longer leads to is shut as soon as the command says so."""
    figures = there_and_back(knot, tmp_path, ttl=2, visitors=3)
    assert figures["name_moved_failed"] == 0
    assert figures["name_moved_at_each"] > 0
