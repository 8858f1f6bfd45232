"""What every part of the file has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A frozen part of seaway.yaml; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")
