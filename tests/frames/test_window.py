from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimatte.frames.window import Window, place

windows = st.builds(
    Window, st.integers(-6, 6), st.integers(-6, 6), st.integers(0, 7), st.integers(0, 7)
)


def cells(window: Window) -> set[tuple[int, int]]:
    return {(x, y) for x in range(window.x, window.right) for y in range(window.y, window.bottom)}


@given(windows, windows)
def test_set_operations(a: Window, b: Window) -> None:
    assert cells(a.intersect(b)) == cells(a) & cells(b)
    assert cells(a.union(b)) >= cells(a) | cells(b)
    assert a.empty == (not cells(a))
    if not a.empty and not b.empty:
        assert a.contains(b) == (cells(b) <= cells(a))
        assert a.union(b).contains(a)


@given(windows, windows)
def test_place(source: Window, target: Window) -> None:
    pixels = np.arange(source.width * source.height, dtype=np.float32).reshape(source.shape) + 1
    placed = place(pixels, source, target, fill=-1)
    assert placed.shape == target.shape
    for x, y in cells(target):
        inside = (x, y) in cells(source)
        expected = pixels[y - source.y, x - source.x] if inside else -1
        assert placed[y - target.y, x - target.x] == expected


def test_channels_type_and_copy() -> None:
    window = Window(1, 2, 4, 3)
    pixels = np.ones((3, 4, 5), np.uint8)
    placed = place(pixels, window, window)
    assert placed.shape == (3, 4, 5)
    assert placed.dtype == np.uint8
    assert placed is not pixels
    assert window.grow(2) == Window(-1, 0, 8, 7)
    assert window.slices_in(Window(0, 0, 9, 9)) == (slice(2, 5), slice(1, 5))


def test_misuse() -> None:
    with pytest.raises(ValueError, match="negative"):
        Window(0, 0, -1, 2)
    with pytest.raises(ValueError, match="does not cover"):
        place(np.zeros((2, 2)), Window(0, 0, 3, 3), Window(0, 0, 1, 1))
    with pytest.raises(ValueError, match="not inside"):
        Window(0, 0, 3, 3).slices_in(Window(1, 0, 9, 9))
