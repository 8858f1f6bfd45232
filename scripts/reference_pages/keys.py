"""docs/reference/seaway-yaml.md: every key of the file, its type, default, meaning and an example."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from seaway.flow.system import System
from seaway.model import fields, quantity

HEAD: Final = """# seaway.yaml

Made by `scripts/reference` from the types themselves; do not edit it.

One file describes the system. Unknown keys are errors, and every error comes at once, with line, reason
and remedy (`seaway check`). Numbers and truths are taken as their own text where text is wanted.

Editors can check the file as it is typed: the JSON Schema lies beside the code as `seaway.schema.json`,
and `# yaml-language-server: $schema=PATH` in the first line names it.
"""

KINDS: Final = {
    fields.name: "name",
    fields.host: "host",
    fields.path: "path",
    fields.variable: "variable",
    fields.package: "package",
    fields.duration: "duration",
    fields.percent: "share",
    fields.rate: "rate",
    fields.address: "address",
    fields.network: "network",
    fields.principal: "principal",
    fields.header: "header",
    fields.command: "command",
    quantity.cpu: "cpu",
    quantity.memory: "memory",
    quantity.storage: "storage",
}


def page() -> str:
    parts = [HEAD, "## Top level\n\n" + _table(System)]
    parts.extend(_sections(System, ""))
    parts.append(_kinds())
    return "\n".join(parts)


def _sections(model: type[BaseModel], above: str) -> Iterator[str]:
    for key, field in model.model_fields.items():
        inner = _model(field.annotation)
        if inner is None:
            continue
        title = f"{above}.{key}".removeprefix(".") + (".NAME" if get_origin(field.annotation) is dict else "")
        yield f"## {title}\n\n{inspect.cleandoc(inner.__doc__ or '')}\n\n{_table(inner)}"
        yield from _sections(inner, title)


def _table(model: type[BaseModel]) -> str:
    rows = ["| key | type | default | meaning | example |", "| --- | --- | --- | --- | --- |"]
    for key, field in model.model_fields.items():
        cells = (f"`{key}`", _type(field), _default(field), field.description or "", _example(field))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _type(field: FieldInfo) -> str:
    annotation = _said(field.annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _choices(annotation)
    if inner := _model(annotation):
        return (
            f"mapping of names to {inner.__name__.removesuffix('Spec').lower()}s"
            if origin is dict
            else "mapping"
        )
    if origin is dict:
        return f"mapping of {_word(args[0])} to {_choice(args[1])}"
    if origin is tuple:
        word = _choices(args[0]) if get_origin(args[0]) is Literal else _word(args[0])
        return f"{word}, or a list of them" if args[0] is not int else "list of numbers"
    if annotation in {int, float}:
        low = next((str(m.ge) for m in field.metadata if isinstance(m, Ge)), "")
        high = next((str(m.le) for m in field.metadata if isinstance(m, Le)), "")
        return f"number, {low} to {high}" if high else f"number, at least {low}"
    return _word_of(field.metadata) or ("`true` or `false`" if annotation is bool else "text")


def _said(annotation: Any) -> Any:
    """Give what a value is where it is said: without None, and without what checks it there."""
    kinds = [each for each in get_args(annotation) if each is not NoneType]
    one = kinds[0] if get_origin(annotation) in {Union, UnionType} and len(kinds) == 1 else annotation
    return get_args(one)[0] if get_origin(one) is Annotated else one


def _choices(literal: Any) -> str:
    return " or ".join(f"`{choice}`" for choice in get_args(literal))


def _choice(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{each.value}`" for each in annotation)
    return "text"


def _word(annotation: Any) -> str:
    return _word_of(getattr(annotation, "__metadata__", ())) or "text"


def _word_of(metadata: Any) -> str:
    checkers = (m.func for m in metadata if isinstance(m, AfterValidator))
    return next((f"[{KINDS[c]}](#values)" for c in checkers if c in KINDS), "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "see below"
    return f"`{_plain(value)}`" if value or value == 0 else ""


def _example(field: FieldInfo) -> str:
    return ", ".join(f"`{_plain(example)}`" for example in field.examples or ())


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) + "}"
    return str(value) if isinstance(value, str) else json.dumps(value).replace('"', "")


def _model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model(arg))), None)


def _kinds() -> str:
    rows = ["## Values", "", "| kind | what it is |", "| --- | --- |"]
    for checker, word in KINDS.items():
        meaning = (inspect.getdoc(checker) or "").partition("\n")[0].removeprefix("Check ")
        rows.append(f"| {word} | {meaning} |")
    return "\n".join(rows) + "\n"
