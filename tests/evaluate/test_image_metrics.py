"""IMQ, recall, accuracy and the errors with missed instances, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vimatte.evaluate import metrics
from vimatte.evaluate.image_metrics import image_quality, matched_error, pooled
from vimatte.evaluate.tally import TallyBuilder

LEFT = np.array([[1, 1, 0, 0]], np.float64)
RIGHT = np.array([[0, 0, 1, 1]], np.float64)
NONE = np.zeros((1, 4))


def test_the_truth_scores_one_in_any_order() -> None:
    quality = image_quality([RIGHT, LEFT], [LEFT, RIGHT])
    assert quality.rq == quality.recall == quality.accuracy == 1
    assert [quality.imq(error) for error in ("mad", "mse", "grad", "conn")] == [1, 1, 1, 1]


def test_by_hand() -> None:
    # One pixel of the instance's two is 0.98: |d| 0.02 over 2 pixels, S = 1 - 10 * 0.01.
    close = np.array([[1, 0.98, 0, 0]])
    quality = image_quality([close], [LEFT, RIGHT], errors=("mad", "mse"))
    assert quality.rq == pytest.approx(1 / 1.5)
    assert quality.mq("mad") == pytest.approx(0.9)
    assert quality.mq("mse") == pytest.approx(1 - 10 * 0.0004 / 2)
    assert quality.imq("mad") == pytest.approx(0.9 / 1.5)
    assert (quality.recall, quality.accuracy) == (0.5, 1)
    released = image_quality([close], [LEFT, RIGHT], errors=("mad",), convention="instmatt")
    assert released.imq("mad") == pytest.approx((1 - 10 * 0.02 / 3) / (1.5 + 1e-6))


def test_errors_beyond_a_tenth_are_worth_nothing() -> None:
    faint = image_quality([LEFT * 0.5], [LEFT])
    assert faint.rq == 1
    assert faint.imq("mad") == faint.imq("mse") == 0


def test_the_threshold_decides_who_was_found() -> None:
    # 2 of 3 covered pixels agree: IoU 2/3.
    wide = np.array([[1, 1, 1, 0]], np.float64)
    assert image_quality([wide], [LEFT]).true_positives == 1
    strict = image_quality([wide], [LEFT], threshold=0.75)
    assert (strict.true_positives, strict.false_positives, strict.false_negatives) == (0, 1, 1)
    assert strict.rq == strict.mq("mad") == strict.imq("mad") == 0


def test_no_instance_and_no_prediction() -> None:
    nothing = image_quality([NONE], [NONE])
    assert math.isnan(nothing.rq)
    assert math.isnan(nothing.imq("mad"))
    assert math.isnan(nothing.recall)
    assert math.isnan(nothing.accuracy)
    assert image_quality([LEFT], []).imq("mad") == 0
    missed = image_quality([], [LEFT])
    assert (missed.false_negatives, missed.rq) == (1, 0)
    # The released program leaves such a picture out.
    assert image_quality([], [LEFT], convention="instmatt").false_negatives == 0


def test_pictures_are_pooled_before_dividing() -> None:
    good = image_quality([LEFT], [LEFT], errors=("mad",))
    bad = image_quality([], [LEFT, RIGHT, LEFT], errors=("mad",))
    assert pooled([good, bad]).imq("mad") == pytest.approx(1 / 2.5)
    assert math.isnan(pooled([]).rq)


def test_a_missed_instance_counts_with_its_whole_matte() -> None:
    builder = TallyBuilder(2, 1)
    builder.add(0, [LEFT], [LEFT, RIGHT])
    # LEFT is right; of RIGHT half of the pixels are wrong by 1.
    assert matched_error(builder.done(), "mad") == pytest.approx(250)
    assert matched_error(builder.done(), "mse") == pytest.approx(250)
    assert math.isnan(matched_error(TallyBuilder(0, 1).done(), "mad"))
    assert math.isnan(matched_error(TallyBuilder(1, 1).done(), "mad"))


def test_grad_as_maggie_stretches_first() -> None:
    x = np.linspace(0, 0.5, 32)[None].repeat(32, 0)
    assert metrics.grad(x, 2 * x) > 0
    stretched = metrics.grad(x, 2 * x, convention="maggie")
    assert stretched == pytest.approx(0, abs=1e-9)
    # Zeros outside: a solid plate has an edge at its border, and both have the same.
    assert metrics.grad(np.ones((8, 8)), np.ones((8, 8)), convention="maggie") == 0
