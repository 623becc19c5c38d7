from __future__ import annotations

import cv2
import numpy as np
import pytest

from vimatte.frames.window import Window
from vimatte.output.mask_match import MaskMatch, is_empty, is_speck, match_mask, must_show

AREA = 640 * 480
CANVAS = Window(0, 0, 640, 480)


def disc(x: int, y: int = 240, radius: int = 60) -> np.ndarray:
    plane = np.zeros(CANVAS.shape, np.uint8)
    cv2.circle(plane, (x, y), radius, 1, -1)
    return plane.astype(bool)


def matched(mask: np.ndarray, alpha: np.ndarray) -> MaskMatch:
    return match_mask((CANVAS, mask), (CANVAS, alpha.astype(np.float32)), AREA)


def test_a_matte_that_keeps_to_its_mask() -> None:
    found = matched(disc(200), cv2.GaussianBlur(disc(200).astype(np.float32), (0, 0), 2))
    assert (found.outside, found.uncovered, found.empty, found.speck) == (0, 0, False, False)
    assert found.mask == np.count_nonzero(disc(200))
    assert found.matte == pytest.approx(found.mask, rel=0.01)


@pytest.mark.parametrize("radius", [48, 54, 68, 76])
def test_coarse_masks_are_no_fault(radius: int) -> None:
    """Eroded or grown by up to a quarter of the radius, and a box."""
    found = matched(disc(200, radius=radius), disc(200))
    assert max(found.outside, found.uncovered) == 0
    box = np.zeros(CANVAS.shape, bool)
    box[175:305, 135:265] = True
    assert matched(box, disc(200)).uncovered < 5


def test_a_matte_that_is_elsewhere() -> None:
    found = matched(disc(200), disc(420))
    assert found.outside == 100
    assert found.uncovered == 100
    assert not found.empty
    both = matched(disc(200), disc(200) | disc(420))
    assert both.outside == pytest.approx(50, abs=2)
    assert both.uncovered == 0


def test_a_matte_that_leaves_half_out() -> None:
    half = disc(200)
    half[:, 200:] = False
    assert 20 < matched(disc(200), half).uncovered < 50
    thin = 0.3 * disc(200)
    assert matched(disc(200), thin).uncovered == 100
    assert matched(disc(200), thin).outside == 0


def test_empty() -> None:
    mask = (CANVAS, disc(200))
    nothing = match_mask(mask, None, AREA)
    assert nothing.empty
    assert matched(disc(200), 0.001 * disc(200)).empty
    assert not matched(disc(200), 0.01 * disc(200)).empty
    assert not match_mask(None, (CANVAS, disc(200).astype(np.float32)), AREA).empty
    assert not match_mask((CANVAS, np.zeros(CANVAS.shape, bool)), None, AREA).empty
    no_window = Window(0, 0, 0, 0), np.zeros((0, 0), np.float32)
    assert match_mask(mask, no_window, AREA).empty
    assert is_empty(100, 0.4)
    assert not is_empty(0, 0)


def test_specks_hang_on_the_size_of_the_picture() -> None:
    assert is_speck(500, 1920 * 1080)
    assert not is_speck(600, 1920 * 1080)
    assert not is_speck(100, 96 * 64)
    assert is_speck(20, 96 * 64)


def test_large_windows_are_compared_in_small() -> None:
    canvas = Window(-100, 50, 4096, 2160)
    mask = np.zeros(canvas.shape, bool)
    mask[400:1800, 1000:2200] = True
    moved = np.roll(mask, 60, axis=1).astype(np.float32)
    found = match_mask((canvas, mask), (canvas, moved), 4096 * 2160)
    assert (found.outside, found.uncovered) == (0, 0)


def test_what_cannot_be_without_a_matte() -> None:
    hd = 1920 * 1080
    assert must_show(np.ones((40, 40), bool), hd)
    assert not must_show(np.ones((8, 600), bool), hd)  # a sliver at the picture's border
    rim = disc(200, radius=60) & ~disc(200, radius=54)
    assert np.count_nonzero(rim) > 2000
    assert not must_show(rim, hd)
    assert not must_show(np.ones((20, 20), bool), hd)
    assert must_show(np.ones((12, 20), bool), 96 * 64)
