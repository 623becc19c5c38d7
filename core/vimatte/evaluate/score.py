"""Score mattes on the benchmark that `vimatte.evaluate.clips` and `.stills` built."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import InputError
from vimatte.evaluate import metrics
from vimatte.evaluate.items import Item

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one method on one item, means over its instances: `vimatte.evaluate.metrics`.

    `mad_unknown` is MAD in the unknown band. `dtssd` is NaN for stills. `sad`, `grad` and `conn`
    are NaN unless asked for: they are slow.
    """

    mad: float
    mad_unknown: float
    mse: float
    dtssd: float
    sad: float = math.nan
    grad: float = math.nan
    conn: float = math.nan


def score_item(
    alphas: Mapping[int, Sequence[Plane]],
    item: Item,
    frames: Sequence[int] | None = None,
    *,
    every_metric: bool = False,
) -> Score:
    """Score one method's alphas.

    Parameters
    ----------
    alphas : mapping of int to sequence of ndarray of float32, shape (H, W)
        By instance id; one for each of the item's frames.
    item : Item
    frames : sequence of int, optional
        Indices to score, ascending. The temporal figure takes the pairs of neighbours among them.
    every_metric : bool
        SAD, Grad and Conn too.

    Raises
    ------
    InputError
        An instance or frame of the item has no alpha.
    """
    chosen = list(range(len(item.plates))) if frames is None else list(frames)
    pairs = [k for k in range(1, len(chosen)) if chosen[k] == chosen[k - 1] + 1]
    scores = []
    for instance, truth in item.truth.items():
        if len(alphas.get(instance, ())) != len(item.plates):
            raise InputError(f"no alpha for every frame of instance {instance} of {item.name}")
        predicted = np.stack([alphas[instance][k] for k in chosen])
        true = np.stack([truth[k] for k in chosen])
        changes = [
            metrics.pair_dtssd(predicted[k] - predicted[k - 1], true[k] - true[k - 1])
            for k in pairs
        ]
        scores.append(
            Score(
                mad=metrics.mad(predicted, true),
                mad_unknown=metrics.mad(predicted, true, metrics.unknown_band(true)),
                mse=metrics.mse(predicted, true),
                dtssd=float(np.mean(changes)) if changes else math.nan,
                sad=metrics.sad(predicted, true) if every_metric else math.nan,
                grad=metrics.grad(predicted, true) if every_metric else math.nan,
                conn=metrics.conn(predicted, true) if every_metric else math.nan,
            )
        )
    return mean_score(scores)


def mean_score(scores: Sequence[Score]) -> Score:
    """Return the mean of each figure, NaN where it has none; figures that are NaN do not count."""
    means = {}
    for name in Score.__dataclass_fields__:
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
