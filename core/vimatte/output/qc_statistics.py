"""Numbers of the QC page: coverage, frame-to-frame change, softness, and frames worth a look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.window import Window, place

# A jump is worth a look when it stands out this many times from the usual spread.
OUTLIER = 6.0
SOFT_SHARE = 0.35
MAX_NOTES = 40

Plane = NDArray[np.float32]
Alpha = tuple[Window, Plane]


@dataclass(frozen=True, slots=True)
class Note:
    """A frame worth a look.

    Attributes
    ----------
    frame : int
    instance : str
    reason : str
    score : float
        How much it stands out; the larger, the earlier in the list.
    """

    frame: int
    instance: str
    reason: str
    score: float


@dataclass
class InstanceSeries:
    """One instance's numbers over the shot.

    Attributes
    ----------
    frames : list of int
    coverage : list of float
        Area of the alpha over the area of the plate, in percent.
    change : list of float
        Mean absolute change of alpha since the frame before over the mean area of the two, in
        percent; NaN where there is no frame before.
    soft : list of float
        Share of the matte's pixels whose alpha is between 0.2 and 0.8.
    """

    frames: list[int] = field(default_factory=list)
    coverage: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)
    soft: list[float] = field(default_factory=list)


class Statistics:
    """Collects numbers frame by frame; holds one frame's mattes at a time."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = dict(names)
        self.series = {key: InstanceSeries() for key in self.names}
        self._before: dict[int, Alpha] = {}
        self._last_frame: int | None = None

    def add(self, frame: int, area: int, alphas: Mapping[int, Alpha], *, cut: bool) -> None:
        """Add one frame; frames come in order.

        Parameters
        ----------
        frame : int
        area : int
            Pixels of the plate.
        alphas : mapping of int to (Window, ndarray of float32)
        cut : bool
            Whether a scene starts here: nothing is compared across it.
        """
        first = self._last_frame is None or cut
        for key, series in self.series.items():
            now = alphas.get(key)
            size = 0.0 if now is None else float(now[1].sum())
            series.frames.append(frame)
            series.coverage.append(100 * size / max(1, area))
            series.change.append(float("nan") if first else _change(self._before.get(key), now))
            series.soft.append(0.0 if now is None else _soft(now[1]))
        self._before = dict(alphas)
        self._last_frame = frame

    def notes(self) -> list[Note]:
        """Return the frames worth a look, the most striking first, at most `MAX_NOTES`."""
        found: list[Note] = []
        for key, series in self.series.items():
            name = self.names[key]
            change = np.array(series.change)
            usual, spread = _robust(change[np.isfinite(change) & (change > 0)])
            for frame, value in zip(series.frames, series.change, strict=True):
                score = (value - usual) / spread
                if np.isfinite(score) and score > OUTLIER and value > 3:
                    found.append(
                        Note(frame, name, f"changes by {value:.0f}% (usually {usual:.1f}%)", score)
                    )
            soft = np.array(series.soft)
            for frame, value in zip(series.frames, soft, strict=True):
                if value > SOFT_SHARE:
                    found.append(
                        Note(frame, name, f"{value:.0%} of the matte is neither solid nor clear", 5)
                    )
        return sorted(found, key=lambda note: (-note.score, note.frame))[:MAX_NOTES]


def _change(before: Alpha | None, now: Alpha | None) -> float:
    if before is None and now is None:
        return 0.0
    if before is None or now is None:
        return 100.0
    window = before[0].union(now[0])
    difference = np.asarray(place(now[1], now[0], window), np.float32)
    difference = difference - np.asarray(place(before[1], before[0], window), np.float32)
    mean = (float(before[1].sum()) + float(now[1].sum())) / 2
    return min(200.0, 100 * float(np.abs(difference).sum()) / max(mean, 1.0))


def _soft(alpha: Plane) -> float:
    inside = int(np.count_nonzero(alpha > 0.05))
    return int(np.count_nonzero((alpha > 0.2) & (alpha < 0.8))) / inside if inside > 64 else 0.0


def _robust(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median and the spread (median absolute deviation, never below a trifle)."""
    if not len(values):
        return 0.0, 1.0
    middle = float(np.median(values))
    return middle, max(1.4826 * float(np.median(np.abs(values - middle))), 0.25)
