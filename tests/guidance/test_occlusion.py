"""Who is in front, told from one picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vimatte.frames.types import InstanceMask
from vimatte.frames.window import Window
from vimatte.guidance.occlusion import MOST, Evidence, look, shared_pixels, thickest

HEIGHT, WIDTH = 160, 220
CANVAS = Window(0, 0, WIDTH, HEIGHT)
RED, BLUE = (0.7, 0.25, 0.2), (0.2, 0.3, 0.7)


def disc(x: float, y: float = 80, radius: float = 45) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def mask(pixels: np.ndarray) -> InstanceMask:
    return InstanceMask(CANVAS, pixels)


def shaded(colour: tuple[float, float, float], x: float, y: float = 80) -> np.ndarray:
    """A ball: darker towards its rim, as anything round is."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    far = np.hypot(columns - x, rows - y) / 45
    light = np.sqrt(np.clip(1.1 - far**2, 0.15, 1))
    return np.asarray(light[..., None] * np.array(colour), np.float32)


def plate(layers: list[tuple[np.ndarray, np.ndarray]], seed: int = 0) -> np.ndarray:
    """Return layers over a noisy grey, back to front."""
    rng = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), 0.45, np.float32)
    for pixels, inside in layers:
        soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.8)[..., None]
        picture = picture * (1 - soft) + pixels * soft
    noisy = picture + rng.normal(0, 0.015, picture.shape)
    return np.asarray(np.clip(noisy, 0, 1), np.float32)


@pytest.mark.parametrize("first_in_front", [True, False])
@pytest.mark.parametrize(
    ("one", "other"), [(RED, BLUE), (RED, RED), ((0.3, 0.3, 0.3), (0.36, 0.34, 0.33))]
)
@pytest.mark.parametrize("grown", [-4, 0, 4])
def test_the_one_in_front_is_told(
    one: tuple[float, float, float],
    other: tuple[float, float, float],
    grown: int,
    first_in_front: bool,
) -> None:
    """Different colours, the same colour, and nearly the same; masks that are coarse."""
    left, right = (shaded(one, 85), disc(85)), (shaded(other, 130), disc(130))
    picture = plate([right, left] if first_in_front else [left, right])
    a, b = mask(disc(85, radius=45 + grown)), mask(disc(130, radius=45 + grown))
    score = look(picture, CANVAS, a, b).score
    least = 2 if grown == 0 else 1
    assert (score > least) if first_in_front else (score < -least)
    assert look(picture, CANVAS, b, a).score == pytest.approx(-score, abs=1e-3)


def test_one_within_the_other_is_in_front_where_it_can_be_seen() -> None:
    ball, body = disc(100, 80, 14), disc(100, 80, 60)
    red, grey = np.full((HEIGHT, WIDTH, 3), RED, np.float32), shaded((0.5, 0.5, 0.5), 100)
    seen = plate([(grey, body), (red, ball)])
    hidden = plate([(red, ball), (grey, body)])
    assert look(seen, CANVAS, mask(ball), mask(body)).score > 2
    # A frame in which it is hidden says little, and leaves it to the others of the contact.
    assert abs(look(hidden, CANVAS, mask(ball), mask(body)).score) < 1
    # Where nothing can be told, it is: nobody gives a mask of what is hidden wholly.
    both = body | disc(190, 80, 20)
    assert look(plate([]), CANVAS, mask(body), mask(both)).score == 1
    assert look(plate([]), CANVAS, mask(both), mask(body)).score == -1


def test_masks_that_are_merely_coarse_say_little() -> None:
    """Side by side, both grown by six pixels: the border lies amid what they share."""
    left, right = disc(70), disc(162) & ~disc(70)
    picture = plate([(shaded(RED, 70), left), (shaded(BLUE, 162), right)])
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    a, b = (mask(cv2.dilate(m.astype(np.uint8), kernel).astype(bool)) for m in (left, right))
    assert abs(look(picture, CANVAS, a, b).score) < 2


def test_a_large_picture_is_looked_at_in_small() -> None:
    left, right = (shaded(RED, 85), disc(85)), (shaded(BLUE, 130), disc(130))
    picture = cv2.resize(plate([right, left]), None, fx=6, fy=6, interpolation=cv2.INTER_LINEAR)
    window = Window(-30, 20, 6 * WIDTH, 6 * HEIGHT)

    def large(pixels: np.ndarray) -> InstanceMask:
        return InstanceMask(window, np.kron(pixels, np.ones((6, 6), bool)))

    assert look(picture, window, large(disc(85)), large(disc(130))).score > 2


def test_nothing_to_tell() -> None:
    picture = plate([])
    apart = mask(disc(30, radius=10))
    dot = InstanceMask(Window(30, 80, 1, 1), np.full((1, 1), True))
    assert look(picture, CANVAS, apart, mask(disc(180, radius=10))) == Evidence()
    assert look(picture, CANVAS, apart, dot) == Evidence(within=-1)
    outside = Window(500, 500, WIDTH, HEIGHT)
    assert look(picture, outside, mask(disc(85)), mask(disc(130))) == Evidence()
    assert Evidence(99, 99, 99).score == MOST


def test_shared_pixels_and_their_thickness() -> None:
    a = InstanceMask(Window(0, 0, 20, 20), np.ones((20, 20), bool))
    b = InstanceMask(Window(11, 4, 30, 30), np.ones((30, 30), bool))
    shared = shared_pixels(a, b)
    assert shared is not None
    assert shared.window == Window(11, 4, 9, 16)
    radius, roundness = thickest(shared.mask)
    assert radius == pytest.approx(5, abs=0.6)
    assert roundness == pytest.approx(np.pi * 5**2 / (9 * 16), abs=0.12)
    assert thickest(disc(100, radius=20))[1] == pytest.approx(1, abs=0.05)
    band = np.zeros((40, 400), bool)
    band[10:20, 5:395] = True
    assert thickest(band)[1] < 0.05
    assert shared_pixels(a, InstanceMask(Window(20, 0, 5, 5), np.ones((5, 5), bool))) is None
    assert shared_pixels(a, InstanceMask(Window(11, 4, 5, 5), np.zeros((5, 5), bool))) is None
