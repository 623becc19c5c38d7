"""The keyer against composites over green whose alpha is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vimatte.evaluate.keying import despill, green_excess, key_green
from vimatte.evaluate.picture_files import read_movie

TALKER = Path(__file__).parents[3] / "shared" / "data" / "talker_green.mp4"


def over_green(colour: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:96, :120]
    alpha = np.clip((34 - np.hypot(x - 60, y - 55)) / 4, 0, 1).astype(np.float32)
    green = np.array([0, 0.99, 0], np.float32)
    plate = alpha[..., None] * np.float32(colour) + (1 - alpha[..., None]) * green
    return (np.round(plate * 255) / 255).astype(np.float32), alpha


@pytest.mark.parametrize("colour", [(0.1, 0.1, 0.12), (0.85, 0.6, 0.5), (0.9, 0.92, 0.95)])
def test_a_soft_edge_comes_back(colour: tuple[float, float, float]) -> None:
    plate, alpha = over_green(colour)
    foreground, keyed = key_green(plate)
    # The contrast stretch against noise may cost a little; the shape may not.
    assert np.abs(keyed - alpha).max() < 0.12
    assert np.all(keyed[alpha == 0] == 0)
    assert np.all(keyed[alpha == 1] == 1)
    edge = (alpha > 0) & (alpha < 1)
    assert np.abs(foreground[edge] - np.float32(colour)).max() < 0.12


def test_no_green_is_left() -> None:
    rng = np.random.default_rng(1)
    picture = rng.uniform(0, 1, (9, 9, 3)).astype(np.float32)
    assert green_excess(despill(picture)).max() <= 1e-6


def test_the_real_shot_keys_solid_and_clean() -> None:
    if not TALKER.exists():
        pytest.skip("../shared/data/talker_green.mp4 is not here")
    picture = next(iter(read_movie(TALKER))).astype(np.float32) / np.float32(255)
    foreground, alpha = key_green(picture)
    assert np.all(alpha[400:, 200:300] == 1), "a hole in the chest"
    assert np.all(alpha[:30] == 0), "dirt above the head"
    soft = np.mean((alpha > 0) & (alpha < 1))
    assert 0.005 < soft < 0.06
    assert green_excess(foreground)[alpha > 0].max() < 0.02
