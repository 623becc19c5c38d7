"""The figures of a method on the benchmark, from the tallies that were kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vimatte.evaluate.conventions import clip_figures
from vimatte.evaluate.tally import Tally


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one method on one item, means over its instances: `vimatte.evaluate.metrics`.

    `mad_unknown` is MAD in the unknown band. `dtssd` is NaN for stills.
    """

    mad: float
    mad_unknown: float
    mse: float
    sad: float
    dtssd: float


FIGURES = tuple(Score.__dataclass_fields__)


def score_tally(tally: Tally, columns: Sequence[int], frames: Sequence[int] | None = None) -> Score:
    """Return the figures of a tally.

    Parameters
    ----------
    tally : Tally
    columns : sequence of int
        Of each instance, the prediction it is compared with.
    frames : sequence of int, optional
        Only these of the tally's frames, ascending. The temporal figure takes the pairs of
        neighbours among them.
    """
    rows = [clip_figures(tally, g, column, frames) for g, column in enumerate(columns)]
    return mean_score([Score(**{name: row[name] for name in FIGURES}) for row in rows])


def mean_score(scores: Sequence[Score]) -> Score:
    """Return the mean of each figure, NaN where it has none; figures that are NaN do not count."""
    means = {}
    for name in FIGURES:
        values = [getattr(score, name) for score in scores]
        known = [value for value in values if not math.isnan(value)]
        means[name] = float(np.mean(known)) if known else math.nan
    return Score(**means)


def spread_pairs(frames: int, count: int) -> list[int]:
    """Return the indices of up to `count` pairs of neighbouring frames, spread over a clip.

    Slow methods are scored on these; the fast ones too, where the two are compared.
    """
    if frames < 2:
        return list(range(frames))
    starts = np.linspace(0, frames - 2, max(1, min(count, frames // 2))).round().astype(int)
    return sorted({int(k) + step for k in starts for step in (0, 1)})
