"""Numbers of the QC page: how large, how steady and how solid each instance's matte is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.frames.window import Window, place
from vimatte.output.mask_match import Mask, MaskMatch, match_mask

# Half transparent is an alpha between these two.
HALF_CLEAR, HALF_SOLID = 0.2, 0.8
# Edges, hair and motion blur are half transparent in strips. Only what is wider than this share of
# the matte's own size counts as soft.
SOFT_WIDTH = 0.05

Plane = NDArray[np.float32]
Alpha = tuple[Window, Plane]


@dataclass
class InstanceSeries:
    """One instance's numbers over the shot, an entry a frame.

    Attributes
    ----------
    coverage : list of float
        Area of the alpha over the area of the plate, in percent.
    change : list of float
        Sum of the absolute change of alpha since the frame before, over the mean area of the two,
        in percent; NaN where there is no such frame, or the instance is absent in one of them.
    soft : list of float
        Share of the matte that is half transparent over an area, not an edge, in percent.
    match : list of MaskMatch
        How the matte keeps to the mask that guided it.
    """

    coverage: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)
    soft: list[float] = field(default_factory=list)
    match: list[MaskMatch] = field(default_factory=list)


class Statistics:
    """Collects numbers frame by frame; holds one frame's mattes at a time.

    Parameters
    ----------
    names : mapping of int to str
        The instances, by id.

    Attributes
    ----------
    frames : list of int
    starts : list of bool
        Whether nothing can be compared with the frame before: the first one, or a cut.
    series : mapping of int to InstanceSeries
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = dict(names)
        self.frames: list[int] = []
        self.starts: list[bool] = []
        self.series = {key: InstanceSeries() for key in self.names}
        self._before: dict[int, Alpha] = {}

    def add(
        self,
        frame: int,
        area: int,
        alphas: Mapping[int, Alpha],
        masks: Mapping[int, Mask] = MappingProxyType({}),
        *,
        cut: bool,
    ) -> None:
        """Add one frame; frames come in order.

        Parameters
        ----------
        frame : int
        area : int
            Pixels of the plate.
        alphas : mapping of int to (Window, ndarray of float32)
            An absent instance is not in it, or is zero everywhere.
        masks : mapping of int to (Window, ndarray of bool)
            What each matte should keep to; an absent instance is not in it.
        cut : bool
            Whether a scene starts here: nothing is compared across it.
        """
        start = cut or not self.frames
        self.frames.append(frame)
        self.starts.append(start)
        present = {k: v for k, v in alphas.items() if v[1].size and float(v[1].sum()) >= 1}
        for key, series in self.series.items():
            now, before = present.get(key), self._before.get(key)
            size = 0.0 if now is None else float(now[1].sum())
            series.match.append(match_mask(masks.get(key), alphas.get(key), area))
            series.coverage.append(100 * size / max(1, area))
            series.soft.append(0.0 if now is None else _soft(now[1]))
            if start or now is None or before is None:
                series.change.append(math.nan)
            else:
                series.change.append(_change(before, now))
        self._before = present

    @property
    def cuts(self) -> list[int]:
        """The frames that start a scene, but for the first."""
        return [f for f, s in zip(self.frames[1:], self.starts[1:], strict=True) if s]


def _change(before: Alpha, now: Alpha) -> float:
    window = before[0].union(now[0])
    difference = np.asarray(place(now[1], now[0], window), np.float32)
    difference[before[0].slices_in(window)] -= before[1]
    mean = (float(before[1].sum()) + float(now[1].sum())) / 2
    return min(200.0, 100 * float(np.abs(difference).sum()) / mean)


def _soft(alpha: Plane) -> float:
    inside = int(np.count_nonzero(alpha > 0.05))
    half = ((alpha > HALF_CLEAR) & (alpha < HALF_SOLID)).astype(np.uint8)
    side = max(5, round(SOFT_WIDTH * math.sqrt(inside))) | 1
    # An opening: what is narrower than the square is gone.
    area = cv2.morphologyEx(half, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return 100 * int(np.count_nonzero(area)) / max(1, inside)
