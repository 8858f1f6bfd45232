"""How registries know who asks: anonymous, Basic or Bearer (CNCF distribution, token authentication)."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Generator

import httpx2

from seaway.kit.docker_config import Login

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class RegistryAuth(httpx2.Auth):
    """Answers a registry's 401: fetches a token where it names a realm, else sends Basic credentials.

    `find` looks for credentials when the registry at `base` (scheme and host) first asks for some, and again
    before they end, or once where they are refused: somebody may have changed them.
    """

    def __init__(self, base: str, find: Callable[[], Login | None]) -> None:
        self._base, self._find = httpx2.URL(base), find
        #: What worked for a repository; under "" where it was a password, which is good for all.
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()
        self._found: list[Login | None] = []

    def _login(self, refused: str = "") -> Login | None:
        """Give who one is; anew where what is known was `refused`, or ends soon."""
        with self._lock:
            known = self._found[0] if self._found else None
            old = known and (time.monotonic() >= known.renew or (refused and known.basic == refused))
            if old or not self._found:
                self._found = [self._find()]
            return self._found[0]

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        """Try with what worked before for this repository; on 401, get what the answer asks for."""
        if not self._ours(request.url):  # where a registry sends one for an upload, or the rest of a list
            yield request
            return
        repository = request.url.path.removeprefix("/v2/").rpartition("/blobs/")[0]
        repository = repository or request.url.path.removeprefix("/v2/").rpartition("/manifests/")[0]
        sent = self._tokens.get(repository) or self._tokens.get("", "")
        if sent.startswith("Basic") and (login := self._login()):
            sent = self._tokens[repository] = login.basic
        if sent:
            request.headers["Authorization"] = sent
        answer = yield request
        challenge = answer.headers.get("WWW-Authenticate", "")
        # ECR says with 403, and without a challenge, that a token has ended.
        ended = answer.status_code == httpx2.codes.FORBIDDEN and self._ends(sent)
        # Whoever the registry redirects to, such as a store of blobs, may not ask for its credentials.
        asks = answer.status_code == httpx2.codes.UNAUTHORIZED and challenge
        if not (asks or ended) or not self._ours(answer.url):
            return
        if asks and challenge.lower().startswith("bearer"):
            asking = self._ask_for_token(challenge)
            if request.url.scheme == "https" != asking.url.scheme:
                return
            asked = yield asking
            if not asked.is_success:
                return
            asked.read()  # this body only: a blob's is streamed
            document = asked.json()
            self._tokens[repository] = f"Bearer {document.get('token') or document.get('access_token')}"
        elif (login := self._login(sent)) and login.basic and login.basic != sent:
            self._tokens[repository] = self._tokens[""] = login.basic
        else:
            return
        request.headers["Authorization"] = self._tokens[repository]
        yield request

    def _ends(self, sent: str) -> bool:
        """Whether what was sent are credentials that end."""
        known = self._found[0] if self._found else None
        return bool(known and known.renew < math.inf and sent.startswith("Basic"))

    def _ours(self, url: httpx2.URL) -> bool:
        return (url.scheme, url.netloc) == (self._base.scheme, self._base.netloc)

    def _ask_for_token(self, challenge: str) -> httpx2.Request:
        wanted = dict(_PARAMETER.findall(challenge))
        realm = wanted.pop("realm", "")
        wanted.pop("error", None)
        login = self._login()
        if login and login.token:
            # CNCF distribution, OAuth2 token authentication.
            form = {"grant_type": "refresh_token", "client_id": "seaway", "refresh_token": login.token}
            return httpx2.Request("POST", realm, data={**wanted, **form})
        headers = {"Authorization": login.basic} if login else {}
        return httpx2.Request("GET", realm, params=wanted, headers=headers)
