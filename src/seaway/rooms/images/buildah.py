"""An image from a Dockerfile, by buildah: without a daemon, in namespaces that end with the build."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from seaway.errors import ProcessFailed, Refused
from seaway.kit import oci, process
from seaway.kit.distribution import found_login, known_registry, speaks_plainly
from seaway.kit.lock import locked
from seaway.model.event import Event, Outcome, Report
from seaway.rooms.images.dockerfile import Context
from seaway.rooms.images.store import Store, full_disk

#: Part of every key: raise it when the way buildah is called changes.
RECIPE: Final = 2
#: Whatever dies, its mounts and processes go with these namespaces, and they with whoever asked for them.
_ALONE: Final = (
    "setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
)  # fmt: skip
#: Images of steps that are kept for the next build; with more of them buildah begins anew.
MOST: Final = 300
_NON_ROOT: Final = re.compile(r"0*[1-9]\d*(?::\d+)?")


@dataclass(frozen=True)
class Built:
    """What buildah made: the layers are in the store, `config` is the image's configuration.

    `base` names the image that its last stage starts from; `bases` are the digests of all that were pulled.
    """

    layers: tuple[oci.Layer, ...]
    config: Mapping[str, Any]
    base: str
    bases: Mapping[str, str]


def built(context: Context, name: str, store: Store, report: Report, step: str) -> Built:
    """Find the image of the key `name`, or have buildah make it.

    Raises MissingTool without buildah, Refused without root or where it would run as root, ProcessFailed
    where the Dockerfile cannot be built.
    """
    known = store.recall(name)
    if not known or not all(store.keep(layer["digest"]) for layer in known["layers"]):
        process.require("buildah", "unshare", "setpriv")
        if os.geteuid() != 0:
            raise Refused(
                "a Dockerfile is built by root only", where=str(context.file),
                why="its steps change a root file system", remedy="run it with sudo",
            )  # fmt: skip
        with (
            locked(store.folder / "locks" / "buildah", "another build", lambda _: None),
            full_disk(store.folder),
        ):
            known, kept = _make(context, store, report, step)
            if kept > MOST:
                _forget(store)
        store.remember(name, known)
    return Built(tuple(oci.Layer(**layer) for layer in known["layers"]), known["config"],
                 known["base"], known["bases"])  # fmt: skip


def forget(store: Store) -> None:
    """Let the next build pull its bases again and run every step of the Dockerfile."""
    with locked(store.folder / "locks" / "buildah", "another build", lambda _: None):
        _forget(store)


def _forget(store: Store) -> None:
    shutil.rmtree(store.buildah, ignore_errors=True)


def _make(context: Context, store: Store, report: Report, step: str) -> tuple[dict[str, Any], int]:
    """Build; gives what is remembered of the image, and how many images of steps buildah keeps."""
    with store.scratch() as folder:
        _insist_on_secrets(context)
        env = _environment(context, folder)
        engine = _engine(store.buildah, folder, env)
        copied, made, told = folder / "context", folder / "image", folder / "id"
        context.copy(copied)
        trust = ("--signature-policy", folder / "policy.json")
        options = (
            *trust,
            "--isolation=chroot",
            "--layers",
            "--format=oci",
            "--timestamp=0",
            "--identity-label=false",
        )
        # By name: neither the words of a command nor a file ever hold the value.
        secrets = tuple(f"--secret=id={name},env={name}" for name in context.secrets)
        file = copied / context.file.relative_to(context.folder)
        try:
            _watch((*engine, "build", *options, *secrets, "--iidfile", told, "-f", file, copied),
                   env, context, report, step)  # fmt: skip
            process.run(
                *engine, "push", *trust, "--quiet", told.read_text().strip(), f"oci:{made}:image", env=env
            )
            listed = json.loads(process.run(*engine, "images", "--all", "--json", env=env))
        finally:
            process.run(*engine, "rm", "--all", env=env, check=False)
        os.utime(store.buildah)
        return {**_taken(context, made, store), "bases": _bases(context, listed)}, len(listed)


def _environment(context: Context, folder: Path) -> dict[str, str]:
    """Let buildah reach the registries of the bases as we do: who one is, whom one trusts, who is plain.

    Short names are Docker's. The folder is its owner's only, and gone after the build.
    """
    lines = ['unqualified-search-registries = ["docker.io"]', 'short-name-mode = "disabled"']
    logins = {}
    for host in sorted({_host(name) for name in context.bases}):
        known = known_registry(host)
        login = known.login() if known else found_login(host)
        if login and login.basic:
            logins[host] = {"auth": login.basic.removeprefix("Basic ")}
        if known:
            trusted = folder / ".config" / "containers" / "certs.d" / host
            trusted.mkdir(parents=True)
            shutil.copy(known.trust, trusted / "ca.crt")
        if speaks_plainly(host):
            lines.append(f'[[registry]]\nlocation = "{host}"\ninsecure = true')
    (folder / "registries.conf").write_text("\n".join(lines) + "\n")
    (folder / "auth.json").write_text(json.dumps({"auths": logins}))
    (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    return {
        **os.environ,
        "HOME": str(folder),
        "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
        "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        "TMPDIR": str(folder),
    }


def _host(image: str) -> str:
    """Name the registry of an image as a Dockerfile names it: Docker's own where the name has none."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def _engine(place: Path, folder: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    """Give the words that call buildah on its storage, rid of what a killed build left there.

    Its driver is vfs where the file system cannot be overlaid.
    """
    for driver in ("overlay", "vfs"):
        words = (
            *_ALONE, "buildah", "--root", f"{place / driver}", "--runroot", f"{folder / 'run'}",
            "--storage-driver", driver,
        )  # fmt: skip
        try:
            process.run(*words, "rm", "--all", env=env)
        except ProcessFailed:
            if driver == "vfs":
                raise
            continue
        break
    return words


def _watch(
    words: tuple[str | Path, ...], env: Mapping[str, str], context: Context, report: Report, step: str
) -> None:
    """Run the build and tell its lines. Raises ProcessFailed with the last of them."""
    last: deque[str] = deque(maxlen=12)
    with process.stream(words, env=env) as running:
        try:
            for line in running.stdout or ():
                last.append(line.rstrip())
                if line.startswith(("STEP ", "[")):
                    report(Event(step, Outcome.PROGRESS, line.strip(), 0.5))
        except BaseException:
            running.kill()
            raise
    if running.returncode:
        raise ProcessFailed(
            "the Dockerfile cannot be built", where=str(context.file), why="\n".join(last),
            remedy="mend the step that failed; what went well before it is kept",
        )  # fmt: skip


def _taken(context: Context, made: Path, store: Store) -> dict[str, Any]:
    """Take an image from the folder where buildah wrote it (OCI image layout) into the store."""

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


def _bases(context: Context, listed: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Find the digests of the images that the Dockerfile names among those that buildah has."""
    wanted = {f"/{name.partition('@')[0]}" for name in context.bases}
    wanted |= {f"{name}:latest" for name in wanted if ":" not in name.rpartition("/")[2]}
    return {
        name: each["digest"]
        for each in listed
        for name in each.get("names") or ()
        if any(f"/{name}".endswith(end) for end in wanted)
    }


def _insist_on_secrets(context: Context) -> None:
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
