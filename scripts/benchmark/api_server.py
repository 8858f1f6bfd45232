"""As much of the Kubernetes API as the pilot uses for single objects, over loopback, kept in memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx

from seaway.kit.kube import Kube, Manifest

KINDS = {
    "/api/v1": ("Secret", "ConfigMap", "Event", "Pod"),
    "/apis/gateway.networking.k8s.io/v1": ("Gateway", "HTTPRoute"),
    "/apis/gateway.envoyproxy.io/v1alpha1": ("HTTPRouteFilter",),
}


@dataclass
class Store:
    """Objects by their paths; a change that names another version than it finds is a conflict (409)."""

    objects: dict[str, Manifest] = field(default_factory=dict)
    versions: Iterator[int] = field(default_factory=lambda: count(1))

    def put(self, path: str, item: Manifest) -> Manifest:
        meta = {"uid": f"u-{path}", **item["metadata"], "resourceVersion": str(next(self.versions))}
        self.objects[path] = {**item, "metadata": meta}
        return self.objects[path]

    def of(self, plural: str, name: str) -> Manifest | None:
        """Find an object, as somebody beside the pilot sees it."""
        return next((o for p, o in self.objects.items() if p.endswith(f"/{plural}/{name}")), None)

    def answer(self, method: str, path: str, body: Manifest) -> tuple[int, Any]:
        if path in KINDS:
            listed = [{"name": f"{k.lower()}s", "kind": k, "namespaced": True} for k in KINDS[path]]
            return 200, {"resources": listed}
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            return (409, {}) if path in self.objects else (201, self.put(path, body))
        found = self.objects.get(path)
        if method == "GET" and path.rsplit("/", 1)[1].endswith("s") and found is None:
            return 200, {"items": [o for p, o in self.objects.items() if p.startswith(f"{path}/")]}
        if method == "DELETE":
            return (200, self.objects.pop(path)) if found else (404, {})
        if method == "PATCH":
            return self._patch(path, found, body)
        return (200, found) if found else (404, {})

    def _patch(self, path: str, found: Manifest | None, change: Manifest) -> tuple[int, Any]:
        if found is None:
            return (201, self.put(path, change)) if "kind" in change else (404, {})
        version = change.get("metadata", {}).get("resourceVersion")
        if version and version != found["metadata"]["resourceVersion"]:
            return 409, {"message": "the object has been modified"}
        return 200, self.put(path, _merged(found, change))


def _merged(found: Any, change: Any) -> Any:
    """Merge (RFC 7386)."""
    if not isinstance(change, dict) or not isinstance(found, dict):
        return change
    kept = {**found, **{key: _merged(found.get(key), value) for key, value in change.items()}}
    return {key: value for key, value in kept.items() if value is not None}


@contextmanager
def api_server() -> Iterator[tuple[Kube, Store]]:
    """Run it; gives a client and what it holds."""
    store = Store()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"{}")
            status, answer = store.answer(self.command, urlsplit(self.path).path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  (http.server's names)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        http = httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False)
        with closing(Kube(http, "c")) as kube:
            yield kube, store
        server.shutdown()
        thread.join()
