"""The rivals: what never looks at the picture, and closed-form matting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vimatte.errors import FrameReadError
from vimatte.evaluate import baselines


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


def test_closed_form_finds_the_outline_in_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("pymatting")
    truth = square().astype(np.float32)
    rng = np.random.default_rng(1)
    noise = rng.uniform(0, 0.02, (*truth.shape, 3))
    plate = truth[..., None] * [0.8, 0.2, 0.1] + (1 - truth[..., None]) * [0.1, 0.4, 0.7] + noise
    plate = (np.round(plate * 255) / 255).astype(np.float32)
    mask = square(22, 20)
    cache = baselines.ClosedFormCache(tmp_path / "cf")
    alpha = cache.alpha(plate, mask, 60)
    assert np.abs(alpha - truth).mean() < 0.25 * np.abs(mask - truth).mean()
    files = list((tmp_path / "cf").iterdir())
    assert len(files) == 1
    again = cache.alpha(plate, mask, 60)
    assert np.array_equal(alpha, again)
    cache.alpha(plate, mask, 40)
    assert len(list((tmp_path / "cf").iterdir())) == 2
    files[0].write_bytes(b"not a picture")
    with pytest.raises(FrameReadError):
        cache.alpha(plate, mask, 60)


def test_closed_form_of_an_empty_mask_is_empty() -> None:
    plate = np.zeros((8, 9, 3), np.float32)
    assert not baselines.closed_form(plate, np.zeros((8, 9), bool), 12).any()
