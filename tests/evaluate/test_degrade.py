"""The degraded guidance: same in, same out; slow over time; of the subject's size."""

from __future__ import annotations

import numpy as np
import pytest

from vimatte.evaluate import degrade
from vimatte.evaluate.baselines import blurred_mean


def disc(radius: float, size: int = 160, at: tuple[float, float] = (80, 80)) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(x - at[0], y - at[1])
    return np.clip(radius + 0.5 - distance, 0, 1).astype(np.float32)


def test_the_same_seed_gives_the_same_masks_in_any_order() -> None:
    alphas = [disc(50, at=(70 + t, 80)) for t in range(12)]
    first = degrade.degrade_clip(alphas, 7)
    second = degrade.degrade_clip(alphas, 7)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    how = degrade.draw(7, degrade.subject_extent(alphas[0]))
    backwards = [degrade.degrade_frame(alphas[t], how, t) for t in reversed(range(12))][::-1]
    forwards = [degrade.degrade_frame(alphas[t], how, t) for t in range(12)]
    assert all(np.array_equal(a, b) for a, b in zip(backwards, forwards, strict=True))
    other = degrade.degrade_clip(alphas, 8)
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_zero_strength_is_a_clean_threshold() -> None:
    alpha = disc(40)
    for seed in range(6):
        assert np.array_equal(degrade.degrade_still(alpha, seed, 0.0), alpha > 0.5)


def test_errors_stay_within_the_kernel_and_scale_with_the_subject() -> None:
    for seed in range(12):
        for radius, size in ((30, 120), (120, 480)):
            alpha = disc(radius, size, (size / 2, size / 2))
            mask = degrade.degrade_still(alpha, seed)
            wrong = mask != (alpha > 0.5)
            y, x = np.nonzero(wrong)
            away = np.abs(np.hypot(x - size / 2, y - size / 2) - radius)
            # 12 pixels at 512, a fifth for the drift, three deviations of the wobble.
            limit = (12 * 1.2 + 3 * 2.0) * (2 * radius / 512) + 6
            assert away.size == 0 or away.max() < limit


def test_masks_stay_near_the_size_of_a_thin_subject() -> None:
    twigs = np.zeros((200, 200), np.float32)
    twigs[20:180, 96:104] = 1
    twigs[40:180:12, 30:170] = 1
    for seed in range(10):
        mask = degrade.degrade_still(twigs, seed)
        assert 0.4 < mask.sum() / twigs.sum() < 2.0, seed


def test_errors_hang_together_over_time_and_are_not_frozen() -> None:
    alphas = [disc(60)] * 40
    for seed in (1, 2, 3):
        masks = np.stack(degrade.degrade_clip(alphas, seed)).astype(np.float32)
        moving = masks[:, masks.std(axis=0) > 0]
        assert moving.shape[1] > 20, "frozen"
        centred = moving - moving.mean(axis=0)
        near = (centred[1:] * centred[:-1]).mean() / (centred**2).mean()
        assert near > 0.5, "drawn anew for each frame"


def test_a_mean_over_time_does_not_repair_a_moving_subject() -> None:
    truth = [disc(50, at=(60 + 3 * t, 80)) for t in range(14)]
    repaired = []
    for seed in range(6):
        masks = degrade.degrade_clip(truth, seed)
        means = blurred_mean(masks, 1.0)
        error = np.mean([np.abs(m - a).mean() for m, a in zip(masks, truth, strict=True)])
        after = np.mean([np.abs(m - a).mean() for m, a in zip(means, truth, strict=True)])
        repaired.append(after / error)
    assert np.mean(repaired) > 0.9


def test_empty_frames_give_empty_masks() -> None:
    empty = np.zeros((40, 50), np.float32)
    assert not degrade.degrade_still(empty, 1).any()
    alphas = [empty, disc(15, 50, (25, 25))[:40], empty]
    masks = degrade.degrade_clip(alphas, 3)
    assert [bool(m.any()) for m in masks] == [False, True, False]
    assert degrade.degrade_clip([], 1) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 3)])
def test_tiny_plates(shape: tuple[int, int]) -> None:
    for seed in range(6):
        mask = degrade.degrade_still(np.ones(shape, np.float32), seed)
        assert mask.shape == shape
        assert mask.dtype == bool


def test_thresholds_and_sequences_cover_their_ranges() -> None:
    drawn = [degrade.draw(seed, 512.0) for seed in range(200)]
    thresholds = [d.threshold for d in drawn]
    assert min(thresholds) >= 0.1
    assert max(thresholds) <= 0.95
    assert max(thresholds) - min(thresholds) > 0.75
    assert {d.sequence for d in drawn} == set(degrade.SEQUENCES)
    assert all(1 <= d.radii[0] <= 12 for d in drawn)
