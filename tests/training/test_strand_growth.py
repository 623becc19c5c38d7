"""Strands grow outside of the head, and only the wind moves them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vimatte.training.strand_growth import Scalp, draw_style, grow


@pytest.mark.parametrize("seed", range(6))
def test_no_strand_enters_the_scalp(seed: int) -> None:
    rng = np.random.default_rng(seed)
    style = dataclasses.replace(draw_style(rng), count=300)
    scalp = Scalp.animal(rng) if style.fur else Scalp.head(rng)
    strands = grow(scalp, style, rng, np.zeros(3))
    assert strands.shape == (300, style.points, 3)
    assert np.isfinite(strands).all()
    # With several ellipsoids the last one that pushes wins: most, not all, of a joint is clear.
    last = (strands.reshape(-1, 3) - scalp.centres[-1]) / scalp.radii[-1]
    assert np.linalg.norm(last, axis=1).min() > 0.999
    spans = np.linalg.norm(np.diff(strands, axis=1), axis=2).sum(axis=1)
    assert spans.max() < style.length * 1.2 + 4 * style.curl * style.points


def test_frames_differ_by_the_wind_alone() -> None:
    rng = np.random.default_rng(3)
    style = dataclasses.replace(draw_style(rng), count=200, fall=0.5)
    scalp = Scalp.head(rng)
    calm = grow(scalp, style, np.random.default_rng(1), np.zeros(3))
    again = grow(scalp, style, np.random.default_rng(1), np.zeros(3))
    windy = grow(scalp, style, np.random.default_rng(1), np.array([0.5, 0, 0]))
    np.testing.assert_array_equal(calm, again)
    np.testing.assert_array_equal(calm[:, 0], windy[:, 0])
    assert (windy[:, -1] - calm[:, -1])[:, 0].mean() > 0.1 * style.length


def test_hair_leaves_the_face_free() -> None:
    rng = np.random.default_rng(4)
    style = dataclasses.replace(draw_style(rng), count=500, fur=False)
    scalp = Scalp.head(rng)
    roots = (grow(scalp, style, rng, np.zeros(3))[:, 0] - scalp.centres[0]) / scalp.radii[0]
    face = (roots[:, 1] < -0.5) & (roots[:, 2] < 0.0)
    assert face.mean() < 0.02
