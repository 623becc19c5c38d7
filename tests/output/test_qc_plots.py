from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimatte.output.qc_plots import (
    HEIGHT,
    WIDTH,
    Line,
    Mark,
    frame_ticks,
    nice_step,
    plot_svg,
)


def points(svg: str) -> list[tuple[float, float]]:
    found = re.findall(r'points="([^"]*)"', svg)
    return [tuple(map(float, p.split(","))) for text in found for p in text.split()]


def test_a_plot_is_well_formed_and_inside_its_frame() -> None:
    lines = [Line("<bob>", "i1", [1.0, math.nan, 3.0, 4.0]), Line("ann", "i2", [math.nan] * 4)]
    marks = [Mark(1002, 'a "cut" & <more>', "cut"), Mark(1003, "look", "note", "#f1003")]
    svg = plot_svg("Coverage", [1001, 1002, 1003, 1004], lines, marks)
    root = ET.fromstring(svg)
    assert len(root.findall("polyline")) == 1  # the last two; the first stands alone
    assert len(root.findall("circle")) == 1
    link = root.find("a")
    assert link is not None
    assert link.get("href") == "#f1003"
    assert "<bob>" not in svg
    for x, y in points(svg):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


@pytest.mark.parametrize("values", [[0.0], [math.nan], [5.0]])
def test_a_shot_of_one_frame(values: list[float]) -> None:
    ET.fromstring(plot_svg("c", [1001], [Line("a", "i1", values)], []))


def test_a_long_shot_is_thinned_and_keeps_its_peaks() -> None:
    count = 50_000
    values = [1.0] * count
    values[12_345] = 99.0
    svg = plot_svg("c", range(count), [Line("a", "i1", values)], [])
    found = points(svg)
    assert len(found) < 2000
    assert min(y for _, y in found) < 20


@given(st.floats(1e-6, 1e9))
def test_steps_are_round(least: float) -> None:
    step = nice_step(least)
    assert least * 0.999 <= step <= least * 10
    assert f"{step:.0e}"[0] in "125"


@given(st.integers(-10_000, 10_000), st.integers(0, 1_000_000))
def test_ticks_are_whole_frames(first: int, length: int) -> None:
    ticks = frame_ticks(first, first + length)
    assert 1 <= len(ticks) <= 13
    assert all(first <= tick <= first + length for tick in ticks)
