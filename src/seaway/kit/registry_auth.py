"""How registries know who asks: anonymous, Basic or Bearer (CNCF distribution, token authentication)."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Generator
from pathlib import Path

import httpx2

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def credentials(host: str) -> tuple[str, str] | None:
    """Look up user and password for `host` where `docker login` keeps them, or None."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        known = json.loads((folder / "config.json").read_text()).get("auths", {})
        packed = (known.get(host) or known.get(f"https://{host}") or {}).get("auth", "")
    except (OSError, ValueError):
        return None
    user, colon, password = base64.b64decode(packed).decode().partition(":")
    return (user, password) if colon else None


class RegistryAuth(httpx2.Auth):
    """Answers a registry's 401: fetches a token where it names a realm, else sends Basic credentials."""

    def __init__(self, login: tuple[str, str] | None) -> None:
        self._basic = _basic(*login) if login else ""
        self._tokens: dict[str, str] = {}

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        """Try with what worked before for this repository; on 401, get what the answer asks for."""
        repository = request.url.path.removeprefix("/v2/").rpartition("/blobs/")[0]
        repository = repository or request.url.path.removeprefix("/v2/").rpartition("/manifests/")[0]
        if known := self._tokens.get(repository):
            request.headers["Authorization"] = known
        answer = yield request
        challenge = answer.headers.get("WWW-Authenticate", "")
        # Whoever the registry redirects to, such as a store of blobs, may not ask for its credentials.
        elsewhere = answer.url.netloc != request.url.netloc
        if answer.status_code != httpx2.codes.UNAUTHORIZED or not challenge or elsewhere:
            return
        if challenge.lower().startswith("bearer"):
            asking = self._ask_for_token(challenge)
            if request.url.scheme == "https" != asking.url.scheme:
                return
            asked = yield asking
            if not asked.is_success:
                return
            asked.read()  # this body only: a blob's is streamed
            document = asked.json()
            self._tokens[repository] = f"Bearer {document.get('token') or document.get('access_token')}"
        elif self._basic:
            self._tokens[repository] = self._basic
        else:
            return
        request.headers["Authorization"] = self._tokens[repository]
        yield request

    def _ask_for_token(self, challenge: str) -> httpx2.Request:
        wanted = dict(_PARAMETER.findall(challenge))
        realm = wanted.pop("realm", "")
        wanted.pop("error", None)
        headers = {"Authorization": self._basic} if self._basic else {}
        return httpx2.Request("GET", realm, params=wanted, headers=headers)


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
