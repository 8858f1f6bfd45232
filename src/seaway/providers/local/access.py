"""Access to a registry of this machine: TLS by the local authority, and two accounts with passwords.

`push` is the seaway command's own account and may do all; `pull` is the nodes' and may only read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seaway.errors import NotFound, Refused, SeawayError
from seaway.kit.distribution import Known
from seaway.kit.docker_config import Login, find_login
from seaway.kit.http import Http
from seaway.kit.lock import locked
from seaway.kit.registry_auth import RegistryAuth
from seaway.model.event import notes, silent
from seaway.providers.local import control, home

if TYPE_CHECKING:
    from seaway.providers.local.ca import LocalCertificates

HOST: Final = f"127.0.0.1:{control.REGISTRY_PORT}"
#: What a client may know it by: a node by its cluster's end of the link.
NAMES: Final = ("localhost",)
ADDRESSES: Final = ("127.0.0.1", *(str(home.Home("", n).outside) for n in range(home.CLUSTERS)))
PUSH: Final = "push"
PULL: Final = "pull"
#: PUSH, by the name that passwords of ECR are for (ECR user guide): the registry stands in for one of these.
ECR: Final = "AWS"
REMEDY: Final = "start the machine's registry: seaway up, or seaway cluster create"


@dataclass(frozen=True)
class Access:
    """How the registry at `host` is reached; its certificate and passwords are kept in `folder`."""

    host: str = HOST
    folder: Path = home.STATE / "registry-access"
    authority: Path = home.STATE / "ca"

    @property
    def certificates(self) -> LocalCertificates:
        """The authority, whose files lie in the folder `authority`."""
        from seaway.providers.local.ca import LocalCertificates  # noqa: PLC0415  (cryptography)

        return LocalCertificates(self.authority)

    def make(self) -> bool:
        """Make what is not there, and a certificate that does not do any more; says whether it did."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.folder / "lock", "another start of the registry", notes(silent, "lock")):
            for account in (PUSH, PULL):
                if not self.login_file(account).is_file():
                    self._make_login(account)
            return self.certificates.serve(self.folder, "registry", NAMES, ADDRESSES)

    def stands(self) -> bool:
        """Whether the registry served in this form, every node knew of it, and its certificate still does."""
        return self.ready.exists() and self.certificates.serves(self.folder, "registry", NAMES, ADDRESSES)

    def login_file(self, account: str) -> Path:
        """Name the file with an account's password, in the form of Docker's config.json."""
        return self.folder / account / "config.json"

    @property
    def ready(self) -> Path:
        """There once the registry served in this form, and every node knew of it."""
        return self.folder / "ready"

    def account(self, name: str) -> Login:
        """Read an account with its password. Raises NotFound where it was not made yet."""
        file = self.login_file(name)
        if found := find_login(self.host, file):
            return found
        raise NotFound("the registry's password is not there", where=str(file), remedy=REMEDY)

    def login(self) -> Login:
        """Find who one is to it: the account that may push, or who `docker login` says where that is closed.

        Raises Refused where that says nothing, NotFound before the registry was first started.
        """
        if os.access(self.folder, os.X_OK) or not self.folder.exists():
            return self.account(PUSH)
        if found := find_login(self.host):
            return found
        raise Refused(
            "the machine's registry asks for a password", where=str(self.login_file(PUSH)),
            why="only root may read it", remedy=f"run it again with sudo, or: docker login {self.host}",
        )  # fmt: skip

    def known(self) -> Known:
        """Say how it is reached, for clients of any registry."""
        denied = (
            f"seaway cluster create, as root, has it take its passwords again; else docker login {self.host}"
        )
        return Known(self.authority / "ca.crt", self.login, denied)

    def configuration(self, storage: Path) -> dict[str, Any]:
        """Compose the registry's own configuration (CNCF distribution); of passwords it has the SHA-256."""
        sums = {
            each: hashlib.sha256(self.account(each).password.encode()).hexdigest() for each in (PUSH, PULL)
        }
        pair = {"certificate": f"{self.folder}/registry.crt", "key": f"{self.folder}/registry.key"}
        return {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
            "auth": {"accounts": {**sums, ECR: sums[PUSH]}},
            "http": {"addr": self.host, "tls": {**pair, "minimumtls": "tls1.2"}},
        }

    def answers(self) -> bool:
        """Whether it serves, over TLS, and takes the password of the account that may push."""
        base = f"https://{self.host}"
        auth, trust = RegistryAuth(base, self.login), self.known().trust
        try:
            with Http(base, attempts=1, timeout=2, auth=auth, trust=trust) as http:
                http.request("GET", "/v2/")
        except SeawayError:
            return False
        return True

    def _make_login(self, account: str) -> None:
        file = self.login_file(account)
        file.parent.mkdir(exist_ok=True, mode=0o700)
        pair = base64.b64encode(f"{account}:{secrets.token_urlsafe(32)}".encode()).decode()
        from seaway.providers.local import certificate  # noqa: PLC0415  (cryptography)

        certificate.write(file, json.dumps({"auths": {self.host: {"auth": pair}}}).encode())
