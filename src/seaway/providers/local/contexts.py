"""The user's kubeconfig: our context is merged in and taken out, everybody else's stays as it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import yaml

from seaway.errors import SeawayError
from seaway.kit.lock import locked
from seaway.model.event import notes, silent
from seaway.providers.local.home import Home

_LISTS: Final = ("clusters", "users", "contexts")


def location() -> Path:
    """The file that kubectl would write: the first of $KUBECONFIG, else ~/.kube/config."""
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(first) if first else Path.home() / ".kube" / "config"


def merge(home: Home) -> None:
    """Put the cluster's context in; it becomes the current one only where there is none."""
    ours = json.loads(home.kubeconfig.read_text())

    def change(document: dict[str, Any]) -> None:
        for key in _LISTS:
            others = [item for item in document.get(key) or [] if item.get("name") != home.context]
            document[key] = [*others, *ours[key]]
        document["current-context"] = document.get("current-context") or home.context

    _edit(change)


def use(home: Home) -> None:
    """Make the cluster's context the current one."""
    merge(home)
    _edit(lambda document: document.update({"current-context": home.context}))


def remove(context: str) -> None:
    """Take a context out, with its cluster and user; if it was the current one, none is."""

    def change(document: dict[str, Any]) -> None:
        for key in _LISTS:
            document[key] = [item for item in document.get(key) or [] if item.get("name") != context]
        if document.get("current-context") == context:
            document["current-context"] = ""

    if location().exists():
        _edit(change)


def _edit(change: Any) -> None:
    path = location()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(
        path.with_name(path.name + ".seaway-lock"),
        "another command that writes the kubeconfig",
        notes(silent, "lock"),
    ):
        document = _read(path)
        before = json.dumps(document, default=str)
        change(document)
        if json.dumps(document, default=str) == before:
            return
        real = path.resolve()
        fresh = real.with_name(real.name + ".seaway-new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            yaml.safe_dump(document, out, sort_keys=False)
        fresh.replace(real)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text()) if path.exists() else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SeawayError(
            "the kubeconfig cannot be read",
            where=str(path),
            why=str(error),
            remedy="mend it, or set KUBECONFIG to another file",
        ) from error
    if document is None:
        return {"apiVersion": "v1", "kind": "Config", **{key: [] for key in _LISTS}, "current-context": ""}
    if not isinstance(document, dict):
        raise SeawayError(
            "the kubeconfig is not a mapping",
            where=str(path),
            remedy="mend it, or set KUBECONFIG to another file",
        )
    return document
