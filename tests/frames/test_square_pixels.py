from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vimatte.errors import FrameReadError
from vimatte.frames.square_pixels import canvas_window, from_canvas, to_canvas
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window

aspects = st.sampled_from([0.5, 0.9, 1.0, 1.0940, 1.3333, 1.5, 1.8, 2.0])
sources = st.builds(
    Window, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9), st.integers(1, 5)
)


def header(window: Window, aspect: float) -> FrameHeader:
    return FrameHeader(window, Window(0, 0, 10, 6), aspect)


def random_pixels(window: Window, channels: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(1).random((*window.shape, channels), np.float32)


def test_square_pixels_are_left_alone() -> None:
    window = Window(-3, 2, 5, 4)
    pixels = random_pixels(window)
    assert canvas_window(window, header(window, 1.0)) == window
    np.testing.assert_array_equal(to_canvas(pixels, header(window, 1.0)), pixels)
    alpha = pixels[:, :, 0]
    np.testing.assert_array_equal(from_canvas(alpha, window, header(window, 1.0)), alpha)


def test_squeezed_two_to_one() -> None:
    window = Window(-1, 3, 3, 2)
    pixels = np.array([[0.0, 1.0, 0.5], [1.0, 1.0, 0.0]], np.float32)[:, :, None]
    head = header(window, 2.0)
    assert canvas_window(window, head) == Window(-2, 3, 6, 2)
    stretched = to_canvas(pixels, head)[:, :, 0]
    expected = [[0, 0.25, 0.75, 0.875, 0.625, 0.5], [1, 1, 1, 0.75, 0.25, 0]]
    np.testing.assert_allclose(stretched, expected, atol=1e-6)
    alpha = np.array([[0, 1, 1, 1, 0.5, 0], [1, 1, 0, 0, 0, 1]], np.float32)
    squeezed = from_canvas(alpha, Window(-2, 3, 6, 2), head)
    np.testing.assert_array_equal(squeezed, np.array([[0.5, 1, 0.25], [1, 0, 0.5]], np.float32))


@given(sources, aspects)
def test_windows_lie_on_one_canvas(window: Window, aspect: float) -> None:
    canvas = canvas_window(window, header(window, aspect))
    assert canvas.x - 1e-3 <= window.x * aspect < canvas.x + 1
    assert canvas.right - 1 < window.right * aspect <= canvas.right + 1e-3
    assert (canvas.y, canvas.height) == (window.y, window.height)


@given(sources, aspects)
def test_shapes_and_ranges(window: Window, aspect: float) -> None:
    head = header(window, aspect)
    pixels = random_pixels(window)
    canvas = canvas_window(window, head)
    stretched = to_canvas(pixels, head)
    assert stretched.shape == (*canvas.shape, 3)
    assert stretched.dtype == np.float32
    assert pixels.min() - 1e-6 <= stretched.min() <= stretched.max() <= pixels.max() + 1e-6
    back = from_canvas(np.ascontiguousarray(stretched[:, :, 0]), canvas, head)
    assert back.shape == window.shape
    assert back.dtype == np.float32


@given(sources, aspects, st.sampled_from([0.0, 0.25, 1.0]))
def test_flat_stays_flat(window: Window, aspect: float, value: float) -> None:
    head = header(window, aspect)
    flat = np.full((*window.shape, 3), value, np.float32)
    np.testing.assert_array_equal(to_canvas(flat, head), value)
    canvas = canvas_window(window, head)
    alpha = np.full(canvas.shape, value, np.float32)
    np.testing.assert_array_equal(from_canvas(alpha, canvas, head), value)


def test_a_ramp_comes_back(aspect: float = 1.8) -> None:
    window = Window(-7, 0, 40, 2)
    head = header(window, aspect)
    ramp = np.broadcast_to(np.linspace(0, 1, 40, dtype=np.float32), (2, 40))
    stretched = to_canvas(ramp[:, :, None].copy(), head)[:, :, 0]
    back = from_canvas(stretched, canvas_window(window, head), head)
    np.testing.assert_allclose(back[:, 2:-2], ramp[:, 2:-2], atol=2e-3)


@given(sources, sources)
def test_zero_beyond_the_window(data: Window, covered: Window) -> None:
    alpha = np.ones(covered.shape, np.float32)
    placed = from_canvas(alpha, covered, header(data, 1.0))
    shared = covered.intersect(data)
    assert placed.sum() == shared.width * shared.height
    squeezed = from_canvas(alpha, covered, header(data, 2.0))
    assert squeezed.shape == data.shape
    assert set(np.unique(squeezed)) <= {0.0, 0.5, 1.0}


def test_empty_data_window() -> None:
    for aspect in (1.0, 2.0):
        head = header(Window(3, 4, 0, 0), aspect)
        assert canvas_window(head.data_window, head).empty
        assert to_canvas(np.zeros((0, 0, 3), np.float32), head).size == 0
        assert from_canvas(np.ones((2, 2), np.float32), Window(0, 0, 2, 2), head).shape == (0, 0)


def test_too_large_without_its_squeeze() -> None:
    window = Window(0, 0, 16384, 8000)
    with pytest.raises(FrameReadError, match="too large"):
        canvas_window(window, header(window, 8.0))
