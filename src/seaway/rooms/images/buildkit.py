"""An image from a Dockerfile, by a BuildKit that runs already: wherever BUILDKIT_HOST says.

Sources: BuildKit's README and docs/build-repro.md, buildctl's reference, the Dockerfile frontend's options.
"""

from __future__ import annotations

import os
from typing import Any, Final

from seaway.errors import NotFound
from seaway.kit import process
from seaway.kit.distribution import Distribution
from seaway.model.event import Report
from seaway.rooms.images.dockerfile import Context
from seaway.rooms.images.layout import LOGIN, host_of, insist_on_secrets, taken, watch
from seaway.rooms.images.pull import parse
from seaway.rooms.images.store import Store, full_disk

#: Where buildkitd listens, as buildctl itself reads it.
HOST: Final = "BUILDKIT_HOST"


def make(context: Context, store: Store, report: Report, step: str) -> dict[str, Any]:
    """Have BuildKit make an image; gives what is remembered of it.

    The bases are those that their registries have now: each is pinned to its digest, and named by it in the
    provenance. Raises MissingTool without buildctl, Refused where the image would run as root, ProcessFailed
    where the Dockerfile cannot be built, NotFound for a base that is not there.
    """
    process.require("buildctl", "setpriv")
    with full_disk(store.folder), store.scratch() as folder:
        insist_on_secrets(context)
        copied, made = folder / "context", folder / "image"
        context.copy(copied)
        config = folder / "config"
        config.mkdir()
        (config / "config.json").symlink_to(LOGIN)
        bases = {name: _digest(name) for name in context.bases}
        pins = (f"--opt=context:{_familiar(n)}=docker-image://{n}@{sum_}" for n, sum_ in bases.items())
        words = (
            # It goes with whoever asked for it, and what it builds with it.
            "setpriv", "--pdeathsig=KILL",
            "buildctl", "build", "--progress=plain", "--frontend=dockerfile.v0",
            f"--local=context={copied}", f"--local=dockerfile={copied}",
            f"--opt=filename={context.file.relative_to(context.folder)}",
            "--opt=build-arg:SOURCE_DATE_EPOCH=0", *pins,
            # By name: neither the words of a command nor a file ever hold the value.
            *(f"--secret=id={name},env={name}" for name in context.secrets),
            f"--output=type=oci,tar=false,dest={made},rewrite-timestamp=true",
        )  # fmt: skip
        watch(words, {**os.environ, "DOCKER_CONFIG": str(config)}, context, report, step)
        return {
            **taken(context, made, store),
            "base": context.bases[-1] if context.bases else "",
            "bases": bases,
        }


def _digest(name: str) -> str:
    """Ask the registry of a base for its digest; names without one are Docker Hub's. Raises NotFound."""
    host, rest = host_of(name), name.removeprefix("docker.io/")
    if host == "docker.io":
        ref = parse(f"registry-1.docker.io/{rest if '/' in rest else f'library/{rest}'}")
    else:
        ref = parse(name)
    found = Distribution(ref.registry).resolve(ref.repository, str(ref.digest or ref.tag))
    if not found:
        raise NotFound(f"there is no image {name}", remedy="mend the Dockerfile's FROM")
    return found


def _familiar(name: str) -> str:
    """Write an image's name as the frontend looks for it: without what Docker adds by itself."""
    return name.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest")
