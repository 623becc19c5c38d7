"""Each figure against a value worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vimatte.evaluate import metrics


def plane(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_mad_mse_and_sad_by_hand() -> None:
    true = plane([0, 1], [1, 0])
    predicted = plane([0.5, 1], [0.75, 0])
    assert metrics.mad(predicted, true) == pytest.approx(1e3 * 0.75 / 4)
    assert metrics.mse(predicted, true) == pytest.approx(1e3 * (0.25 + 0.0625) / 4)
    assert metrics.sad(predicted, true) == pytest.approx(0.75 / 1e3)


def test_a_region_leaves_the_rest_out() -> None:
    true = np.zeros((2, 2), np.float32)
    predicted = plane([0.5, 1], [0, 0])
    region = np.array([[True, False], [True, False]])
    assert metrics.mad(predicted, true, region) == pytest.approx(250)
    assert metrics.mse(predicted, true, region) == pytest.approx(125)


def test_sad_of_a_clip_is_the_mean_of_its_frames() -> None:
    true = np.zeros((2, 1, 2), np.float32)
    predicted = np.array([[[1, 1]], [[0, 1]]], np.float32)
    assert metrics.sad(predicted, true) == pytest.approx(1.5 / 1e3)


def test_grad_of_a_linear_ramp_is_its_slope() -> None:
    # Far from the border a ramp of slope s answers s times the response to slope 1, so that
    # tripling the slope of a ramp costs (3s - s)^2 r^2 at each pixel.
    x = np.arange(41, dtype=np.float64)[None].repeat(41, 0)
    low, high = 0.005 * x, 0.015 * x
    difference = metrics._gradient(high) - metrics._gradient(low)
    taps = np.arange(-4, 5)
    smooth = np.exp(-(taps**2) / (2 * 1.4**2)) / (1.4 * math.sqrt(2 * math.pi))
    slope = taps * smooth / 1.4**2
    response = (slope * taps).sum() * smooth.sum() / np.linalg.norm(np.outer(smooth, slope))
    assert difference[20, 20] == pytest.approx(0.01 * response, rel=1e-6)
    assert metrics.grad(low, low) == 0


def test_grad_ignores_a_constant_offset() -> None:
    rng = np.random.default_rng(1)
    alpha = rng.uniform(0, 0.5, (16, 20))
    assert metrics.grad(alpha + 0.25, alpha) == pytest.approx(0, abs=1e-12)


def test_conn_counts_what_is_not_attached() -> None:
    # A solid subject, and two loose pixels that only the prediction has. Neither is in both, so
    # they leave Omega at the first threshold: l = 0, phi(g) = 1, phi(p) = 1 - 0.8 and 1 - 0.1;
    # the second is within the tolerance of 0.15.
    true = np.zeros((5, 9), np.float32)
    true[1:4, 1:4] = 1
    predicted = true.copy()
    predicted[2, 6] = 0.8
    predicted[0, 8] = 0.1
    assert metrics.conn(predicted, true) == pytest.approx(0.8 / 1e3)


def test_conn_takes_the_larger_of_two_pieces() -> None:
    # Both have both pieces, solid. The smaller leaves Omega at 0.1, in truth and prediction alike:
    # phi is 0 there for both and no error is left.
    true = np.zeros((5, 9), np.float32)
    true[1:4, 1:4] = 1
    true[2, 7] = 1
    assert metrics.conn(true, true) == 0
    # A half-open pixel of the subject: l = 0.5, d = 0.5 of the truth, so phi(g) = 0.5, phi(p) = 1.
    predicted = true.copy()
    predicted[1, 1] = 0.5
    assert metrics.conn(predicted, true) == pytest.approx(0.5 / 1e3)


def test_conn_joins_edges_not_corners() -> None:
    true = plane([1, 1, 0, 0], [0, 0, 1, 0])
    predicted = plane([1, 1, 0, 0], [0, 0, 0.5, 0])
    # The corner pixel is no part of the subject: l = 0 for it, phi(g) = 0 and phi(p) = 0.5.
    assert metrics.conn(predicted, true) == pytest.approx(0.5 / 1e3)


def test_dtssd_by_hand() -> None:
    true = np.zeros((3, 1, 4), np.float32)
    predicted = np.zeros((3, 1, 4), np.float32)
    predicted[1, 0, 0] = 0.6
    # Pairs: (0, 1) changes by 0.6 in one of four pixels, (1, 2) by -0.6.
    assert metrics.dtssd(predicted, true) == pytest.approx(1e2 * math.sqrt(0.36 / 4))


def test_dtssd_forgives_a_steady_error_and_not_a_frozen_matte() -> None:
    rng = np.random.default_rng(2)
    true = rng.uniform(0, 0.5, (4, 6, 7)).astype(np.float32)
    assert metrics.dtssd(true + np.float32(0.25), true) == pytest.approx(0, abs=1e-4)
    assert metrics.dtssd(np.repeat(true[:1], 4, axis=0), true) > 1


def test_dtssd_in_a_region_takes_either_frame_and_skips_empty_pairs() -> None:
    true = np.zeros((3, 1, 4), np.float32)
    predicted = true.copy()
    predicted[0, 0, 0] = 1
    region = np.zeros((3, 1, 4), bool)
    region[0, 0, :2] = True
    # The first pair counts two pixels, one of them wrong by 1; the second pair counts none.
    assert metrics.dtssd(predicted, true, region) == pytest.approx(1e2 * math.sqrt(1 / 2))


def test_one_frame_has_no_temporal_figure() -> None:
    one = np.zeros((1, 3, 3), np.float32)
    assert math.isnan(metrics.dtssd(one, one))
    assert metrics.mad(one, one) == 0
    assert metrics.sad(one, one) == metrics.grad(one, one) == metrics.conn(one, one) == 0


def test_nothing_to_count_is_nan_not_a_good_score() -> None:
    none = np.zeros((0, 3, 3), np.float32)
    for measure in (metrics.mad, metrics.mse, metrics.sad, metrics.grad, metrics.conn):
        assert math.isnan(measure(none, none)), measure.__name__
    empty = np.zeros((3, 3), np.float32)
    assert math.isnan(metrics.mad(empty, empty, metrics.unknown_band(empty)))
    assert metrics.unknown_band(none).shape == none.shape


def test_frames_without_the_subject_still_count_what_is_wrong() -> None:
    empty = np.zeros((2, 4, 4), np.float32)
    ghost = empty.copy()
    ghost[1, 1:3, 1:3] = 1
    assert metrics.mad(ghost, empty) == pytest.approx(1e3 * 4 / 32)
    assert metrics.conn(ghost, empty) == pytest.approx(4 / 1e3 / 2)
    assert metrics.dtssd(ghost, empty) == pytest.approx(1e2 * math.sqrt(4 / 16))


def test_unknown_band_is_a_disc_around_the_outline() -> None:
    true = np.zeros((21, 21), np.float32)
    true[:, :10] = 1
    true[:, 10] = 0.4
    band = metrics.unknown_band(true, 3)
    # Three pixels beyond the half-open column; solid pixels nearer than or at 3 from it.
    assert np.flatnonzero(band[10]).tolist() == list(range(7, 14))
    # The plate's border is no outline.
    assert not band[:, 0].any()
    assert not metrics.unknown_band(np.ones((9, 9)), 3).any()


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        metrics.mad(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="three dimensions"):
        metrics.dtssd(np.zeros((2, 2)), np.zeros((2, 2)))
