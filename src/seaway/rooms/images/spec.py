"""How images are made."""

from __future__ import annotations

from pydantic import Field

from seaway.model.fields import Packages
from seaway.model.spec import Spec


class ImagesSpec(Spec):
    """How Python projects become images."""

    base: str = Field(
        default="debian",
        min_length=1,
        description="debian: Python from Debian's packages; else an image to start from",
        examples=["debian", "registry.example.com/python:3.13"],
    )
    packages: Packages = Field(
        default=(), description="further Debian packages in the base layer", examples=[["libpq5"]]
    )
