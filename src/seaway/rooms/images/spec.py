"""How images are made."""

from __future__ import annotations

from pydantic import Field

from seaway.model.spec import Spec


class ImagesSpec(Spec):
    """`images: {base: debian}`."""

    base: str = Field(default="debian", description="debian: Python from Debian's packages; else an image to start from")
    packages: tuple[str, ...] = Field(default=(), description="further Debian packages in the base layer")
