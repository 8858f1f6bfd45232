"""What the edge is in the cluster, and what can be seen of it."""

from __future__ import annotations

from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from seaway.model.snapshot import MonolithFacts
from seaway.rooms.edge.controller import identity
from seaway.rooms.edge.facts import address_of, certificate_of, look_at_monolith
from seaway.rooms.edge.plan import EdgeWish, desired
from seaway.rooms.edge.spec import EdgeSpec
from tests.rooms import golden

CASES = golden.cases(Path(__file__).parent / "cases")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.stem)
def test_the_edge_becomes_these_objects(case: Path) -> None:
    given = golden.given(case)
    spec = EdgeSpec.model_validate(given.pop("edge", {}))
    facts = MonolithFacts(**given.pop("facts")) if "facts" in given else None
    wish = EdgeWish("shop", "shop.localhost", "seaway", spec=spec, **given)
    golden.hold(case, [item.manifest for item in desired(wish, facts)])


def test_another_image_is_another_installation() -> None:
    first = identity("gateway-helm-v1.9.0", {"images/envoy-gateway": "a"})
    assert first != identity("gateway-helm-v1.9.0", {"images/envoy-gateway": "b"})
    assert identity("gateway-helm-v1.9.0", {}) == ""


def test_a_gateway_has_an_address_once_its_newest_form_is_programmed() -> None:
    condition = {"type": "Programmed", "status": "True", "observedGeneration": 2}
    status = {"addresses": [{"value": "10.0.0.1"}], "conditions": [condition]}
    assert address_of({"metadata": {"generation": 2}, "status": status}) == "10.0.0.1"
    assert address_of({"metadata": {"generation": 3}, "status": status}) == ""
    assert address_of(None) == ""


def test_a_certificate_is_known_by_its_annotations() -> None:
    until = datetime(2027, 1, 1, tzinfo=UTC)
    notes = {"seaway.dev/domain": "a", "seaway.dev/not-after": until.isoformat(), "seaway.dev/authority": "f"}
    found = certificate_of({"metadata": {"annotations": notes}})
    assert found is not None
    assert (found.domain, found.until, found.issuer) == ("a", until, "f")
    assert certificate_of({"metadata": {}}) is None


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/sound": 200, "/odd": 404, "/sick": 503}[self.path])
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("path", "answers"), [("/sound", True), ("/odd", True), ("/sick", False)])
def test_a_monolith_answers_below_500(path: str, answers: bool) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        facts = look_at_monolith(f"http://127.0.0.1:{server.server_port}", path)
    finally:
        server.shutdown()
        server.server_close()
    assert (facts.answers, facts.loopback, facts.port) == (answers, True, server.server_port)


def test_a_monolith_that_is_not_there_is_told_with_its_reason() -> None:
    facts = look_at_monolith("http://127.0.0.1:1", "/")
    assert not facts.answers
    assert "127.0.0.1:1" in facts.why
