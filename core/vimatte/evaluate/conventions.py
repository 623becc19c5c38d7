"""The figures of a matte from its tally, in the scales of a paper or of a released program.

===========  =====================  ======================  ========================  =============
figure       paper                  rvm (``evaluate_hr``)   maggie (``metric.py``)    vim
===========  =====================  ======================  ========================  =============
MAD, MSE     mean x 1e3             mean x 1e3              mean x 1e10 / (H W)       mean
MAD_fg, _u   pixels pooled, x 1e3   as paper                per frame; see below      as paper, x 1
SAD          sum / 1e3              sum / 1e3               sum / 1e3                 sum
dtSSD        mean of T - 1, x 1e2   mean of T, x 1e2        sqrt(sum) x 0.1           mean of T
Grad         border repeated        border repeated         zeros outside, stretched  as paper
MESSDdt      x 1e4                  as paper                x 1e4                     as paper, x 1
===========  =====================  ======================  ========================  =============

``paper`` is `vimatte.evaluate.metrics`. In *mean of T* the first frame counts as a pair without
error. The scales of ``maggie`` grow smaller with the plate's size (MAD: x 4822.5 at 1920 x 1080,
x 10850.7 at 1280 x 720) or larger (dtSSD), so its figures can only be compared at one size; its
region figures are ``sum over the region / (H W) / region's pixels x 1e10`` for each frame, and a
frame without such a region counts as 0. Its dtSSD takes the last three pairs of a clip under one
root, and its MESSDdt warps by an index whose rows and columns are swapped: neither is repeated
here, see `vimatte.evaluate.temporal_metrics`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vimatte.evaluate.tally import Tally

Convention = Literal["paper", "vim", "maggie", "rvm"]
CONVENTIONS: tuple[str, ...] = get_args(Convention)

_MEAN_SCALE = {"paper": 1e3, "rvm": 1e3, "vim": 1.0}
_CHANGE_SCALE = {"paper": 1e2, "rvm": 1e2, "vim": 1.0}
_SUM_SCALE = {"paper": 1e-3, "rvm": 1e-3, "maggie": 1e-3, "vim": 1.0}
Values = NDArray[np.floating[Any]]


def clip_figures(
    tally: Tally,
    instance: int,
    prediction: int,
    frames: Sequence[int] | None = None,
    *,
    convention: str = "paper",
) -> dict[str, float]:
    """Return MAD, MSE, SAD, dtSSD and MAD by region of one instance.

    Parameters
    ----------
    tally : Tally
    instance : int
        Row, from 0.
    prediction : int
        Column; `Tally.predictions` is nothing at all.
    frames : sequence of int, optional
        Only these of the tally's frames, ascending. dtSSD takes the neighbours among them.
    convention : {"paper", "vim", "maggie", "rvm"}

    Returns
    -------
    dict of str to float
        Keys ``mad``, ``mse``, ``sad``, ``mad_foreground``, ``mad_unknown``, ``dtssd``. NaN where
        there is nothing to measure: no frame, no pair of frames, an empty region.
    """
    chosen = list(range(tally.frames)) if frames is None else list(frames)
    at = (chosen, instance, prediction)
    pixels = tally.pixels[chosen, instance]
    absolute, squared = tally.absolute[at], tally.squared[at]
    regions = {
        "mad_foreground": (tally.foreground[at], tally.foreground_pixels[chosen, instance]),
        "mad_unknown": (tally.band[at], tally.band_pixels[chosen, instance]),
    }
    changes = changes_of(tally, instance, prediction, chosen)
    figures: dict[str, float] = {"sad": _SUM_SCALE[convention] * _mean(absolute)}
    if convention == "maggie":
        figures["mad"] = _mean(1e10 * _ratio(absolute, pixels**2))
        figures["mse"] = _mean(1e10 * _ratio(squared, pixels**2))
        for name, (total, area) in regions.items():
            figures[name] = _mean(1e10 * total / np.maximum(pixels * (area + 1e-6), 1e-6))
        figures["dtssd"] = 0.1 * _mean(np.sqrt(changes))
        return figures
    scale = _MEAN_SCALE[convention]
    figures["mad"] = scale * _mean(_ratio(absolute, pixels))
    figures["mse"] = scale * _mean(_ratio(squared, pixels))
    for name, (total, area) in regions.items():
        figures[name] = scale * float(total.sum() / area.sum()) if area.sum() else math.nan
    steps = np.sqrt(changes / pixels[0]) if changes.size else changes
    if convention != "paper" and changes.size:
        steps = np.append(steps, 0.0)
    figures["dtssd"] = _CHANGE_SCALE[convention] * _mean(steps)
    return figures


def changes_of(tally: Tally, instance: int, prediction: int, frames: Sequence[int]) -> Values:
    """Return the sums of squared changes of those frames whose frame before is among them too."""
    known = set(frames)
    pairs = [t for t in frames if t - 1 in known]
    values = tally.change[pairs, instance, prediction]
    return values[np.isfinite(values)]


def frame_curves(tally: Tally, instance: int, prediction: int) -> dict[str, list[float]]:
    """Return MAD and dtSSD of every frame in the paper's scale; NaN where there is none."""
    pixels = np.maximum(tally.pixels[:, instance], 1)
    return {
        "mad": (1e3 * tally.absolute[:, instance, prediction] / pixels).tolist(),
        "dtssd": (1e2 * np.sqrt(tally.change[:, instance, prediction] / pixels)).tolist(),
    }


def _ratio(values: Values, by: Values) -> Values:
    return np.asarray(values / np.maximum(by, 1))


def _mean(values: Values) -> float:
    return float(values.mean()) if values.size else math.nan
