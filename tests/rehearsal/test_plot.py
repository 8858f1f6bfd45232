"""The picture of a day."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from scripts.benchmark.plot import HEIGHT, LEFT, TOP, WIDTH, Panel, svg


def test_every_point_lies_in_its_panel_and_steps_hold_their_value() -> None:
    load = Panel("load & co", {"load": [(0.0, 0.0), (5.0, 50.0), (10.0, 100.0)]})
    nodes = Panel("nodes", {"ready": [(0.0, 1.0), (10.0, 2.0)], "desired": [(0.0, 2.0)]}, steps=True)
    picture = ET.fromstring(svg("a < day", [load, nodes]))  # noqa: S314  (made here)
    lines = [each.get("d", "") for each in picture.iter("{http://www.w3.org/2000/svg}path")]
    right, bottom = LEFT + WIDTH, TOP + HEIGHT
    assert (
        f"M{LEFT:.1f} {bottom:.1f}L{LEFT + WIDTH / 2:.1f} {TOP + HEIGHT / 2:.1f}L{right:.1f} {TOP:.1f}"
        in lines
    )
    (steps,) = [line for line in lines if re.search(r"H.*V", line)]
    assert steps.startswith(f"M{LEFT:.1f} ")
    assert f"H{right:.1f}V" in steps
