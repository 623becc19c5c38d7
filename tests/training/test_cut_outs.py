"""People cut out of footage: what is accepted, and what their colour is."""

from __future__ import annotations

import cv2
import numpy as np

from vimatte.training.cut_outs import cut_out, judge, runs

BAND = 8.0
NOBODY = np.zeros((200, 160), bool)


def person() -> tuple[np.ndarray, np.ndarray]:
    """A solid figure with an edge of two pixels, and its mask."""
    solid = np.zeros((200, 160), np.float32)
    cv2.ellipse(solid, (80, 100), (40, 80), 0, 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(solid, (0, 0), 1.2), np.float32), solid > 0.5


def test_a_sharp_figure_alone_is_clean() -> None:
    alpha, mask = person()
    verdict = judge(alpha, mask, NOBODY, BAND)
    assert verdict.clean
    assert verdict.height == 161
    assert verdict.touched == 0


def test_what_makes_a_cut_out_unusable() -> None:
    alpha, mask = person()
    haze = np.maximum(alpha, 0.4 * cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 12))
    assert judge(haze, mask, NOBODY, BAND).soft > judge(alpha, mask, NOBODY, BAND).soft
    assert not judge(haze, mask, NOBODY, BAND).clean
    torn = alpha.copy()
    torn[90:140] = 0  # two pieces, and far from the mask
    assert not judge(torn, mask, NOBODY, BAND).clean
    neighbour = np.zeros_like(mask)
    neighbour[:, 115:] = True
    assert judge(alpha, mask, neighbour, BAND).touched > 0.1
    assert not judge(alpha, mask, neighbour, BAND).clean
    tiny, small = (
        cv2.resize(m.astype(np.float32), (64, 80), interpolation=cv2.INTER_AREA)
        for m in (alpha, mask)
    )
    assert not judge(tiny, small > 0.5, NOBODY[:80, :64], BAND).clean
    assert not judge(alpha, NOBODY, NOBODY, BAND).clean


def test_only_stretches_that_make_a_clip_are_kept() -> None:
    clean = [True] * 3 + [False] + [True] * 5 + [False, True, True, True, True]
    assert runs(clean) == [range(4, 9), range(10, 14)]
    assert runs([False, True]) == []


def test_the_old_background_is_taken_out() -> None:
    alpha, _ = person()
    red, green = np.array([0.8, 0.2, 0.1], np.float32), np.array([0.1, 0.8, 0.1], np.float32)
    a = alpha[..., None]
    light = red**2.2 * a + green**2.2 * (1 - a)
    rgba = cut_out(np.asarray(light ** (1 / 2.2), np.float32), alpha)
    edge = (alpha > 0.2) & (alpha < 0.8)
    assert edge.sum() > 100
    np.testing.assert_allclose(rgba[edge][:, :3] / 255, np.tile(red, (edge.sum(), 1)), atol=0.08)
    np.testing.assert_array_equal(rgba[..., 3], np.round(alpha * 255).astype(np.uint8))
