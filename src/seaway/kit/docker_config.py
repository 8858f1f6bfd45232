"""Who one is to a registry, as `docker login` and credential helpers keep it.

Sources: Docker's config.json (docker login, Credential stores, Credential helpers) and the protocol of
docker-credential-helpers.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from seaway.errors import MissingTool, ProcessFailed, UsageError
from seaway.kit import process

#: The user that stands for an identity token instead of a password.
_TOKEN: Final = "<token>"  # noqa: S105  (a name, no secret)
#: Under what Docker keeps the credentials for its own registry, whatever host that is asked at.
_HUB: Final = "https://index.docker.io/v1/"
_HUB_HOSTS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
#: Seconds that a helper may take: some ask a cloud.
_PATIENCE: Final = 60


@dataclass(frozen=True)
class Login:
    """A user with a password, or else an identity token (OAuth 2's refresh token).

    One that ends is asked for anew from `renew` on, in seconds of time.monotonic().
    """

    user: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    renew: float = field(default=math.inf, compare=False)

    @property
    def basic(self) -> str:
        """The header for Basic authentication (RFC 7617); empty for an identity token."""
        packed = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return "" if self.token else f"Basic {packed}"


def find_login(host: str, path: Path | None = None) -> Login | None:
    """Find who one is to the registry at `host`: a helper of its own, the store, then what is in the file.

    The file is Docker's own, where `path` names no other.

    Raises UsageError for a file that cannot be read, MissingTool and ProcessFailed where a helper is missing
    or fails.
    """
    path = path or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    config = _read(path)
    names = [_HUB] if host in _HUB_HOSTS else [host, f"https://{host}", f"https://{host}/v1/"]
    helpers = config.get("credHelpers") or {}
    own = next((str(helpers[name]) for name in names if name in helpers), "")
    helper = own or str(config.get("credsStore") or "")
    found = (_ask(helper, name, path) for name in (names if helper else ()))
    known = next((login for login in found if login), None)
    return known or (None if own else _kept(config.get("auths") or {}, names, path))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    return config if isinstance(config, dict) else {}


def _ask(helper: str, name: str, path: Path) -> Login | None:
    """Ask a credential helper; it answers with JSON, or that it knows nothing."""
    program = f"docker-credential-{helper}"
    if not _NAME.fullmatch(helper):
        raise _unreadable(path, f"{helper!r} is no name of a credential helper")
    try:
        said = json.loads(process.run(program, "get", stdin=name, timeout=_PATIENCE))
    except MissingTool as error:
        raise MissingTool(
            f"{program} is not on the PATH", where=str(path), why="the file leaves credentials to it",
            remedy="install it, or take it out of credsStore and credHelpers and run docker login",
        ) from error  # fmt: skip
    except ProcessFailed as error:
        if "credentials not found" in error.why:
            return None
        raise
    except ValueError as error:
        raise ProcessFailed(f"{program} gave no JSON", where=str(path)) from error
    user, secret = str(said.get("Username", "")), str(said.get("Secret", ""))
    return Login(user, token=secret) if user == _TOKEN else Login(user, secret)


def _kept(auths: Mapping[str, Any], names: list[str], path: Path) -> Login | None:
    """Read what stands in the file itself."""
    for name in names:
        entry = auths.get(name) or {}
        if token := entry.get("identitytoken"):
            return Login(_TOKEN, token=str(token))
        try:
            user, colon, password = (
                base64.b64decode(entry.get("auth", ""), validate=True).decode().partition(":")
            )
        except (binascii.Error, UnicodeDecodeError) as error:
            raise _unreadable(path, f"auths.{name}.auth is no user and password") from error
        if colon:
            return Login(user, password)
    return None


def _unreadable(path: Path, why: str) -> UsageError:
    return UsageError(
        "the Docker config file cannot be used", where=str(path), why=why, remedy="docker login"
    )
