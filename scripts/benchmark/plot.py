"""A picture of things that change over time, one panel above the other, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH, HEIGHT, LEFT, GAP, TOP = 760, 90, 70, 34, 40
COLOURS: Final = ("#1f6feb", "#d29922", "#8250df")
STYLE: Final = "font: 12px sans-serif; fill: #57606a"

Line = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """What is drawn on one scale: lines of (seconds, value) by name; with `steps` a value holds on."""

    name: str
    lines: Mapping[str, Line]
    steps: bool = False


def svg(title: str, panels: Sequence[Panel]) -> str:
    """Draw the panels over the same time, each from 0 to its largest value."""
    last = max(x for panel in panels for line in panel.lines.values() for x, _ in line)
    height = TOP + len(panels) * (HEIGHT + GAP) + 10
    size = f'width="{LEFT + WIDTH + 20}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(10, 16, title, "font-weight: bold"),
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, TOP + number * (HEIGHT + GAP), last)
    for k in range(5):
        parts.append(_text(LEFT + WIDTH * k / 4, height - 6, f"{last * k / 4:.0f} s", "text-anchor: middle"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, top: float, last: float) -> list[str]:
    most = max((y for line in panel.lines.values() for _, y in line), default=0.0) or 1.0
    parts = [
        f'<path d="M{LEFT} {top} v{HEIGHT} h{WIDTH}" fill="none" stroke="#d0d7de"/>',
        _text(LEFT, top - 6, panel.name),
        _text(10, top + 10, f"{most:,.0f}" if most >= 1 else f"{most:.2g}"),
        _text(10, top + HEIGHT, "0"),
    ]
    for number, (name, line) in enumerate(panel.lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [(LEFT + WIDTH * x / last, top + HEIGHT * (1 - y / most)) for x, y in line]
        parts.append(
            f'<path d="{_path(points, steps=panel.steps)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        if len(panel.lines) > 1:
            parts.append(_text(LEFT + 160 + 110 * number, top - 6, f"— {name}", f"fill: {colour}"))
    return parts


def _path(points: Sequence[tuple[float, float]], *, steps: bool) -> str:
    first, *more = [(f"{x:.1f}", f"{y:.1f}") for x, y in points]
    return f"M{first[0]} {first[1]}" + "".join(f"H{x}V{y}" if steps else f"L{x} {y}" for x, y in more)


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" style="{STYLE}; {style}">{escape(text)}</text>'
