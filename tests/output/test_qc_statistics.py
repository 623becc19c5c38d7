from __future__ import annotations

import math

import numpy as np
import pytest

from vimatte.frames.window import Window
from vimatte.output.qc_statistics import Statistics

WINDOW = Window(0, 0, 100, 80)


def disc(radius: float, x: float = 50, blur: float = 1.0) -> np.ndarray:
    rows, columns = np.mgrid[:80, :100]
    distance = np.hypot(rows - 40, columns - x)
    return np.clip((radius - distance) / blur + 0.5, 0, 1).astype(np.float32)


def test_coverage_is_a_share_of_the_plate() -> None:
    statistics = Statistics({1: "a", 2: "b"})
    statistics.add(
        7, 8000, {1: (Window(5, 5, 10, 20), np.full((20, 10), 0.5, np.float32))}, cut=False
    )
    assert statistics.frames == [7]
    assert statistics.series[1].coverage == [pytest.approx(100 * 100 / 8000)]
    assert statistics.series[2].coverage == [0]


def test_change_needs_a_frame_before_in_the_same_scene() -> None:
    statistics = Statistics({1: "a"})
    half = np.ones((10, 10), np.float32)
    moved = {1: (Window(5, 0, 10, 10), half)}
    for frame, (alphas, cut) in enumerate(
        [({1: (Window(0, 0, 10, 10), half)}, False), (moved, False), (moved, False),
         ({}, False), (moved, False), (moved, True), ({1: (WINDOW, disc(0))}, False)]
    ):  # fmt: skip
        statistics.add(frame, 8000, alphas, cut=cut)
    change = statistics.series[1].change
    assert change[1:3] == [100, 0]
    assert all(math.isnan(change[i]) for i in (0, 3, 4, 5, 6))
    assert statistics.cuts == [5]


def test_the_window_a_matte_lies_in_makes_no_difference() -> None:
    statistics = Statistics({1: "a"})
    alpha = disc(20)
    statistics.add(1, 8000, {1: (WINDOW, alpha)}, cut=False)
    part = Window(20, 10, 60, 60)
    statistics.add(2, 8000, {1: (part, alpha[part.slices_in(WINDOW)])}, cut=False)
    assert statistics.series[1].change[1] == 0
    assert statistics.series[1].coverage[0] == pytest.approx(statistics.series[1].coverage[1])


def test_soft_is_an_area_and_not_an_edge() -> None:
    statistics = Statistics({1: "edge", 2: "inside", 3: "all", 4: "hair"})
    hollow = disc(30)
    hollow[30:50, 40:60] = 0.5
    hair = np.zeros((80, 100), np.float32)
    hair[:, ::3] = 0.6
    statistics.add(
        1, 8000,
        {1: (WINDOW, disc(30, blur=3)), 2: (WINDOW, hollow), 3: (WINDOW, disc(30) * 0.5),
         4: (WINDOW, hair)},
        cut=False,
    )  # fmt: skip
    soft = {statistics.names[key]: series.soft[0] for key, series in statistics.series.items()}
    assert soft["edge"] == 0
    assert soft["hair"] == 0
    assert soft["inside"] == pytest.approx(100 * 400 / (math.pi * 30**2), rel=0.1)
    assert soft["all"] > 80


def test_mattes_are_compared_with_their_masks() -> None:
    statistics = Statistics({1: "a", 2: "b", 3: "c"})
    mask = disc(20) > 0.5
    alphas = {1: (WINDOW, disc(20)), 3: (WINDOW, disc(20))}
    statistics.add(1, 8000, alphas, {1: (WINDOW, mask), 2: (WINDOW, mask)}, cut=False)
    statistics.add(2, 8000, alphas, cut=False)
    kept, empty, free = (statistics.series[key].match[0] for key in (1, 2, 3))
    assert (kept.mask, kept.empty) == (np.count_nonzero(mask), False)
    assert empty.empty
    assert (free.mask, free.empty) == (0, False)
    assert not any(series.match[1].mask for series in statistics.series.values())
