"""RQ, TQ, MQ and VIMQ against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vimatte.evaluate.instance_metrics import mean_quality, video_quality


def clip(*rows: list[list[float]]) -> np.ndarray:
    """One instance a row, one frame a list, pixels side by side: shape (N, T, 1, W)."""
    return np.array(rows, np.float64)[:, :, None, :]


LEFT = [[1, 1, 0, 0], [1, 1, 0, 0]]
RIGHT = [[0, 0, 1, 1], [0, 0, 1, 1]]


def test_the_truth_scores_one_in_any_order() -> None:
    quality = video_quality(clip(RIGHT, LEFT), clip(LEFT, RIGHT))
    assert quality.rq == quality.tq == quality.recall == quality.accuracy == 1
    assert [quality.vimq(error) for error in ("mse", "mad", "dtssd")] == [1, 1, 1]


def test_by_hand() -> None:
    # Frame 0 is right; frame 1 has one pixel of four too bright by 0.01: mad 0.0025, mse 2.5e-5,
    # change sqrt(2.5e-5) = 0.005. Coverage by alpha > 0: IoU 1 and 2/3; by > 0.5: 1 and 1.
    predicted = clip([[1, 1, 0, 0], [1, 1, 0.01, 0]])
    quality = video_quality(predicted, clip(LEFT))
    assert quality.rq == pytest.approx(5 / 6)
    assert quality.tq == 1
    assert quality.mq["mad"] == pytest.approx(1 - 50 * 0.0025 / 2)
    assert quality.mq["mse"] == pytest.approx(1 - 50 * 2.5e-5 / 2)
    assert quality.mq["dtssd"] == pytest.approx(1 - 10 * 0.005 / 2)
    assert quality.vimq("mad") == pytest.approx(5 / 6 * (1 - 0.0625))
    assert video_quality(predicted, clip(LEFT), convention="vim").rq == 1


def test_a_missing_and_a_surplus_prediction_cost_half_each() -> None:
    missing = video_quality(clip(LEFT), clip(LEFT, RIGHT))
    assert missing.rq == pytest.approx(1 / 1.5)
    assert (missing.recall, missing.accuracy) == (0.5, 1)
    surplus = video_quality(clip(LEFT, RIGHT), clip(LEFT))
    assert surplus.rq == pytest.approx(1 / 1.5)
    assert (surplus.recall, surplus.accuracy) == (1, 0.5)


def test_instances_that_swap_in_one_frame_of_four() -> None:
    a, b = [1, 1, 0, 0], [0, 0, 1, 1]
    true = clip([a] * 4, [b] * 4)
    quality = video_quality(clip([a, a, a, b], [b, b, b, a]), true)
    assert quality.rq == pytest.approx(0.75)
    assert quality.tq == pytest.approx(0.75)


def test_no_true_positive_is_zero_and_nothing_at_all_is_nan() -> None:
    none = np.zeros((0, 2, 1, 4))
    for predicted, true in ((none, clip(LEFT)), (clip(LEFT), none), (clip(RIGHT), clip(LEFT))):
        quality = video_quality(predicted, true)
        assert quality.rq == quality.tq == quality.vimq("mad") == 0
    nothing = video_quality(none, none)
    assert math.isnan(nothing.vimq("mse"))
    assert math.isnan(nothing.recall)
    assert math.isnan(nothing.accuracy)
    assert math.isnan(mean_quality([nothing]).rq)
    assert math.isnan(mean_quality([]).tq)


def test_half_the_area_is_not_enough() -> None:
    assert video_quality(clip([[1, 0, 0, 0]] * 2), clip(LEFT)).rq == 0


def test_frames_empty_in_both_agree_but_not_for_the_released_code() -> None:
    mattes = clip([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    assert video_quality(mattes, mattes).rq == 1
    assert video_quality(mattes, mattes, convention="vim").rq == pytest.approx(2 / 3)


def test_one_frame_has_no_change_to_be_wrong_about() -> None:
    quality = video_quality(clip([[1, 0.9, 0, 0]]), clip([[1, 1, 0, 0]]))
    assert quality.mq["dtssd"] == 1
    assert quality.mq["mse"] == pytest.approx(1 - 50 * 0.01 / 4)


def test_the_mean_multiplies_means() -> None:
    good = video_quality(clip(LEFT), clip(LEFT))
    bad = video_quality(clip(RIGHT), clip(LEFT))
    both = mean_quality([good, bad])
    assert both.vimq("mad") == pytest.approx(1 / 8)
    assert (both.true_positives, both.instances, both.predictions) == (1, 2, 2)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        video_quality(np.zeros((1, 2, 3, 3)), np.zeros((1, 2, 3, 4)))
    with pytest.raises(ValueError, match="one frame"):
        video_quality(np.zeros((1, 0, 3, 3)), np.zeros((1, 0, 3, 3)))
