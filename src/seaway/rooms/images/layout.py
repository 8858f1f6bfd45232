"""What every engine that builds Dockerfiles has in common: its secrets, its lines, and what it wrote."""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from seaway.errors import ProcessFailed, Refused
from seaway.kit import oci, process
from seaway.kit.distribution import found_login, known_registry
from seaway.model.event import Event, Outcome, Report
from seaway.rooms.images.dockerfile import Context
from seaway.rooms.images.store import Store

#: Where an engine finds who one is to registries, and where nothing is left of it, whatever is killed.
LOGIN: Final = "/dev/stdin"
#: Lines by which an engine tells which step it does: buildah's, BuildKit's.
_STEP: Final = re.compile(r"(?:#\d+ )?((?:STEP |\[).*)")
_NON_ROOT: Final = re.compile(r"0*[1-9]\d*(?::\d+)?")


def watch(
    words: tuple[str | Path, ...], env: Mapping[str, str], context: Context, report: Report, step: str
) -> None:
    """Run an engine, which finds who one is at LOGIN, and tell the steps that it does.

    Raises ProcessFailed with its last lines.
    """
    last: deque[str] = deque(maxlen=12)
    with process.stream(words, env=env, stdin=logins(context)) as running:
        try:
            for line in running.stdout or ():
                last.append(line.rstrip())
                if found := _STEP.match(line):
                    report(Event(step, Outcome.PROGRESS, found[1].strip(), 0.5))
        except BaseException:
            running.kill()
            raise
    if running.returncode:
        raise ProcessFailed(
            "the Dockerfile cannot be built", where=str(context.file), why="\n".join(last),
            remedy="mend the step that failed; what went well before it is kept",
        )  # fmt: skip


def taken(context: Context, made: Path, store: Store) -> dict[str, Any]:
    """Take an image from the folder where an engine wrote it (OCI image layout) into the store."""

    def blob(digest: str) -> Path:
        return made / "blobs" / "sha256" / digest.removeprefix("sha256:")

    top = json.loads((made / "index.json").read_bytes())["manifests"][0]["digest"]
    manifest = json.loads(blob(top).read_bytes())
    config = json.loads(blob(manifest["config"]["digest"]).read_bytes())
    _insist_on_a_user(context, config.get("config", {}).get("User", ""))
    steps = [each.get("created_by", "") for each in config.get("history", ()) if not each.get("empty_layer")]
    steps += [""] * (len(manifest["layers"]) - len(steps))
    layers = []
    for layer, diff_id, why in zip(manifest["layers"], config["rootfs"]["diff_ids"], steps, strict=False):
        if not store.keep(layer["digest"]):
            blob(layer["digest"]).replace(store.blob(layer["digest"]))
        layers.append(asdict(oci.Layer(layer["digest"], diff_id, layer["size"], layer["mediaType"], why)))
    base = manifest.get("annotations", {}).get("org.opencontainers.image.base.name", "")
    return {"layers": layers, "config": config, "base": base}


def logins(context: Context) -> str:
    """Give who one is to the registries of the bases, as a config of Docker has it."""
    found: dict[str, dict[str, str]] = {}
    for host in sorted(hosts(context)):
        known = known_registry(host)
        login = known.login() if known else found_login(host)
        if login and login.basic:
            found[host] = {"auth": login.basic.removeprefix("Basic ")}
    return json.dumps({"auths": found})


def hosts(context: Context) -> set[str]:
    return {host_of(name) for name in context.bases}


def host_of(image: str) -> str:
    """Name the registry of an image as a Dockerfile names it: Docker's own where the name has none."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def insist_on_secrets(context: Context) -> None:
    if missing := [name for name in context.secrets if not os.environ.get(name)]:
        raise Refused(
            f"the secret {missing[0]} of the build is not set", where=str(context.file),
            why="build.secrets names it, and it is a variable of whoever builds",
            remedy=f"export {missing[0]}=…",
        )  # fmt: skip


def _insist_on_a_user(context: Context, user: str) -> None:
    if not _NON_ROOT.fullmatch(user):
        raise Refused(
            f"the image would run as {user or 'root'}", where=str(context.file),
            why="pods run without rights, and a cluster can only tell that of a user's number other than 0",
            remedy="add to the end of the Dockerfile: USER 10001",
        )  # fmt: skip
