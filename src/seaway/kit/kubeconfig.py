"""The user's kubeconfig: contexts are merged in and taken out, everybody else's stay as they are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from seaway.errors import SeawayError
from seaway.kit.lock import locked

_LISTS: Final = ("clusters", "users", "contexts")


def location() -> Path:
    """The file that kubectl would write: the first of $KUBECONFIG, else ~/.kube/config."""
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(first) if first else Path.home() / ".kube" / "config"


def holding(context: str) -> Path:
    """Find the file of $KUBECONFIG, which may name several, that has the context; else the first of them."""
    files = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    for file in files:
        if any(item.get("name") == context for item in _read(file).get("contexts") or []):
            return file
    return location()


def entries(context: str, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """Compose a kubeconfig with one context; cluster and user are called like it."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": dict(cluster)}],
        "users": [{"name": context, "user": dict(user)}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "current-context": context,
    }


def merge(context: str, ours: Mapping[str, Any]) -> None:
    """Put a context in; it becomes the current one only where there is none."""

    def change(document: dict[str, Any]) -> None:
        for key in _LISTS:
            others = [item for item in document.get(key) or [] if item.get("name") != context]
            document[key] = [*others, *ours[key]]
        document["current-context"] = document.get("current-context") or context

    _edit(change)


def use(context: str) -> None:
    """Make a context that is there the current one."""
    _edit(lambda document: document.update({"current-context": context}))


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
        lambda _: None,
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
