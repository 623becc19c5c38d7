"""The tally and its figures by hand, in every program's scale."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from vimatte.evaluate import metrics
from vimatte.evaluate.conventions import CONVENTIONS, clip_figures, frame_curves
from vimatte.evaluate.tally import Tally, TallyBuilder


def tally_of(predicted: list[np.ndarray], true: list[np.ndarray]) -> Tally:
    """One instance, one prediction."""
    builder = TallyBuilder(1, 1)
    for frame, (p, g) in enumerate(zip(predicted, true, strict=True)):
        builder.add(frame, [p], [g])
    return builder.done()


@pytest.fixture
def by_hand() -> Tally:
    # 4 x 5 pixels. Frame 0 is right; in frame 1 two pixels are wrong by 0.5.
    true = np.zeros((4, 5), np.float32)
    wrong = true.copy()
    wrong[0, 0] = wrong[3, 4] = 0.5
    return tally_of([true, wrong], [true, true])


@pytest.mark.parametrize(
    ("convention", "mad", "mse", "sad", "dtssd"),
    [
        # mean |d|: (0 + 0.05) / 2; mean d^2: (0 + 0.025) / 2; change: sqrt(0.5 / 20) = 0.158
        ("paper", 25, 12.5, 0.0005, 15.811388),
        ("rvm", 25, 12.5, 0.0005, 7.905694),
        ("vim", 0.025, 0.0125, 0.5, 0.07905694),
        # 1e10 / 20 times the mean; 0.1 * sqrt(0.5)
        ("maggie", 0.025 * 1e10 / 20, 0.0125 * 1e10 / 20, 0.0005, 0.07071068),
    ],
)
def test_scales_by_hand(
    by_hand: Tally, convention: str, mad: float, mse: float, sad: float, dtssd: float
) -> None:
    got = clip_figures(by_hand, 0, 0, convention=convention)
    assert got["mad"] == pytest.approx(mad)
    assert got["mse"] == pytest.approx(mse)
    assert got["sad"] == pytest.approx(sad)
    assert got["dtssd"] == pytest.approx(dtssd)


def test_the_regions_by_hand() -> None:
    # A half plane of 60 x 60; its band reaches 12 pixels to each side of the outline at column 30.
    true = np.zeros((60, 60), np.float32)
    true[:, 30:] = 1
    predicted = true.copy()
    predicted[0, 59] = 0  # solid foreground: 60 * (30 - 12) pixels of it
    predicted[1, 31] = 0.5  # in the band of 60 * 24
    tally = tally_of([predicted], [true])
    paper = clip_figures(tally, 0, 0)
    assert paper["mad_foreground"] == pytest.approx(1e3 / (60 * 18))
    assert paper["mad_unknown"] == pytest.approx(1e3 * 0.5 / (60 * 24))
    maggie = clip_figures(tally, 0, 0, convention="maggie")
    assert maggie["mad_foreground"] == pytest.approx(1e10 / 3600 / (60 * 18))
    assert maggie["mad_unknown"] == pytest.approx(1e10 * 0.5 / 3600 / (60 * 24))


def test_it_agrees_with_the_plain_metrics() -> None:
    rng = np.random.default_rng(1)
    true = (rng.random((5, 40, 50)) * (np.arange(50) > 20)).astype(np.float32)
    predicted = np.clip(true + rng.normal(0, 0.1, true.shape), 0, 1).astype(np.float32)
    tally = tally_of(list(predicted), list(true))
    got = clip_figures(tally, 0, 0)
    band = metrics.unknown_band(true)
    assert got["mad"] == pytest.approx(metrics.mad(predicted, true), rel=1e-6)
    assert got["mse"] == pytest.approx(metrics.mse(predicted, true), rel=1e-6)
    assert got["sad"] == pytest.approx(metrics.sad(predicted, true), rel=1e-6)
    assert got["mad_unknown"] == pytest.approx(metrics.mad(predicted, true, band), rel=1e-6)
    assert got["dtssd"] == pytest.approx(metrics.dtssd(predicted, true), rel=1e-5)
    some = clip_figures(tally, 0, 0, [0, 1, 4])
    assert some["mad"] == pytest.approx(metrics.mad(predicted[[0, 1, 4]], true[[0, 1, 4]]))
    assert some["dtssd"] == pytest.approx(metrics.dtssd(predicted[:2], true[:2]), rel=1e-5)


def test_nothing_to_measure_is_not_a_number() -> None:
    plane = np.zeros((4, 4), np.float32)
    one = tally_of([plane], [plane])
    for convention in ("paper",):
        assert math.isnan(clip_figures(one, 0, 0, convention=convention)["dtssd"])
    assert clip_figures(one, 0, 0)["mad"] == 0
    assert math.isnan(clip_figures(one, 0, 0)["mad_unknown"])
    # MaGGIe's program counts an empty region as no error.
    assert clip_figures(one, 0, 0, convention="maggie")["mad_unknown"] == 0
    empty = TallyBuilder(1, 1).done()
    for convention in CONVENTIONS:
        assert all(math.isnan(v) for v in clip_figures(empty, 0, 0, convention=convention).values())


def test_an_instance_nobody_predicted_is_compared_with_nothing() -> None:
    builder = TallyBuilder(2, 1)
    left, right = np.eye(2, dtype=np.float32)
    builder.add(0, [left[None]], [right[None], left[None]])
    tally = builder.done()
    assert tally.matched() == [1, 0]
    assert clip_figures(tally, 0, tally.predictions)["mad"] == 500
    assert clip_figures(tally, 1, 0)["mad"] == 0


def test_frames_apart_have_no_change() -> None:
    builder = TallyBuilder(1, 1)
    for frame, value in ((3, 0.0), (4, 0.5), (9, 0.0)):
        builder.add(frame, [np.full((2, 2), value, np.float32)], [np.zeros((2, 2), np.float32)])
    curve = frame_curves(builder.done(), 0, 0)
    assert curve["mad"] == [0, 500, 0]
    assert curve["dtssd"][1] == pytest.approx(50)
    assert math.isnan(curve["dtssd"][0])
    assert math.isnan(curve["dtssd"][2])


def test_a_tally_survives_json(by_hand: Tally) -> None:
    again = Tally.from_lists(json.loads(json.dumps(by_hand.as_lists(), allow_nan=False)))
    assert clip_figures(again, 0, 0) == clip_figures(by_hand, 0, 0)
    assert again.predictions == 1
    none = TallyBuilder(0, 2).done()
    assert Tally.from_lists(none.as_lists()).absolute.shape == (0, 0, 3)


def test_pictures_must_fit() -> None:
    builder = TallyBuilder(1, 1)
    with pytest.raises(ValueError, match="shapes differ"):
        builder.add(0, [np.zeros((2, 2))], [np.zeros((2, 3))])
    with pytest.raises(ValueError, match="2 predictions"):
        builder.add(0, [np.zeros((2, 2))] * 2, [np.zeros((2, 2))])
