"""What a validation error of pydantic means, in the words of the file."""

from __future__ import annotations

import re
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from seaway.kit.near import did_you_mean
from seaway.kit.yaml import Path
from seaway.model.wrong import Wrong, plainly

KINDS: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number that is not huge",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "tuple_type": "a list",
    "finite_number": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
LIMITS: Final = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "too_short": ("at least", "min_length"),
    "string_too_short": ("not empty: at least", "min_length"),
}


def explain(error: Any, top: type[BaseModel]) -> tuple[Path, str, str]:
    """Give path, reason and remedy of one of `ValidationError.errors()`."""
    loc, kind = tuple(error["loc"]), error["type"]
    if loc[-1] == "[key]" and kind != "extra_forbidden":
        loc = loc[:-1]  # of a mapping whose key is wrong; a key of the file may be written like this, too
    around, field = _about(loc, top)
    key = str(loc[-1])
    if kind == "value_error" and isinstance(wrong := error["ctx"]["error"], Wrong):
        return loc, wrong.why, wrong.remedy
    if kind == "missing":
        return loc, f"{key} is missing: {_meaning(field)}", _example(key, field)
    if kind == "extra_forbidden":
        known = list(around.model_fields) if around else []
        return loc, f"unknown key {key!r}", did_you_mean(key, known) or f"known here: {', '.join(known)}"
    if kind in {"literal_error", "enum"}:
        choices = re.findall("'([^']+)'", error["ctx"]["expected"])
        why = f"{_shown(error['input'])} is none of {', '.join(choices)}"
        return loc, why, did_you_mean(str(error["input"]), choices)
    return loc, _mismatch(error), _example(key, field)


def _mismatch(error: Any) -> str:
    kind, shown = error["type"], _shown(error["input"])
    if kind == "too_long":
        return f"may be {error['ctx']['max_length']} at most, not {error['ctx']['actual_length']}"
    if kind in LIMITS:
        words, limit = LIMITS[kind]
        return f"must be {words} {error['ctx'][limit]}, not {shown}"
    return f"must be {KINDS[kind]}, not {shown}" if kind in KINDS else plainly(error["msg"])


def _about(loc: Path, top: type[BaseModel]) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Find the model that holds the last key of `loc`, and the field that the key names."""
    around, field, rest = top, None, list(loc)
    while rest:
        field = around.model_fields.get(str(rest.pop(0)))
        if field is None or not rest:
            return around, field
        if get_origin(field.annotation) in {dict, tuple}:
            rest.pop(0)  # the entry's name or index
        inner = _model(field.annotation)
        if not rest or inner is None:
            return None, None
        around = inner
    return around, field


def _model(annotation: Any) -> type[BaseModel] | None:
    """Find the model in `Model`, `Model | None` or `dict[str, Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model(arg))), None)


def _meaning(field: FieldInfo | None) -> str:
    return (field.description or "") if field else ""


def _example(key: str, field: FieldInfo | None) -> str:
    if not field or not field.examples:
        return ""
    example = field.examples[0]
    text = f"[{', '.join(map(str, example))}]" if isinstance(example, list) else str(example)
    return f"such as {key}: {text}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list" if value else "an empty list"
    text = (
        repr(value)
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
    return text if len(text) <= 40 else f"{text[:37]}…"  # noqa: PLR2004
