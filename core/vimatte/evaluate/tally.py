"""What every figure of a clip is made from: sums of errors, frame by frame, held in little memory.

A clip has G true instances and P predicted ones. For every frame the tally keeps the error of every
prediction against every instance, because who belongs to whom is only known at the end. One column
more stands for *nothing*: an instance nobody predicted is compared with an alpha of 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vimatte.evaluate.metrics import unknown_band

Alpha = NDArray[np.floating[Any]]
Sums = NDArray[np.float64]

#: The least alpha that counts as being in a matte: the paper's "above 0" as an 8-bit picture has
#: it, since a network's soft output is above 0 nearly everywhere; and the released code's 0.5.
LEVELS = {"paper": 1 / 255 - 1e-6, "vim": 0.5 + 1e-7}
_FIELDS = ("absolute", "squared", "band", "foreground", "change", "both", "either")
_PAIRED = (*_FIELDS, "both_half", "either_half")
_COUNTS = ("pixels", "band_pixels", "foreground_pixels")


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over pixels of T frames, G instances and P predictions and nothing.

    Attributes
    ----------
    absolute, squared : ndarray of float64, shape (T, G, P + 1)
        Of the difference p - g.
    band, foreground : ndarray of float64, shape (T, G, P + 1)
        Of its absolute value in the unknown band, and where the truth is above 0.5 outside of it.
    change : ndarray of float64, shape (T, G, P + 1)
        Of the square of the difference's change since the frame before; NaN where the frame before
        was not added.
    both, either, both_half, either_half : ndarray of float64, shape (T, G, P + 1)
        Pixels in both mattes and in at least one, at the paper's level and at 0.5.
    pixels, band_pixels, foreground_pixels : ndarray of float64, shape (T, G)
    predictions : int
    """

    absolute: Sums
    squared: Sums
    band: Sums
    foreground: Sums
    change: Sums
    both: Sums
    either: Sums
    both_half: Sums
    either_half: Sums
    pixels: Sums
    band_pixels: Sums
    foreground_pixels: Sums
    predictions: int

    @property
    def frames(self) -> int:
        """How many frames were added."""
        return len(self.absolute)

    @property
    def instances(self) -> int:
        """How many true instances there are."""
        return int(self.absolute.shape[1])

    def matched(self) -> list[int]:
        """Return the prediction of each instance by the smallest sum of differences over the clip.

        Instances that get none have `predictions`, the column of nothing.
        """
        cost = self.absolute[:, :, : self.predictions].sum(axis=0)
        found = [self.predictions] * self.instances
        for g, p in zip(*(side.tolist() for side in linear_sum_assignment(cost)), strict=True):
            found[g] = p
        return found

    def as_lists(self) -> dict[str, Any]:
        """Return everything in plain lists, for a JSON file."""
        fields: dict[str, Any] = {name: getattr(self, name).tolist() for name in _PAIRED + _COUNTS}
        return {
            **fields,
            "change": [
                [[None if math.isnan(v) else v for v in row] for row in frame]
                for frame in self.change.tolist()
            ],
            "predictions": self.predictions,
            "shape": list(self.absolute.shape),
        }

    @classmethod
    def from_lists(cls, stored: dict[str, Any]) -> Tally:
        """Return what `as_lists` gave. Raises KeyError or ValueError for anything else."""
        shape = tuple(int(side) for side in stored["shape"])
        fields = {
            name: np.array(stored[name], np.float64).reshape(
                shape if name in _PAIRED else shape[:2]
            )
            for name in _PAIRED + _COUNTS
        }
        return cls(**fields, predictions=int(stored["predictions"]))


class TallyBuilder:
    """Adds up a clip frame by frame; holds two frames of differences.

    Parameters
    ----------
    instances, predictions : int
    """

    def __init__(self, instances: int, predictions: int) -> None:
        self._shape = (instances, predictions + 1)
        self._rows: dict[str, list[Sums]] = {name: [] for name in _PAIRED + _COUNTS}
        self._before: dict[tuple[int, int], NDArray[np.float32]] = {}
        self._last: int | None = None

    def add(self, frame: int, predicted: Sequence[Alpha], true: Sequence[Alpha]) -> None:
        """Add one frame.

        Parameters
        ----------
        frame : int
            Its number: only the frame after the one before has a change.
        predicted, true : sequence of ndarray of float, shape (H, W), in [0, 1]
            Of every prediction and every instance, always in the same order.

        Raises
        ------
        ValueError
            The pictures differ in shape, or are not as many as were announced.
        """
        if (len(true), len(predicted) + 1) != self._shape:
            raise ValueError(f"{len(true)} instances and {len(predicted)} predictions")
        shapes = {np.shape(plane) for plane in (*predicted, *true)}
        if len(shapes) > 1:
            raise ValueError(f"shapes differ: {' and '.join(map(str, sorted(shapes)))}")
        rows = {name: np.zeros(self._shape) for name in _PAIRED}
        counts = {name: np.zeros(self._shape[0]) for name in _COUNTS}
        consecutive = self._last is not None and frame == self._last + 1
        differences: dict[tuple[int, int], NDArray[np.float32]] = {}
        planes = [np.asarray(p, np.float32) for p in predicted]
        inside = [(p >= LEVELS["paper"], p >= LEVELS["vim"]) for p in planes]
        for g, alpha in enumerate(np.asarray(t, np.float32) for t in true):
            band = unknown_band(alpha)
            edge = np.flatnonzero(band)
            solid = np.flatnonzero((alpha > 0.5) & ~band)
            counts["pixels"][g] = alpha.size
            counts["band_pixels"][g], counts["foreground_pixels"][g] = edge.size, solid.size
            own = (alpha >= LEVELS["paper"], alpha >= LEVELS["vim"])
            for p in range(self._shape[1]):
                nothing = p == len(planes)
                difference = -alpha if nothing else planes[p] - alpha
                size = np.abs(difference)
                rows["absolute"][g, p] = size.sum(dtype=np.float64)
                rows["squared"][g, p] = _square_sum(difference)
                rows["band"][g, p] = size.ravel()[edge].sum(dtype=np.float64)
                rows["foreground"][g, p] = size.ravel()[solid].sum(dtype=np.float64)
                rows["change"][g, p] = (
                    _square_sum(difference - self._before[g, p]) if consecutive else math.nan
                )
                for k, suffix in enumerate(("", "_half")):
                    both = 0 if nothing else np.count_nonzero(inside[p][k] & own[k])
                    total = 0 if nothing else np.count_nonzero(inside[p][k])
                    rows["both" + suffix][g, p] = both
                    rows["either" + suffix][g, p] = total + np.count_nonzero(own[k]) - both
                differences[g, p] = difference
        for name, values in (*rows.items(), *counts.items()):
            self._rows[name].append(values)
        self._before, self._last = differences, frame

    def done(self) -> Tally:
        """Return the tally of the frames that were added."""
        fields = {}
        for name, rows in self._rows.items():
            shape = self._shape if name in _PAIRED else self._shape[:1]
            fields[name] = np.stack(rows) if rows else np.zeros((0, *shape))
        return Tally(**fields, predictions=self._shape[1] - 1)


def _square_sum(values: NDArray[np.float32]) -> float:
    return float(np.square(values).sum(dtype=np.float64))
