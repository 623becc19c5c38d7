"""Errors over time along the motion: MESSDdt with a truth, and steadiness without one.

Both follow each pixel by optical flow and look up where it was: bilinear, in (x, y) order, with the
flow's fractions. MaGGIe's released MESSDdt looks up row ``x + dx`` and column ``y + dy``, which at
zero flow is already not the same pixel, and reads the first pair's frame for every pair; TCVOM and
Robust Video Matting warp as is done here.

References
----------
[1] M. Erofeev et al., "Perceptually motivated benchmark for video matting", BMVC 2015 (MESSDdt).
[2] Y. Zhang et al., "Attention-guided temporally coherent video object matting", ACM MM 2021.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.evaluate.metrics import Alpha, unknown_band
from vimatte.matting.steadying import look_up

Flow = NDArray[np.float32]
Picture = NDArray[np.floating[Any]]

_ROUND_TRIP = 1.5  # pixels that a flow there and back may miss by; more is something uncovered


def messddt(predicted: Alpha, true: Alpha, *, scale: float = 1e4) -> float:
    """Error of the change along the motion [1], ``1e4 * mean over pairs and pixels``.

    ::

        |(p_t(x) - g_t(x))^2 - (p_t+1(x + v) - g_t+1(x + v))^2|

    where v is the flow of the *true alpha* from t to t + 1 (Farneback, with the settings of
    MaGGIe's program). A matte whose error moves along with the subject scores about 0.

    Parameters
    ----------
    predicted, true : ndarray of float, shape (T, H, W), in [0, 1]
    scale : float

    Returns
    -------
    float
        NaN for fewer than two frames.

    Raises
    ------
    ValueError
        The shapes differ, or are not (T, H, W).
    """
    if np.shape(predicted) != np.shape(true) or np.ndim(true) != 3:
        raise ValueError(f"shapes differ: {np.shape(predicted)} and {np.shape(true)}")
    pairs = [pair_messddt(predicted[t : t + 2], true[t : t + 2]) for t in range(len(true) - 1)]
    return scale * float(np.mean(pairs)) if pairs else math.nan


def pair_messddt(predicted: Alpha, true: Alpha) -> float:
    """The MESSDdt of two frames, shape (2, H, W), without the factor."""
    squared = (np.asarray(predicted, np.float32) - np.asarray(true, np.float32)) ** 2
    flow = alpha_flow(true[0], true[1])
    return float(np.abs(squared[0] - look_up(squared[1], flow)).mean())


def alpha_flow(first: Alpha, second: Alpha) -> Flow:
    """Return how each pixel of `first` moves to `second`, shape (H, W, 2): x, y in pixels."""
    grey = [np.round(np.clip(a, 0, 1) * 255).astype(np.uint8) for a in (first, second)]
    start = np.zeros((*grey[0].shape, 2), np.float32)
    flags = cv2.OPTFLOW_FARNEBACK_GAUSSIAN
    flow = cv2.calcOpticalFlowFarneback(grey[0], grey[1], start, 0.5, 5, 10, 2, 7, 1.5, flags)
    return np.asarray(flow, np.float32)


class PlateMotion:
    """How a plate moves from the frame before to the one now, and where that can be trusted.

    Parameters
    ----------
    before, now : ndarray of float, shape (H, W, 3), in [0, 1], sRGB-encoded

    Attributes
    ----------
    backwards : ndarray of float32, shape (H, W, 2)
        From now to where each pixel was.
    reliable : ndarray of bool, shape (H, W)
        The flow there and back ends where it began, within 1.5 pixels: what was hidden before has
        nothing to be compared with.
    """

    def __init__(self, before: Picture, now: Picture) -> None:
        first, second = _grey(before), _grey(now)
        self.backwards = _dense_flow(second, first)
        forwards = _dense_flow(first, second)
        back = np.dstack([look_up(forwards[..., k], self.backwards) for k in (0, 1)])
        error = np.linalg.norm(self.backwards + back, axis=2)
        self.reliable: NDArray[np.bool_] = error < _ROUND_TRIP

    def difference(self, before: Alpha, now: Alpha, band: NDArray[np.bool_]) -> tuple[float, int]:
        """Return the sum of |now - before moved along| over the band's reliable pixels, and them.

        Parameters
        ----------
        before, now : ndarray of float, shape (H, W), in [0, 1]
        band : ndarray of bool, shape (H, W)
        """
        where = band & self.reliable
        change = np.abs(np.asarray(now, np.float32) - look_up(before, self.backwards))
        return float(change[where].sum(dtype=np.float64)), int(np.count_nonzero(where))


def shared_band(*mattes: Alpha) -> NDArray[np.bool_]:
    """Return the pixels within 12 of the outline of any of these, shape (H, W)."""
    band = np.zeros(mattes[0].shape, bool)
    for matte in mattes:
        band |= unknown_band(np.round(np.clip(matte, 0, 1) * 255) / 255)
    return band


def _grey(picture: Picture) -> NDArray[np.uint8]:
    pixels = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    return np.asarray(grey, np.uint8)


def _dense_flow(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Flow:
    solver = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # Smaller plates than its patches have no flow to find.
    if min(first.shape) < 24:
        return np.zeros((*first.shape, 2), np.float32)
    start = np.zeros((*first.shape, 2), np.float32)
    return np.asarray(solver.calc(first, second, start), np.float32)
