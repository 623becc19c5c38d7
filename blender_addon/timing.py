# SPDX-License-Identifier: GPL-3.0-or-later
"""Which source frame a strip shows at a frame of the timeline. Imports no Blender."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Timing:
    """When a strip shows what, as Blender's sequencer computes it.

    Attributes
    ----------
    start : float
        Timeline frame of the content's first frame, before handles.
    length : int
        Timeline frames of the content, before handles.
    count : int
        Source frames of the content, after a movie's hard trim.
    first : int
        Source frames cut off at the beginning by that trim.
    visible : tuple of int
        First timeline frame shown, and the one after the last.
    rate : float
        Source frames a timeline frame, without retiming.
    reverse : bool
    strobe : float
        Every so many frames a new one is shown.
    keys : tuple of int, optional
        Timeline frames of the first and last retiming key.
    until_last : bool
        Whether retiming ends on the last source frame (before 5.0) or after it.
    """

    start: float
    length: int
    count: int
    first: int = 0
    visible: tuple[int, int] = (0, 0)
    rate: float = 1.0
    reverse: bool = False
    strobe: float = 1.0
    keys: Optional[tuple[int, int]] = None  # noqa: UP045 - Python 3.9
    until_last: bool = False

    def source(self, timeline: int) -> int:
        """Return the index of the source frame, from 0, at a frame of the timeline."""
        index = timeline - self.start
        if self.reverse:
            index = self.length - 1 - index
        if self.keys is not None and self.keys[1] > self.keys[0]:
            span = self.keys[1] - self.keys[0]
            index *= (self.count - 1 if self.until_last else self.count) / span
        else:
            index *= self.rate
        index = min(max(index, 0.0), float(max(self.count - 1, 0)))
        if self.strobe > 1.0:
            index -= math.fmod(index, self.strobe)
        return self.first + min(math.floor(index + 0.5), max(self.count - 1, 0))

    def content(self) -> list[int]:
        """Return the source frame of every timeline frame of the content, handles included."""
        return [self.source(round(self.start) + k) for k in range(self.length)]
