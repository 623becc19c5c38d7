"""VIMQ: were the right instances found, kept apart over time, and matted well.

VIMQ = RQ x TQ x MQ (recognition, tracking, matting), as defined in [1]. The released code differs
from the paper, and both can be had: ``convention="paper"`` or ``"vim"``.

========================  ================================  ==================================
what                      paper                             vim (released code)
========================  ================================  ==================================
a pixel is in a matte     alpha > 0, in 8 bits (1/255)      alpha > 0.5
frame empty in both       agrees: IoU 1                     IoU 0, which lowers the mean
no instance anywhere      NaN: nothing to be judged         NaN too; the code divides by zero
========================  ================================  ==================================

In both, predictions are matched to instances over the whole clip by the smallest sum of absolute
differences, a matched pair is a true positive where its mean IoU over the frames exceeds 0.5, RQ
carries the mean IoU of the true positives, and a clip's figures are averaged over clips before
they are multiplied (`mean_quality`).

That a frame empty in both agrees, and that nothing to judge is NaN, is our reading: without it an
instance that leaves the plate could never be followed perfectly.

References
----------
[1] J. Li et al., "Video instance matting", WACV 2024 (RQ, TQ, MQ, VIMQ).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vimatte.evaluate.tally import Tally, TallyBuilder

Mattes = NDArray[np.floating[Any]]
Convention = Literal["paper", "vim"]

SIMILARITY_WEIGHTS = {"mse": 50.0, "mad": 50.0, "dtssd": 10.0}
IOU_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class VideoQuality:
    """The quality of one clip, or the mean over clips; every figure in [0, 1], higher is better.

    Attributes
    ----------
    rq, tq : float
        Recognition and tracking.
    mq : dict of str to float
        Matting quality under each error of `SIMILARITY_WEIGHTS`.
    true_positives, instances, predictions : int
        Counts of clip-long tracks.
    """

    rq: float
    tq: float
    mq: dict[str, float]
    true_positives: int
    instances: int
    predictions: int

    def vimq(self, error: str) -> float:
        """Return RQ x TQ x MQ under one error; NaN where there was nothing to judge."""
        return self.rq * self.tq * self.mq[error]

    @property
    def recall(self) -> float:
        """True positives over instances; NaN without instances."""
        return self.true_positives / self.instances if self.instances else math.nan

    @property
    def accuracy(self) -> float:
        """True positives over predictions; NaN without predictions."""
        return self.true_positives / self.predictions if self.predictions else math.nan


def video_quality(
    predicted: Mattes, true: Mattes, *, convention: Convention = "paper"
) -> VideoQuality:
    """Judge one clip [1].

    Parameters
    ----------
    predicted : ndarray of float, shape (P, T, H, W), in [0, 1]
    true : ndarray of float, shape (G, T, H, W), in [0, 1]
    convention : {"paper", "vim"}
        See the module's table.

    Returns
    -------
    VideoQuality
        All NaN where there is neither an instance nor a prediction; RQ, TQ and MQ are 0 where
        there is no true positive. The first frame's change counts as right for dtSSD.

    Raises
    ------
    ValueError
        The arrays are not (N, T, H, W) of equal T, H, W, or have no frame.
    """
    if predicted.ndim != 4 or true.ndim != 4 or predicted.shape[1:] != true.shape[1:]:
        raise ValueError(f"shapes differ: {predicted.shape} and {true.shape}")
    if not true.shape[1]:
        raise ValueError("a clip needs at least one frame")
    builder = TallyBuilder(len(true), len(predicted))
    for frame in range(true.shape[1]):
        builder.add(frame, list(predicted[:, frame]), list(true[:, frame]))
    return tally_quality(builder.done(), convention=convention)


def tally_quality(tally: Tally, *, convention: Convention = "paper") -> VideoQuality:
    """Judge one clip from its sums; see `video_quality`.

    Raises
    ------
    ValueError
        The tally has no frame.
    """
    if not tally.frames:
        raise ValueError("a clip needs at least one frame")
    found, wanted = tally.predictions, tally.instances
    if not found and not wanted:
        nothing = dict.fromkeys(SIMILARITY_WEIGHTS, math.nan)
        return VideoQuality(math.nan, math.nan, nothing, 0, 0, 0)
    half = "_half" if convention == "vim" else ""
    both, either = getattr(tally, f"both{half}"), getattr(tally, f"either{half}")
    overlaps = np.where(either > 0, both / np.maximum(either, 1), 0.0 if half else 1.0)
    hits = []
    for g, p in enumerate(tally.matched()):
        overlap = float(overlaps[:, g, p].mean())
        if p < found and overlap > IOU_THRESHOLD:
            hits.append((g, p, overlap))
    if not hits:
        zero = dict.fromkeys(SIMILARITY_WEIGHTS, 0.0)
        return VideoQuality(0.0, 0.0, zero, 0, wanted, found)
    # TP + FP / 2 + FN / 2 is the mean of both counts.
    rq = len(hits) / ((found + wanted) / 2) * float(np.mean([overlap for *_, overlap in hits]))
    kept = []
    for cost in tally.absolute[:, :, :found]:
        assigned = set(zip(*(side.tolist() for side in linear_sum_assignment(cost)), strict=True))
        kept.append(np.mean([(g, p) in assigned for g, p, _ in hits]))
    mq = {
        error: float(np.mean([_similarity(tally, g, p, error) for g, p, _ in hits]))
        for error in SIMILARITY_WEIGHTS
    }
    return VideoQuality(rq, float(np.mean(kept)), mq, len(hits), wanted, found)


def mean_quality(clips: Sequence[VideoQuality]) -> VideoQuality:
    """Return the mean over clips, counts added up; its `vimq` is the product of the means.

    Clips with nothing to judge are left out; NaN where none is left.
    """
    judged = [clip for clip in clips if not math.isnan(clip.rq)]

    def mean(values: list[float]) -> float:
        return float(np.mean(values)) if values else math.nan

    return VideoQuality(
        mean([clip.rq for clip in judged]),
        mean([clip.tq for clip in judged]),
        {error: mean([clip.mq[error] for clip in judged]) for error in SIMILARITY_WEIGHTS},
        sum(clip.true_positives for clip in clips),
        sum(clip.instances for clip in clips),
        sum(clip.predictions for clip in clips),
    )


def _similarity(tally: Tally, g: int, p: int, error: str) -> float:
    pixels = np.maximum(tally.pixels[:, g], 1)
    if error == "mad":
        errors = tally.absolute[:, g, p] / pixels
    elif error == "mse":
        errors = tally.squared[:, g, p] / pixels
    else:
        # A frame without one before it has no change to be wrong about.
        errors = np.sqrt(np.nan_to_num(tally.change[:, g, p]) / pixels)
    return float(np.mean(1 - np.minimum(1, SIMILARITY_WEIGHTS[error] * errors)))
