from __future__ import annotations

import cv2
import numpy as np
import pytest

from vimatte.output.foreground import premultiplied_foregrounds

RED, GREEN, BLUE = (np.array(c, np.float32) for c in ((0.8, 0.1, 0.05), (0.1, 0.7, 0.1), (0, 0, 3)))


def disc(x: int, soft: float = 4.0, size: tuple[int, int] = (96, 160)) -> np.ndarray:
    mask = np.zeros(size, np.float32)
    cv2.circle(mask, (x, 48), 28, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), soft), np.float32)


def flat(colour: np.ndarray, size: tuple[int, int] = (96, 160)) -> np.ndarray:
    return np.broadcast_to(colour, (*size, 3)).astype(np.float32)


def test_the_old_background_is_gone() -> None:
    alpha = disc(60)
    plate = flat(RED) * alpha[..., None] + flat(GREEN) * (1 - alpha[..., None])
    made = premultiplied_foregrounds(plate, {"a": alpha})["a"]
    np.testing.assert_allclose(made, flat(RED) * alpha[..., None], atol=0.02)
    kept = np.abs(plate * alpha[..., None] - flat(RED) * alpha[..., None]).max()
    assert np.abs(made - flat(RED) * alpha[..., None]).max() < kept / 5


def test_neighbours_do_not_bleed_into_each_other() -> None:
    first, second = disc(56), disc(112)
    total = np.maximum(first + second, 1)
    first, second = first / total, second / total
    rest = 1 - first - second
    plate = (
        flat(RED) * first[..., None]
        + flat(BLUE) * second[..., None]
        + flat(GREEN) * rest[..., None]
    )
    made = premultiplied_foregrounds(plate, {"a": first, "b": second})
    for name, colour, alpha in (("a", RED, first), ("b", BLUE, second)):
        wanted = flat(colour) * alpha[..., None]
        error = np.abs(made[name] - wanted)
        assert error.max() < 0.03 * colour.max() + 0.04
        assert error.mean() < np.abs(plate * alpha[..., None] - wanted).mean() / 8


def test_layers_and_rest_explain_the_plate() -> None:
    rng = np.random.default_rng(3)
    alpha = disc(60, 8.0)
    noise = np.asarray(cv2.GaussianBlur(rng.random((96, 160, 3), dtype=np.float32), (0, 0), 2))
    plate = flat(RED) * alpha[..., None] + noise * (1 - alpha[..., None])
    made = premultiplied_foregrounds(plate, {"a": alpha})["a"]
    # What is left for the background lies within what is there, nearly everywhere.
    rest = (plate - made) / np.maximum(1 - alpha, 1e-3)[..., None]
    soft = (alpha > 0.05) & (alpha < 0.9)
    assert np.quantile(np.abs(rest[soft] - noise[soft]), 0.9) < 0.15


def test_solid_pixels_are_the_plates_own_and_empty_ones_nothing() -> None:
    rng = np.random.default_rng(1)
    plate = rng.normal(0.5, 1, (96, 160, 3)).astype(np.float32)  # negatives and highlights
    plate[40:50, 50:60] = 300.0
    alpha = disc(60)
    alpha[alpha > 0.9] = 1
    alpha[alpha < 0.1] = 0
    made = premultiplied_foregrounds(plate, {"a": alpha, "b": np.zeros_like(alpha)})
    np.testing.assert_array_equal(made["a"][alpha == 1], plate[alpha == 1])
    assert not made["a"][alpha == 0].any()
    assert not made["b"].any()
    assert np.isfinite(made["a"]).all()
    assert (made["a"] >= np.minimum(plate, 0)).all()


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (1, 7)])
def test_tiny_pictures(shape: tuple[int, int]) -> None:
    plate = np.ones((*shape, 3), np.float32)
    made = premultiplied_foregrounds(plate, {"a": np.full(shape, 0.5, np.float32)})["a"]
    np.testing.assert_allclose(made, plate / 2, atol=1e-3)
    assert premultiplied_foregrounds(plate, {}) == {}


def test_a_part_of_the_picture_is_all_that_is_computed() -> None:
    alpha = np.zeros((700, 900), np.float32)
    alpha[:96, :160] = disc(60)
    plate = np.random.default_rng(0).random((700, 900, 3), dtype=np.float32)
    whole = premultiplied_foregrounds(plate, {"a": alpha})["a"]
    part = premultiplied_foregrounds(plate[:400, :500], {"a": alpha[:400, :500]})["a"]
    np.testing.assert_allclose(whole[:96, :160], part[:96, :160], atol=2e-4)
