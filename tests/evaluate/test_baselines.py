"""The rivals: what never looks at the picture, the guided filter, closed-form and KNN matting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vimatte.errors import FrameReadError
from vimatte.evaluate import baselines
from vimatte.evaluate.guided_filter import guided_filter, guided_mask


def square(at: int = 20, side: int = 20, size: int = 60) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[at : at + side, at : at + side] = True
    return mask


def test_the_mean_takes_five_frames_and_fewer_at_the_ends() -> None:
    masks = [np.full((2, 2), on, bool) for on in (1, 0, 0, 0, 0, 1)]
    means = baselines.blurred_mean(masks, 0)
    assert [round(float(m[0, 0]), 4) for m in means] == [
        round(v, 4) for v in (1 / 3, 1 / 4, 1 / 5, 1 / 5, 1 / 4, 1 / 3)
    ]
    assert means[0].dtype == np.float32


def test_the_blur_softens_and_keeps_the_sum() -> None:
    mask = square()
    soft = baselines.blurred_mean([mask], 2.0)[0]
    assert 0 < soft[19, 30] < 1
    assert soft.sum() == pytest.approx(mask.sum(), rel=1e-4)


def test_a_trimap_keeps_some_inside_and_outside() -> None:
    trimap = baselines.trimap_from_mask(square(), 4)
    assert trimap[30, 30] == 1
    assert trimap[5, 5] == 0
    assert trimap[20, 30] == trimap[17, 30] == 0.5
    narrow = baselines.trimap_from_mask(square(side=4), 30)
    assert (narrow == 1).any()
    assert (narrow == 0).any()
    for whole in (np.zeros((4, 4), bool), np.ones((4, 4), bool)):
        assert np.array_equal(baselines.trimap_from_mask(whole, 2), whole)


def painted(truth: np.ndarray) -> np.ndarray:
    """A plate of two colours and a little noise."""
    rng = np.random.default_rng(1)
    noise = rng.uniform(0, 0.02, (*truth.shape, 3))
    plate = truth[..., None] * [0.8, 0.2, 0.1] + (1 - truth[..., None]) * [0.1, 0.4, 0.7] + noise
    return (np.round(plate * 255) / 255).astype(np.float32)


@pytest.mark.parametrize("method", ["closed form", "knn"])
def test_pymatting_finds_the_outline_in_the_picture(method: str, tmp_path: Path) -> None:
    pytest.importorskip("pymatting")
    truth = square().astype(np.float32)
    plate = painted(truth)
    mask = square(22, 20)
    cache = baselines.SolvedCache(tmp_path / "cf")
    alpha = cache.alpha(method, plate, mask, 60)
    assert np.abs(alpha - truth).mean() < 0.25 * np.abs(mask - truth).mean()
    files = list((tmp_path / "cf").iterdir())
    assert len(files) == 1
    again = cache.alpha(method, plate, mask, 60)
    assert np.array_equal(alpha, again)
    cache.alpha(method, plate, mask, 40)
    assert len(list((tmp_path / "cf").iterdir())) == 2
    files[0].write_bytes(b"not a picture")
    with pytest.raises(FrameReadError):
        cache.alpha(method, plate, mask, 60)


def test_large_pictures_are_solved_small(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pymatting")
    monkeypatch.setattr(baselines, "_LONGEST", 40)
    truth = square(size=60, at=10, side=40).astype(np.float32)
    mask = square(size=60, at=12, side=40)
    alpha = baselines.solved("closed form", painted(truth), mask, 60)
    assert alpha.shape == truth.shape
    assert np.abs(alpha - truth).mean() < 0.6 * np.abs(mask - truth).mean()


def test_an_empty_mask_gives_an_empty_matte() -> None:
    plate = np.zeros((8, 9, 3), np.float32)
    empty = np.zeros((8, 9), bool)
    assert not baselines.solved("knn", plate, empty, 12).any()
    assert not guided_mask(plate, empty, 8, 1e-3).any()


def test_the_guided_filter_follows_the_picture() -> None:
    truth = square(size=80, at=20, side=40).astype(np.float32)
    mask = square(size=80, at=22, side=40)
    alpha = guided_mask(painted(truth), mask, 80, 1e-4)
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    assert np.square(alpha - truth).mean() < 0.5 * np.square(mask - truth).mean()
    # Where the outline runs, the picture decides and not the mask.
    assert np.mean((alpha > 0.5) != truth) < 0.2 * np.mean(mask != truth)


def test_the_guided_filter_by_hand() -> None:
    # In a flat picture nothing explains the plane: what is left is its mean, taken twice.
    flat = np.full((9, 9, 3), 0.5, np.float32)
    plane = np.zeros((9, 9), np.float32)
    plane[4, 4] = 81
    got = guided_filter(flat, plane, 1, 0.01)
    assert got[4, 4] == pytest.approx(9)  # (9 windows that hold it, of 9 each) / 9
    assert got[2, 4] == pytest.approx(3)
    assert got[1, 4] == 0
    # What is a linear function of the picture stays, where epsilon is small beside its variance.
    guide = np.random.default_rng(1).random((20, 20, 3)).astype(np.float32)
    line = guide @ np.array([0.2, -0.5, 0.7], np.float32) + 0.3
    assert np.abs(guided_filter(guide, line, 3, 1e-8) - line).max() < 1e-3
