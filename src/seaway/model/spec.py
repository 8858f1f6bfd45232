"""What every part of the file has in common."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Spec(BaseModel):
    """A frozen part of seaway.yaml; unknown keys are errors.

    `short` names the key that a bare value stands for: `scale: 3` is short for `scale: {min: 3}`. A part
    that is left empty is one with every default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    short: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, data: Any) -> Any:
        if data is None:
            return {}
        if cls.short and isinstance(data, (str, int)):
            data = {cls.short: data}
        return (
            {key: _no_truth(cls, key, value) for key, value in data.items()}
            if isinstance(data, dict)
            else data
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        """Offer editors the short form beside the long one."""
        schema = handler(core)
        full = handler.resolve_ref_schema(schema)
        if not cls.short:
            return schema
        one = full["properties"][cls.short]
        return {"anyOf": [one, schema]}


class Range(Spec):
    """From `min` to `max`, which the parts name and bound; a bare number stands for both.

    Where only min is given, max follows it, and is at least `least`.
    """

    short: ClassVar[str] = "min"
    least: ClassVar[int] = 1

    @model_validator(mode="before")
    @classmethod
    def _follow(cls, data: Any) -> Any:
        if type(data) is int:
            return {"min": data, "max": max(1, data)}  # a 0 is wrong once, not twice
        if isinstance(data, dict) and "max" not in data and type(data.get("min")) is int:
            return {**data, "max": max(cls.least, data["min"])}
        return data


def _no_truth(spec: type[Spec], key: Any, value: Any) -> Any:
    """Keep `true` from passing as the number 1."""
    field = spec.model_fields.get(key) if isinstance(key, str) else None
    return str(value).lower() if isinstance(value, bool) and field and field.annotation is int else value
