"""ECR of a rehearsal: moto's, but for the password, which opens the registry of this machine."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Final

from seaway.providers.local.access import ECR
from seaway.twin.quiet import Quiet

#: How long a password is good (ECR user guide, Private registry authentication), in seconds.
LIFE: Final = 12 * 3600
_ASKED: Final = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"


class Ecr(Quiet):
    """`moto` is the URL of all that is not the password, `host` the registry, `password` what opens it."""

    moto: str
    host: str
    password: Callable[[], str]

    def _answer(self) -> None:
        body = self.body()
        if self.headers.get("X-Amz-Target") == _ASKED:
            self.reply(200, {"Content-Type": "application/x-amz-json-1.1"}, self._password())
        else:
            self.reply(*self.passed_on(self.moto, body))

    do_GET = do_POST = _answer  # noqa: N815

    def _password(self) -> bytes:
        pair = base64.b64encode(f"{ECR}:{type(self).password()}".encode()).decode()
        ends, where = time.time() + LIFE, f"https://{self.host}"
        given = {"authorizationToken": pair, "expiresAt": ends, "proxyEndpoint": where}
        return json.dumps({"authorizationData": [given]}).encode()
