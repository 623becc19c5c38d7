"""Were the right instances found in each picture, and how well: IMQ, and counts as E2E-HIM's.

IMQ = RQ x MQ (recognition, matting) of pictures, or of a clip's frames, as defined in [1]::

    IMQ = sum over true positives of S / (TP + FP / 2 + FN / 2)
    S   = 1 - min(10 * error, 1)

where the error is the mean of |p - g|, (p - g)^2, Grad or Conn over the pixels of either matte, and
a prediction is a true positive where its IoU (alpha > 0) with the instance is at least 0.5. All
pictures' sums are taken before dividing. ``convention="instmatt"`` is the released code: it divides
by one pixel more, adds 1e-6 to the counts, and leaves out pictures without any prediction, in which
the paper counts every instance as missed.

For [2] nothing was released that measures. `matched_error` is our reading of its *EMAD* and *EMSE*:
the mean error of all instances, where one that was missed counts with its whole matte; its factors
are not known to us, so ours are those of `vimatte.evaluate.metrics`. Recall and accuracy are true
positives over instances and over predictions.

References
----------
[1] Y. Sun et al., "Human instance matting via mutual guidance and multi-instance refinement",
    CVPR 2022 (InstMatt).
[2] Q. Liu et al., "End-to-end human instance matting", TCSVT 2023 (E2E-HIM).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vimatte.evaluate.metrics import Alpha, conn_map, grad_map
from vimatte.evaluate.tally import LEVELS, Tally

ERRORS = ("mad", "mse", "grad", "conn")
IOU_THRESHOLD = 0.5
_WEIGHT = 10.0


@dataclass(frozen=True, slots=True)
class ImageQuality:
    """Counts and sums of one picture or of many; add them with `pooled`.

    Attributes
    ----------
    true_positives, false_positives, false_negatives : int
    similarity : dict of str to float
        Sum of S over the true positives, by error.
    slack : float
        Added to the denominator: 1e-6 in the released code, else 0.
    """

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    similarity: dict[str, float] = field(default_factory=dict)
    slack: float = 0.0

    @property
    def rq(self) -> float:
        """TP / (TP + FP / 2 + FN / 2); NaN where there was nothing to judge."""
        total = self.true_positives + (self.false_positives + self.false_negatives) / 2
        return self.true_positives / (total + self.slack) if total else math.nan

    def mq(self, error: str) -> float:
        """Mean S of the true positives; 0 where there is none, NaN with nothing to judge."""
        if math.isnan(self.rq) or not self.true_positives:
            return 0 * self.rq
        return self.similarity[error] / self.true_positives

    def imq(self, error: str) -> float:
        """RQ x MQ under one error."""
        return self.rq * self.mq(error)

    @property
    def recall(self) -> float:
        """True positives over instances; NaN without instances."""
        wanted = self.true_positives + self.false_negatives
        return self.true_positives / wanted if wanted else math.nan

    @property
    def accuracy(self) -> float:
        """True positives over predictions; NaN without predictions."""
        found = self.true_positives + self.false_positives
        return self.true_positives / found if found else math.nan


def image_quality(
    predicted: Sequence[Alpha],
    true: Sequence[Alpha],
    *,
    threshold: float = IOU_THRESHOLD,
    errors: Sequence[str] = ERRORS,
    convention: Literal["paper", "instmatt"] = "paper",
) -> ImageQuality:
    """Judge one picture [1].

    Parameters
    ----------
    predicted, true : sequence of ndarray of float, shape (H, W), in [0, 1]
        Mattes that are empty in this picture are not instances of it.
    threshold : float
        IoU from which on a prediction is a true positive; 0.5 and 0.75 are usual.
    errors : sequence of str
        Of `ERRORS`; Grad and Conn are slow.
    convention : {"paper", "instmatt"}
    """
    level = LEVELS["paper"]
    found = [np.asarray(p, np.float64) for p in predicted if (np.asarray(p) >= level).any()]
    wanted = [np.asarray(t, np.float64) for t in true if (np.asarray(t) >= level).any()]
    released = convention == "instmatt"
    slack = 1e-6 if released else 0.0
    if released and not found:
        return ImageQuality(slack=slack)
    overlap = np.zeros((len(wanted), len(found)))
    for g, p in np.ndindex(*overlap.shape):
        a, b = wanted[g] >= level, found[p] >= level
        overlap[g, p] = np.count_nonzero(a & b) / np.count_nonzero(a | b)
    rows, columns = (side.tolist() for side in linear_sum_assignment(1 - overlap))
    hits = [(g, p) for g, p in zip(rows, columns, strict=True) if overlap[g, p] >= threshold]
    similarity = dict.fromkeys(errors, 0.0)
    for g, p in hits:
        either = (wanted[g] >= level) | (found[p] >= level)
        area = np.count_nonzero(either) + released
        for error in errors:
            mean = _errors(found[p], wanted[g], error)[either].sum() / area
            similarity[error] += 1 - min(_WEIGHT * float(mean), 1.0)
    count = len(hits)
    return ImageQuality(count, len(found) - count, len(wanted) - count, similarity, slack)


def pooled(pictures: Sequence[ImageQuality]) -> ImageQuality:
    """Return the quality of many pictures: their counts and sums added up."""
    names = {name for picture in pictures for name in picture.similarity}
    return ImageQuality(
        sum(p.true_positives for p in pictures),
        sum(p.false_positives for p in pictures),
        sum(p.false_negatives for p in pictures),
        {name: sum(p.similarity.get(name, 0.0) for p in pictures) for name in sorted(names)},
        max((p.slack for p in pictures), default=0.0),
    )


def matched_error(tally: Tally, error: Literal["mad", "mse"]) -> float:
    """Return the error of a clip's instances, missed and surplus ones included [2], x 1e3.

    The mean over frames and instances of what `metrics.mad` or `metrics.mse` gives. A prediction
    that belongs to nobody is no instance's and has no truth: its clip's figures say so in accuracy.
    NaN without instances or frames.
    """
    if not tally.frames or not tally.instances:
        return math.nan
    sums = tally.absolute if error == "mad" else tally.squared
    matched = tally.matched()
    values = [sums[:, g, p] / np.maximum(tally.pixels[:, g], 1) for g, p in enumerate(matched)]
    return 1e3 * float(np.mean(values))


def _errors(predicted: Alpha, true: Alpha, error: str) -> NDArray[np.float64]:
    if error == "mad":
        return np.abs(predicted - true)
    if error == "mse":
        return np.asarray((predicted - true) ** 2, np.float64)
    made = grad_map(predicted, true) if error == "grad" else conn_map(predicted, true)
    return np.asarray(made, np.float64)
