from __future__ import annotations

import cv2
import numpy as np
import pytest

from vimatte.frames.window import Window
from vimatte.output.pictures import (
    DARK,
    DIM,
    LIGHT,
    Scene,
    encode,
    over_checkerboard,
    preview_picture,
)

WINDOW = Window(-10, 5, 120, 80)
RED = (1.0, 0.0, 0.0)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.full((80, 120, 3), 0.9, np.float32)


def layer(window: Window, value: float = 1.0) -> tuple[Window, np.ndarray, tuple[float, ...]]:
    return window, np.full(window.shape, value, np.float32), RED


def test_over_a_checkerboard(pixels: np.ndarray) -> None:
    picture = over_checkerboard(pixels, WINDOW, [layer(Window(0, 15, 30, 20))])
    assert picture.shape == (80, 120, 3)
    assert (picture[10:30, 10:40] == round(0.9 * 255)).all()
    outside = set(np.unique(picture[40:]))
    assert outside == {round(LIGHT * 255), round(DARK * 255)}


def test_layers_may_reach_beyond_the_plate(pixels: np.ndarray) -> None:
    layers = [layer(Window(-50, -50, 60, 70)), layer(Window(500, 500, 4, 4))]
    assert over_checkerboard(pixels, WINDOW, layers)[0, 0, 0] == round(0.9 * 255)


def test_an_overlay_tints_and_outlines(pixels: np.ndarray) -> None:
    picture = Scene.of(pixels, WINDOW, [layer(Window(0, 15, 30, 20))]).overlay()
    np.testing.assert_array_equal(picture[70, 100], round(0.9 * DIM * 255))
    inside = picture[20, 25].astype(int)
    assert inside[0] > inside[1] + 50
    assert (picture == np.array([255, 0, 0])).all(axis=2).sum() >= 2 * (30 + 20) - 8


def test_mattes_alone(pixels: np.ndarray) -> None:
    picture = Scene.of(pixels, WINDOW, [layer(Window(0, 15, 30, 20), 0.5)]).matte()
    np.testing.assert_array_equal(picture[20, 25], [128, 0, 0])
    assert not picture[60].any()


@pytest.mark.parametrize(
    ("long_side", "size"), [(60, (40, 60)), (1000, (80, 120)), (None, (80, 120))]
)
def test_small_pictures(pixels: np.ndarray, long_side: int | None, size: tuple[int, int]) -> None:
    layers = [layer(Window(0, 15, 30, 20))]
    assert over_checkerboard(pixels, WINDOW, layers, long_side).shape == (*size, 3)
    preview = preview_picture(pixels, WINDOW, layers, long_side)
    assert preview.shape == (2 * size[0], size[1], 3)


def test_previews_of_upright_plates_stand_beside_each_other() -> None:
    upright = Window(0, 0, 40, 90)
    picture = preview_picture(np.zeros((90, 40, 3), np.float32), upright, [])
    assert picture.shape == (90, 80, 3)


def test_a_very_long_plate_keeps_a_pixel() -> None:
    window = Window(0, 0, 4000, 2)
    scene = Scene.of(np.zeros((2, 4000, 3), np.float32), window, [], 100)
    assert scene.plate().shape == (1, 100, 3)


def test_an_empty_window_gives_one_pixel() -> None:
    empty = Window(3, 4, 0, 0)
    pixels = np.zeros((0, 0, 3), np.float32)
    picture = preview_picture(pixels, empty, [layer(Window(0, 0, 5, 5))])
    assert picture.size > 0
    assert encode(picture).startswith(b"\x89PNG")
    assert encode(np.zeros((0, 0, 3), np.uint8)).startswith(b"\x89PNG")


def test_red_is_red_in_the_file() -> None:
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[..., 0] = 255
    back = cv2.imdecode(np.frombuffer(encode(picture), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(back[..., ::-1], picture)
    assert encode(picture, ".jpg").startswith(b"\xff\xd8")
