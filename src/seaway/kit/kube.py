"""Kubernetes objects as plain manifests, over a connection that lightkube sets up.

Every kind works, custom ones included: the plural and the scope come from the API server's own discovery,
once per group and version. Writes are server-side apply with the field manager `seaway`, so that fields of
other managers are left alone.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import yaml

from seaway.errors import Conflict, NotFound, Refused, SeawayError, Unreachable
from seaway.kit.bearer import Bearer

codes = httpx.codes
MANAGER = "seaway"
#: Seconds before another try to connect; a handshake of a busy machine can fail once for no lasting reason.
CONNECT_PAUSES = (0.1, 0.3)
#: How often it is asked again where the server says "later": a young one does while its storage starts.
LATER = 15
#: Methods that do no more the second time; of PATCH, the kinds that are used here: apply and merge.
REPEATABLE = frozenset({"GET", "PATCH", "DELETE"})
#: Objects in one answer to a list.
PAGE = 500
Manifest = dict[str, Any]
_METADATA_ONLY = "application/json;as={kind};g=meta.k8s.io;v=v1"


class Ref(NamedTuple):
    """Which object: `namespace` is empty for a kind that has none."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Ref:
        meta = manifest["metadata"]
        return cls(manifest["apiVersion"], manifest["kind"], meta["name"], meta.get("namespace", ""))


@dataclass(frozen=True)
class Resource:
    """How the API server serves a kind."""

    plural: str
    namespaced: bool


class Kube:
    """One cluster, through one explicit context. Safe to use from several threads.

    Every method raises Unreachable where the server does not answer, Refused where it says no (403, 422),
    Conflict where the object is another one by now (409), and SeawayError for the rest; what does not exist
    is None or an empty list, not an error.
    """

    def __init__(self, http: httpx.Client, context: str) -> None:
        self.context = context
        self._http = http
        self._served: dict[str, dict[str, Resource]] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_kubeconfig(cls, path: str, context: str) -> Kube:
        """Connect through this context, whatever the file's current one is.

        Raises NotFound where the file or the context does not exist.
        """
        try:
            return cls.from_document(yaml.safe_load(Path(path).read_text()), context, path)
        except (OSError, TypeError) as error:
            raise NotFound(
                f"no context {context} in {path}", why=str(error), remedy="seaway cluster list"
            ) from error

    @classmethod
    def from_document(
        cls,
        document: dict[str, Any],
        context: str,
        path: str = "memory",
        sign: Callable[[], str] | None = None,
    ) -> Kube:
        """Connect through a context of a kubeconfig that was read from `path`. Raises NotFound.

        `sign` makes the token by which the server knows us; it is asked again before the token ends.
        """
        from seaway.kit import connection  # noqa: PLC0415  (lightkube)

        client = connection.through(document, context, path)
        if sign:
            client.auth = Bearer(sign)
        return cls(client, context)

    @classmethod
    def in_cluster(cls, seconds: float) -> Kube:
        """Connect as the pod's own service account; no answer takes longer than `seconds`.

        The token is read again where the server no longer takes it. Raises NotFound outside a pod.
        """
        from seaway.kit import connection  # noqa: PLC0415  (lightkube)

        return cls(connection.as_pod(seconds), "in-cluster")

    def get(self, ref: Ref) -> Manifest | None:
        if self._resource(ref.api_version, ref.kind) is None:
            return None
        answer = self._send("GET", self._path(ref), tolerate=(codes.NOT_FOUND,))
        return _json(answer) if answer.is_success else None

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        metadata: bool = False,
    ) -> list[Manifest]:
        """All objects of a kind that match `labels` and `fields` (selectors), in one namespace or in all.

        `metadata` leaves spec, status and data out, so that contents never travel. A kind that the server
        does not know has no objects.
        """
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        return [*self._pages(api_version, kind, namespace, selectors, metadata=metadata)]

    def each(
        self, api_version: str, kind: str, *, namespace: str = "", labels: str = ""
    ) -> Iterator[Manifest]:
        """Yield the same one after another; no more than a page of them is in memory at once."""
        return self._pages(api_version, kind, namespace, {"labelSelector": labels})

    def _pages(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        selectors: Mapping[str, str],
        *,
        metadata: bool = False,
    ) -> Iterator[Manifest]:
        resource = self._resource(api_version, kind)
        if resource is None:
            return
        place = f"/namespaces/{namespace}" if namespace and resource.namespaced else ""
        headers = {"Accept": _METADATA_ONLY.format(kind="PartialObjectMetadataList")} if metadata else {}
        params = {**{name: text for name, text in selectors.items() if text}, "limit": str(PAGE)}
        while True:
            path = f"{_root(api_version)}{place}/{resource.plural}"
            answer = _json(self._send("GET", path, params=params, headers=headers))
            for item in answer.get("items") or []:
                yield {**item, "apiVersion": api_version, "kind": kind}
            following = answer.get("metadata", {}).get("continue")
            if not following:
                return
            params["continue"] = following

    def apply(self, manifest: Manifest, *, manager: str = MANAGER) -> Manifest:
        """Server-side apply: create it, or change the fields that `manifest` names."""
        params = {"fieldManager": manager, "force": "true"}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        path = self._path(Ref.of(manifest))
        applied: Manifest = _json(self._send("PATCH", path, params=params, headers=headers, body=manifest))
        return applied

    def create(self, manifest: Manifest) -> Manifest | None:
        """Create it; None where an object of that name is there already, which is left as it is."""
        path = self._path(Ref.of(manifest)).rsplit("/", 1)[0]
        params = {"fieldManager": MANAGER}
        answer = self._send("POST", path, params=params, body=manifest, tolerate=(codes.CONFLICT,))
        return _json(answer) if answer.is_success else None

    def ask(self, review: Manifest) -> Manifest:
        """Have the server answer a review, which it does not keep (such as a SubjectAccessReview)."""
        path = self._path(Ref(review["apiVersion"], review["kind"], "")).rsplit("/", 1)[0]
        answered: Manifest = _json(self._send("POST", path, body=review))
        return answered

    def patch(self, ref: Ref, change: Manifest, *, subresource: str = "", manager: str = MANAGER) -> Manifest:
        """Merge `change` into the object, or into its subresource (JSON merge patch, RFC 7386).

        With `metadata.resourceVersion` in it: only if the object has this version still, else Conflict.
        """
        headers = {"Content-Type": "application/merge-patch+json"}
        path, params = f"{self._path(ref)}/{subresource}".rstrip("/"), {"fieldManager": manager}
        patched: Manifest = _json(self._send("PATCH", path, params=params, headers=headers, body=change))
        return patched

    def delete(self, ref: Ref, *, propagation: str = "Background", grace: int | None = None) -> bool:
        """Delete it; False where it was not there. `propagation` is Background, Foreground or Orphan.

        `grace` is the seconds that a pod has to end; 0 takes it away at once (DeleteOptions, meta/v1).
        """
        options: Manifest = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        options |= {} if grace is None else {"gracePeriodSeconds": grace}
        return self._send("DELETE", self._path(ref), body=options, tolerate=(codes.NOT_FOUND,)).is_success

    def evict(self, namespace: str, pod: str) -> bool:
        """Ask for a pod's eviction (policy/v1 Eviction); False where a budget does not allow it yet (429)."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
        }
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
        answer = self._send("POST", path, body=body, tolerate=(codes.NOT_FOUND, codes.TOO_MANY_REQUESTS))
        return answer.status_code != codes.TOO_MANY_REQUESTS

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        name: str = "",
        seconds: int = 60,
    ) -> Iterator[tuple[str, Manifest]]:
        """Yield the objects as they are (ADDED), then every change, for at most `seconds`."""
        resource = self._resource(api_version, kind)
        if resource is None:
            return
        params = {"watch": "true", "timeoutSeconds": str(seconds), "allowWatchBookmarks": "false"}
        if labels:
            params["labelSelector"] = labels
        if name:
            params["fieldSelector"] = f"metadata.name={name}"
        place = f"/namespaces/{namespace}" if namespace and resource.namespaced else ""
        path = f"{_root(api_version)}{place}/{resource.plural}"
        try:
            timeout = httpx.Timeout(seconds + 10.0, connect=3.0)
            with self._http.stream("GET", path, params=params, timeout=timeout) as answer:
                if answer.is_error:
                    answer.read()
                    raise self._error("GET", path, answer)
                for line in answer.iter_lines():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        return
                    yield event["type"], event["object"]
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def logs(
        self, namespace: str, pod: str, *, container: str = "", tail: int = 20, previous: bool = False
    ) -> str:
        """Read the last lines of a container; nothing where it has not started."""
        params = {"tailLines": str(tail), "previous": "true" if previous else "false"}
        if container:
            params["container"] = container
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        try:
            return self._send("GET", path, params=params).text
        except SeawayError:
            return ""

    @property
    def address(self) -> str:
        """Where the API server answers."""
        return str(self._http.base_url)

    def ready(self) -> bool:
        """Whether the API server says that it is ready."""
        try:
            return self._http.get("/readyz", timeout=3.0).is_success
        except httpx.TransportError:
            return False

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the server knows the kind now; asked anew, so that a new CRD is seen."""
        with self._lock:
            if kind not in self._served.get(api_version, {}):
                self._served.pop(api_version, None)
        return self._resource(api_version, kind) is not None

    def close(self) -> None:
        self._http.close()

    def _resource(self, api_version: str, kind: str) -> Resource | None:
        with self._lock:
            known = self._served.get(api_version)
        if known is None:
            answer = self._send("GET", _root(api_version), tolerate=(codes.NOT_FOUND,))
            listed = _json(answer)["resources"] if answer.is_success else []
            known = {r["kind"]: Resource(r["name"], r["namespaced"]) for r in listed if "/" not in r["name"]}
            if known:
                with self._lock:
                    self._served[api_version] = known
        return known.get(kind)

    def _path(self, ref: Ref) -> str:
        resource = self._resource(ref.api_version, ref.kind)
        if resource is None and self.serves(ref.api_version, ref.kind):
            resource = self._resource(ref.api_version, ref.kind)
        if resource is None:
            raise SeawayError(
                f"the cluster does not know {ref.kind} ({ref.api_version})",
                where=self.context,
                why="its definition (CRD) is not installed",
                remedy="seaway up",
            )
        place = f"/namespaces/{ref.namespace or 'default'}" if resource.namespaced else ""
        return f"{_root(ref.api_version)}{place}/{resource.plural}/{ref.name}"

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        tolerate: tuple[int, ...] = (),
    ) -> httpx.Response:
        content = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})} if content else dict(headers or {})
        try:
            answer = self._try(method, path, params=params, headers=sent, content=content)
            for _ in range(LATER):
                if answer.status_code in tolerate or not (seconds := _later(answer)):
                    break
                time.sleep(seconds)
                answer = self._try(method, path, params=params, headers=sent, content=content)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if answer.is_success or answer.status_code in tolerate:
            return answer
        raise self._error(method, path, answer)

    def _try(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Ask, again where no connection came about: nothing was sent then, so any method may be repeated.

        Where a connection was lost, only what may be done twice is asked again (RFC 9110, 9.2.2).
        """
        lost = (httpx.NetworkError, httpx.RemoteProtocolError) if method in REPEATABLE else httpx.ConnectError
        for pause in CONNECT_PAUSES:
            try:
                return self._http.request(method, path, **request)
            except lost:
                time.sleep(pause)
        return self._http.request(method, path, **request)

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"the cluster behind context {self.context} does not answer",
            where=str(self._http.base_url),
            why=str(error) or type(error).__name__,
            remedy="seaway cluster list",
        )

    def _error(self, method: str, path: str, answer: httpx.Response) -> SeawayError:
        try:
            why = str(answer.json().get("message", answer.text))
        except ValueError:
            why = answer.text[:500]
        if answer.status_code >= codes.INTERNAL_SERVER_ERROR or answer.status_code == codes.TOO_MANY_REQUESTS:
            return Unreachable(
                f"the API server failed ({answer.status_code})", where=f"{method} {path}", why=why
            )
        if answer.status_code == codes.CONFLICT:
            return Conflict("somebody else changed it in between", where=f"{method} {path}", why=why)
        if answer.status_code in {codes.FORBIDDEN, codes.UNPROCESSABLE_CONTENT}:
            return Refused("the API server refused", where=f"{method} {path}", why=why)
        return SeawayError(f"the API server answered {answer.status_code}", where=f"{method} {path}", why=why)


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _later(answer: httpx.Response) -> float:
    """Seconds to wait before asking again; 0 where the server did not ask for that (RFC 6585, 4)."""
    wait = answer.headers.get("Retry-After", "")
    later = answer.status_code == codes.TOO_MANY_REQUESTS and wait.isdigit()
    return min(max(float(wait), 0.1), 2.0) if later else 0.0


def _json(answer: httpx.Response) -> Any:
    return json.loads(answer.content)
