"""Erase, paste and merge: one at a time, over a whole clip, following the instance."""

from __future__ import annotations

import numpy as np
import pytest

from vimatte.training.mask_augmentation import MaskAugmentation, augment, salt_and_pepper


def clip() -> list[np.ndarray]:
    masks = np.zeros((2, 5, 80, 120), np.bool_)
    for t in range(5):
        masks[0, t, 20:60, 10 + 2 * t : 40 + 2 * t] = True
        masks[1, t, 10:70, 70:110] = True
    return list(masks)


def only(**one: float) -> MaskAugmentation:
    return MaskAugmentation(**{"erase": 0.0, "paste": 0.0, "merge": 0.0, **one})


def test_nothing_happens_where_nothing_is_asked_for() -> None:
    for before, after in zip(
        clip(), augment(clip(), only(), np.random.default_rng(0)), strict=True
    ):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_erased_moves_with_the_instance(seed: int) -> None:
    masks = clip()
    erased = augment(masks, only(erase=1.0), np.random.default_rng(seed))
    lost = [masks[0][t] & ~erased[0][t] for t in range(5)]
    assert all(0.01 < frame.sum() / masks[0][0].sum() < 0.3 for frame in lost)
    for t in range(1, 5):
        np.testing.assert_array_equal(lost[t], np.roll(lost[0], 2 * t, axis=1))
    assert not (erased[0] & ~masks[0]).any()
    np.testing.assert_array_equal(masks[0], clip()[0])


@pytest.mark.parametrize("seed", range(5))
def test_what_is_pasted_only_adds(seed: int) -> None:
    masks = clip()
    pasted = augment(masks, only(paste=1.0), np.random.default_rng(seed))
    assert not (masks[0] & ~pasted[0]).any()


def test_what_is_merged_leaves_the_other() -> None:
    masks = clip()
    gained = 0
    for seed in range(6):
        first, second = augment(masks, only(merge=1.0), np.random.default_rng(seed))
        gained += int((first & ~masks[0]).sum()) + int((second & ~masks[1]).sum())
        np.testing.assert_array_equal(first | second, masks[0] | masks[1])
    assert gained > 0


def test_switching_one_off_changes_no_other() -> None:
    masks = clip()[:1]
    both = augment(masks, MaskAugmentation(1.0, 1.0, 0.0), np.random.default_rng(1))[0]
    erase = augment(masks, only(erase=1.0), np.random.default_rng(1))[0]
    paste = augment(masks, only(paste=1.0), np.random.default_rng(1))[0]
    lost = masks[0] & ~erase
    np.testing.assert_array_equal(both & ~lost, paste & ~lost)
    assert lost.any()


def test_an_empty_mask_stays_empty() -> None:
    empty = [np.zeros((3, 20, 20), np.bool_)]
    out = augment(empty, MaskAugmentation(1.0, 1.0, 1.0), np.random.default_rng(0))
    assert not out[0].any()


def test_salt_and_pepper_replace_the_share_that_is_asked_for() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((4, 200, 200), bool)
    mask[:, :, :100] = True
    noisy = salt_and_pepper(mask, 0.2, rng)
    assert (noisy != mask).mean() == pytest.approx(0.1, abs=0.005)
    assert (noisy[0] != noisy[1]).any()
    np.testing.assert_array_equal(salt_and_pepper(mask, 0.0, rng), mask)


def test_flicker_moves_the_outline_alone() -> None:
    masks = [np.zeros((12, 64, 64), bool)]
    masks[0][:, 16:48, 16:48] = True
    how = MaskAugmentation(erase=0, paste=0, merge=0, flicker=1)
    made = augment(masks, how, np.random.default_rng(1))[0]
    assert len({int(frame.sum()) for frame in made}) > 3
    assert made[:, 20:44, 20:44].all()
    assert not made[:, :12].any()
