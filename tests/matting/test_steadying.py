"""A matte is weighed against the one of the frame before, moved along with the plate."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vimatte.frames.window import Window
from vimatte.matting.steadying import Past, half_grey, steadied

Plane = NDArray[np.float32]
SIZE = 192
WHOLE = Window(0, 0, SIZE, SIZE)


def plate(seed: int = 1) -> Plane:
    """Return a picture with enough in it to be followed."""
    noise = np.random.default_rng(seed).random((SIZE, SIZE, 3), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.asarray((smooth - smooth.min()) / np.ptp(smooth), np.float32)


def disc(x: float, y: float) -> Plane:
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    return np.clip(40.5 - np.hypot(rows - y, columns - x), 0, 1)


def past(alpha: Plane, picture: Plane, window: Window = WHOLE) -> Past:
    return Past(window, alpha.astype(np.float16), half_grey(picture))


def test_what_rests_is_averaged() -> None:
    picture = plate()
    before, now = disc(90, 90), np.zeros((SIZE, SIZE), np.float32)
    out = steadied(WHOLE, now, half_grey(picture), past(before, picture), 0.5)
    # An area that went is held; a thin rim of it would pass for an edge.
    middle = before[60:120, 60:120]
    np.testing.assert_allclose(out[60:120, 60:120], middle / 2, atol=0.01)
    again = steadied(WHOLE, before, half_grey(picture), past(before, picture), 0.5)
    np.testing.assert_allclose(again, before, atol=1e-3)


def test_a_thin_difference_counts_for_less() -> None:
    picture = plate()
    before, now = disc(90, 90), disc(92, 90)
    out = steadied(WHOLE, now, half_grey(picture), past(before, picture), 0.5)
    rim = np.abs(before - now) > 0.5
    assert rim.sum() > 50
    moved = np.abs(out - now)[rim]
    assert 0.1 < moved.mean() / np.abs(before - now)[rim].mean() < 0.25


def test_what_moves_is_followed() -> None:
    picture, step = plate(), 6
    moved = np.roll(picture, step, axis=1)
    out = steadied(WHOLE, disc(90 + step, 90), half_grey(moved), past(disc(90, 90), picture), 0.5)
    inner = (slice(20, -20), slice(20, -20))
    # Without following it, the discs' crescents would be at one half.
    assert np.abs(out - disc(90 + step, 90))[inner].mean() < 0.002
    still = (disc(90, 90) + disc(90 + step, 90)) / 2
    assert np.abs(still - disc(90 + step, 90))[inner].mean() > 0.01


def test_another_picture_leaves_the_new_alpha_alone() -> None:
    before, now = disc(40, 120), disc(90, 90)
    out = steadied(WHOLE, now, half_grey(plate(2)), past(before, plate(1)), 0.5)
    # Two pictures agree here and there by chance.
    assert np.abs(out - now).mean() < 0.2 * 0.5 * np.abs(before - now).mean()


def test_nothing_is_weighed_at_zero_nor_outside_of_the_region_before() -> None:
    picture, now = plate(), disc(90, 90)
    before = past(np.zeros((SIZE, SIZE), np.float32), picture)
    assert steadied(WHOLE, now, half_grey(picture), before, 0) is now
    further = Window(96, 0, SIZE, SIZE)
    out = steadied(further, now, half_grey(picture), before, 0.5)
    np.testing.assert_array_equal(out[:, 96:], now[:, 96:])
    assert not np.array_equal(out[:, :96], now[:, :96])
    beside = Window(SIZE - 32, 0, SIZE, SIZE)
    assert steadied(beside, now, half_grey(picture), before, 0.5) is now


def test_regions_that_moved_are_laid_over_each_other() -> None:
    picture, alpha = plate(), disc(100, 100)
    left, right = Window(0, 32, 160, 160), Window(32, 0, 160, 160)

    def part(of: Plane, window: Window) -> Plane:
        return np.ascontiguousarray(of[window.slices_in(WHOLE)])

    before = past(part(alpha, left), part(picture, left), left)
    out = steadied(right, part(alpha, right), half_grey(part(picture, right)), before, 0.8)
    np.testing.assert_allclose(out, part(alpha, right), atol=0.02)


@pytest.mark.parametrize("side", [48, 62])
def test_narrow_regions_are_left_alone(side: int) -> None:
    narrow = Window(0, 0, 1000, side)
    rgb, alpha = np.zeros((side, 1000, 3), np.float32), np.ones((side, 1000), np.float32)
    before = Past(narrow, (0 * alpha).astype(np.float16), half_grey(rgb))
    assert steadied(narrow, alpha, half_grey(rgb), before, 0.5) is alpha


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_flat_plates_and_extremes_stay_in_range(value: float) -> None:
    flat = np.full((SIZE, SIZE, 3), value, np.float32)
    alpha = np.full((SIZE, SIZE), value, np.float32)
    out = steadied(WHOLE, alpha, half_grey(flat), past(1 - alpha, flat), 0.5)
    np.testing.assert_allclose(out, 0.5, atol=1e-3)


PROGRAM = """
import sys, hashlib
import cv2, numpy as np
cv2.setNumThreads(int(sys.argv[1]))
from vimatte.frames.window import Window
from vimatte.matting.steadying import Past, half_grey, steadied
rng = np.random.default_rng(3)
rgb = cv2.GaussianBlur(rng.random((480, 640, 3), np.float32), (0, 0), 3)
alpha = rng.random((480, 640), np.float32)
window = Window(0, 0, 640, 480)
past = Past(window, alpha.astype(np.float16), half_grey(np.roll(rgb, 5, axis=0)))
out = steadied(window, alpha[::-1].copy(), half_grey(rgb), past, 0.5)
print(hashlib.sha256(out.tobytes()).hexdigest())
"""


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, count], capture_output=True, text=True, check=True
        ).stdout
        for count in ("1", "2", "5")
    ]
    assert len(set(runs)) == 1
