from __future__ import annotations

import numpy as np

from vimatte.guidance.scene_cuts import scene_cuts


def texture(seed: int, shift: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (9, 16, 3), dtype=np.uint8)
    return np.roll(np.kron(coarse, np.ones((8, 8, 1), np.uint8)), shift, axis=1)


def test_a_change_of_scene_is_found_at_the_frame_that_starts_it():
    thumbs = [(1001 + i, texture(0, i)) for i in range(12)]
    thumbs += [(1013 + i, texture(1, i)) for i in range(12)]
    thumbs += [(1025 + i, texture(2, i)) for i in range(2)]
    assert scene_cuts(thumbs) == (1013, 1025)


def test_motion_is_no_cut():
    assert scene_cuts([(i, texture(3, 3 * i)) for i in range(40)]) == ()


def test_holes_empty_frames_and_changing_sizes_are_no_cuts():
    thumbs = [(i * 5, texture(4)) for i in range(8)]
    thumbs[3] = (15, np.zeros((0, 0, 3), np.uint8))
    thumbs[5] = (25, texture(4)[:70])
    assert scene_cuts(thumbs) == ()


def test_short_shots_have_no_cut():
    assert scene_cuts([]) == ()
    assert scene_cuts([(5, texture(0))]) == ()
    assert scene_cuts([(5, texture(0)), (6, texture(0, 1))]) == ()
