"""What is compared before a crossing starts."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from seaway.model.fields import Percent, Rate, share
from seaway.model.spec import Spec
from seaway.model.wrong import Wrong

#: Methods that nobody has to vouch for: they change nothing (RFC 9110, 9.2.1).
SAFE: Final = ("GET", "HEAD")
#: Methods that may be named beside them; naming one says that this application may be asked it three times.
METHODS: Final = (*SAFE, "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
HEADERS: Final = ("content-type", "location")
LONGEST: Final = 200

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110, 5.6.2


def method(text: str) -> str:
    """Check a method of HTTP that can be compared, in any case."""
    if text.upper() not in METHODS:
        raise Wrong(f"{text!r} cannot be compared", f"one of {', '.join(METHODS)}")
    return text.upper()


def header(text: str) -> str:
    """Check the name of a header (RFC 9110, 5.1); kept in small letters."""
    if not _TOKEN.fullmatch(text.lower()):
        raise Wrong(f"{text!r} is no name of a header", "such as content-type")
    return text.lower()


def pattern(text: str) -> str:
    """Check a pattern of places, in which `*` stands for any characters."""
    if not text.strip() or len(text) > LONGEST:
        raise Wrong(f"{text!r} is no place: 1 to {LONGEST} characters", "such as $.items[].updated")
    if not text.strip("*$. "):
        raise Wrong(f"{text!r} leaves out everything", "name the places that may differ")
    return text.strip()


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _like(*words: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(words)})


_ONE_OR_MORE: Final = BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...])
Methods = Annotated[tuple[Annotated[str, AfterValidator(method), _like(*METHODS)], ...], _ONE_OR_MORE]
Headers = Annotated[tuple[Annotated[str, AfterValidator(header)], ...], _ONE_OR_MORE]
Patterns = Annotated[tuple[Annotated[str, AfterValidator(pattern)], ...], _ONE_OR_MORE]


class CompareSpec(Spec):
    """How the answers of both sides are compared before anybody moves."""

    share: Percent = Field(
        default="10%", description="share of the requests that are compared", examples=["10%"]
    )
    requests: int = Field(
        default=200, ge=1, le=1_000_000, description="comparisons that are enough to start", examples=[200]
    )
    differences: Rate = Field(
        default="0.5%",
        description="share of comparisons that may differ in what the old side does not change by itself",
        examples=["0.5%", "0%"],
    )
    methods: Methods = Field(
        default=SAFE,
        min_length=1,
        description="methods that are compared; naming one beside GET and HEAD says that it is idempotent",
        examples=[["GET", "HEAD", "PUT"]],
    )
    headers: Headers = Field(
        default=HEADERS,
        max_length=20,
        description="headers of the answers that must be alike",
        examples=[["content-type", "location", "cache-control"]],
    )
    ignore: Patterns = Field(
        default=(),
        max_length=50,
        description="places that may differ; * stands for any characters",
        examples=[["$.items[].updated", "html img @src"]],
    )

    @property
    def limit(self) -> float:
        """Give the share that may differ, from 0 to 1."""
        return share(self.differences)
