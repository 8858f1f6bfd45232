"""A crossing: the ordered, reversible move of some routes from the monolith to a service."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from seaway.model.fields import Duration, Name, Names, Rate, UrlPaths, seconds, share
from seaway.model.spec import Spec
from seaway.model.wrong import Wrong
from seaway.rooms.crossing.compare.spec import CompareSpec
from seaway.rooms.crossing.guards import Rules
from seaway.rooms.crossing.hours import Hours, checked_hours, checked_zone

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_PLAIN: Final = re.compile(r"[!-~]+")
_LATENCY: Final = re.compile(r"([1-9][0-9]{0,5})(ms|s)")
SECOND: Final = 1000  # milliseconds
#: Eight matches for each path, where everything is asked for, of the 128 that an HTTPRoute may have.
ROUTES: Final = 15


def latency(text: str) -> str:
    """Check a latency: whole milliseconds or seconds, such as 800ms or 2s; empty for none."""
    if text and not _LATENCY.fullmatch(text):
        raise Wrong(f"{text!r} is no latency", f"write {text}ms" if text.isdigit() else "such as 800ms, 2s")
    return text


def _milliseconds(text: str) -> float | None:
    found = _LATENCY.fullmatch(text)
    return float(found[1]) * (SECOND if found[2] == "s" else 1) if found else None


Latency = Annotated[
    str, AfterValidator(latency), WithJsonSchema({"type": "string", "pattern": f"^(?:{_LATENCY.pattern})?$"})
]


class GuardSpec(Spec):
    """What must hold while a crossing moves, or it goes back; `5%` is short for `{errors: 5%}`."""

    short: ClassVar[str] = "errors"

    errors: Rate = Field(
        default="5%",
        description="share of failed requests of the new side above which it goes back; 100% is no limit",
        examples=["2%", "0.5%"],
    )
    worse: bool = Field(
        default=True, description="whether it goes back when the new side fails more often than the old one"
    )
    latency: float = Field(
        default=1.5,
        ge=0,
        le=100,
        description="how many times the old side's p99 the new side's may be; 0 is no limit",
        examples=[1.5, 2],
    )
    p99: Latency = Field(
        default="", description="the new side's p99 at most, whatever the old side's is", examples=["800ms"]
    )
    minimum: int = Field(
        default=100, ge=0, le=1_000_000, description="requests that each step must have seen", examples=[100]
    )
    patience: Duration = Field(
        default="6h",
        description="how long a step waits for `minimum` requests before it goes on with fewer",
        examples=["6h", "24h"],
    )

    @field_validator("latency")
    @classmethod
    def _ratio(cls, ratio: float) -> float:
        if 0 < ratio < 1:
            raise Wrong(f"latency {ratio} asks the new side to be faster than the old one", "1 or more, or 0")
        return ratio

    @field_validator("errors")
    @classmethod
    def _some(cls, errors: Rate) -> Rate:
        if not share(errors):
            raise Wrong("no system fails never: errors is more than 0%", "such as 0.5%")
        return errors

    @property
    def rules(self) -> Rules:
        """Give the rules as the statistics know them."""
        limit = share(self.errors)
        return Rules(
            errors=limit if limit < 1 else None,
            worse=self.worse,
            latency=self.latency or None,
            p99=_milliseconds(self.p99),
            minimum=self.minimum,
        )

    @property
    def patience_seconds(self) -> int:
        return seconds(self.patience)


class MarkSpec(Spec):
    """A header or cookie and its value; `X-Tester=yes` is short for `{name: X-Tester, value: yes}`."""

    name: str = Field(description="its name", examples=["X-Tester"])
    value: str = Field(description="the value that testers send", examples=["yes"])

    @model_validator(mode="before")
    @classmethod
    def _pair(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        name, parted, value = data.partition("=")
        if not parted:
            raise Wrong(f"{data!r} has no value", f"such as {data}=yes")
        return {"name": name.strip(), "value": value.strip()}

    @field_validator("name")
    @classmethod
    def _token(cls, name: str) -> str:
        if not _TOKEN.fullmatch(name):
            raise Wrong(f"{name!r} is no name of a header or cookie", "such as X-Tester")
        return name

    @field_validator("value")
    @classmethod
    def _value(cls, value: str) -> str:
        if not _PLAIN.fullmatch(value) or set(value) & set('";,\\'):
            raise Wrong(
                f"{value!r} is no plain value", 'letters, digits and signs, without space, ", ;, comma and \\'
            )
        return value


class TestersSpec(Spec):
    """Who sees the new side before everybody else: whoever sends this header, or this cookie."""

    header: MarkSpec | None = Field(default=None, description="a request header", examples=["X-Tester=yes"])
    cookie: MarkSpec | None = Field(default=None, description="a cookie", examples=["tester=yes"])

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.header is None) == (self.cookie is None):
            raise Wrong("testers are told by a header or by a cookie", "testers: {header: X-Tester=yes}")
        return self


def _steps(value: Any) -> Any:
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else value


class CrossingSpec(Spec):
    """One crossing: which routes go to which service, in which steps, after which others, watched by what."""

    routes: UrlPaths = Field(
        min_length=1,
        max_length=ROUTES,
        description="path prefixes that move; / is all that no other crossing names",
        examples=[["/login", "/logout"]],
    )
    to: Name = Field(description="the service that takes over", examples=["frontend"])
    after: Names = Field(
        default=(), description="crossings that must be settled before this one starts", examples=[["login"]]
    )
    start: Literal["manual", "automatic"] = Field(
        default="manual",
        description="whether it waits for `seaway cross start`, or starts as soon as it may",
        examples=["automatic"],
    )
    steps: Annotated[
        tuple[int, ...], BeforeValidator(_steps, json_schema_input_type=int | tuple[int, ...])
    ] = Field(
        default=(1, 5, 25, 50, 100),
        min_length=1,
        max_length=20,
        description="weights on the way, in percent, rising to 100",
        examples=[[1, 5, 25, 50, 100]],
    )
    hold: Duration = Field(
        default="2m", description="how long each step is watched", examples=["30s", "2m", "1h"]
    )
    only: Annotated[str, AfterValidator(checked_hours)] = Field(
        default="",
        description="when it may move up; the way back is never limited",
        examples=["Mon-Thu 09:00-16:00", "Mon-Thu 09:00-16:00, Sat 10:00-12:00"],
    )
    timezone: Annotated[str, AfterValidator(checked_zone)] = Field(
        default="UTC", description="the time zone of `only`", examples=["Europe/Berlin"]
    )
    alone: bool = Field(
        default=True, description="whether it waits while another crossing of the system moves"
    )
    guard: GuardSpec = Field(default=GuardSpec(), description="what must hold while it moves")
    compare: CompareSpec | None = Field(
        default=None, description="compare the answers of both sides before anybody moves; without, none are"
    )
    sticky: bool = Field(
        default=False, description="whether a visitor stays on the side where they arrived, by a cookie"
    )
    testers: TestersSpec | None = Field(
        default=None,
        description="who sees the new side before everybody else",
        examples=["{header: X-Tester=yes}"],
    )

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if steps[0] < 1 or any(a >= b for a, b in pairwise(steps)):
            raise Wrong(f"steps must rise from at least 1: {list(steps)}", "such as [1, 5, 25, 50, 100]")
        if steps[-1] != 100:  # noqa: PLR2004
            raise Wrong(
                f"the last step must be 100, not {steps[-1]}", "end with 100: the crossing is then done"
            )
        return steps

    @property
    def hold_seconds(self) -> int:
        return seconds(self.hold)

    @property
    def hours(self) -> Hours:
        """Give the hours in which it may move up."""
        return Hours.parse(self.only, self.timezone)
