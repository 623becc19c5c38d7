from __future__ import annotations

import numpy as np

from vimatte.evaluate.torn_masks import tear


def two(frames: int = 40) -> list[list[np.ndarray]]:
    masks = np.zeros((2, frames, 60, 100), bool)
    masks[0, :, 10:50, 10:40] = True
    masks[1, :, 10:50, 60:90] = True
    return [list(instance) for instance in masks]


def test_parts_are_lost_and_taken_for_spells() -> None:
    whole = two()
    torn = tear(whole, 3)
    lost = [
        [int((w & ~t).sum()) for w, t in zip(*pair, strict=True)]
        for pair in zip(whole, torn, strict=True)
    ]
    gained = [
        [int((t & ~w).sum()) for w, t in zip(*p, strict=True)]
        for p in zip(whole, torn, strict=True)
    ]
    for instance in lost:
        assert 0.2 < np.mean([area > 0 for area in instance]) < 0.9
        assert max(instance) < 1200 * 0.6
    assert any(area for instance in gained for area in instance)
    # What one gains, the other has lost.
    for t in range(40):
        assert gained[0][t] <= lost[1][t]
        assert gained[1][t] <= lost[0][t]


def test_equal_seeds_give_equal_errors_and_leave_what_was_given() -> None:
    whole = two()
    before = [[mask.copy() for mask in instance] for instance in whole]
    first, again, other = tear(whole, 3), tear(whole, 3), tear(whole, 4)
    np.testing.assert_array_equal(first, again)
    assert (np.array(first) != np.array(other)).any()
    np.testing.assert_array_equal(whole, before)


def test_empty_masks_and_single_instances() -> None:
    empty = [[np.zeros((20, 20), bool)] * 12]
    assert not np.array(tear(empty, 1)).any()
    alone = [two()[0]]
    torn = np.array(tear(alone, 1))
    assert not (torn & ~np.array(alone)).any()
    assert (torn != np.array(alone)).any()
