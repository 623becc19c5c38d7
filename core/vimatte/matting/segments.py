"""Segments: where the recurrent state restarts, so that every way of running gives equal pixels.

The state restarts at scene cuts, at fixed absolute frames (multiples of S) and after holes in the
plate's numbering; a segment begins with P preroll frames that are computed and thrown away.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vimatte.frames.frame_range import FrameRange


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of frames that share one recurrent state.

    Attributes
    ----------
    first, last : int
        The first and the last frame whose mattes are kept.
    chain : tuple of int
        Every frame in the order of computing: the preroll, then the frames that are kept.
    """

    first: int
    last: int
    chain: tuple[int, ...]

    @property
    def preroll(self) -> tuple[int, ...]:
        """The frames that are computed and thrown away."""
        return tuple(frame for frame in self.chain if frame < self.first)

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames that are kept."""
        return tuple(frame for frame in self.chain if frame >= self.first)


def plan_segments(
    frames: FrameRange,
    cuts: Sequence[int],
    length: int,
    preroll: int,
    *,
    only: FrameRange | None = None,
) -> Iterator[Segment]:
    """Yield the segments of a shot, in order; they do not depend on `only`.

    Parameters
    ----------
    frames : FrameRange
        Every frame of the shot. A stepped range counts as without holes.
    cuts : sequence of int
        Frames that start a new scene.
    length : int
        S, in plate frames; 0 makes one chain of every scene.
    preroll : int
        P, in frames of the shot; never across a cut or a hole.
    only : FrameRange, optional
        Yield only segments that hold one of these frames.

    Notes
    -----
    Memory is that of one segment and its preroll, whatever the shot's length (of one scene for
    ``length=0``).
    """
    starts = sorted(cuts)
    step = _step(frames)
    current: list[int] = []
    lead: list[int] = []
    previous: int | None = None
    for frame in frames:
        if previous is not None:
            scene = bisect_right(starts, frame) != bisect_right(starts, previous)
            broken = scene or frame - previous > step
            if broken or (length > 0 and frame // length != previous // length):
                segment = Segment(current[0], current[-1], (*lead, *current))
                if only is None or _meets(segment, only):
                    yield segment
                # What comes before within the scene: enough of it, even when S is below P.
                before = [] if broken else [*lead, *current]
                lead = before[len(before) - preroll :] if 0 < preroll < len(before) else before
                lead = lead if preroll > 0 else []
                current = []
        current.append(frame)
        previous = frame
    if current:
        segment = Segment(current[0], current[-1], (*lead, *current))
        if only is None or _meets(segment, only):
            yield segment


def widen(
    frames: FrameRange, wanted: FrameRange, cuts: Sequence[int], length: int, preroll: int
) -> FrameRange:
    """Return `wanted` widened to whole segments, as a correction is."""
    found: list[int] = []
    for segment in plan_segments(frames, cuts, length, preroll, only=wanted):
        found += segment.frames
    return FrameRange.of(found)


def _meets(segment: Segment, only: FrameRange) -> bool:
    return any(frame in only for frame in segment.frames)


def _step(frames: FrameRange) -> int:
    """Return the usual distance between neighbours: the smallest there is."""
    smallest = 0
    previous: int | None = None
    for index, frame in enumerate(frames):
        if previous is not None:
            distance = frame - previous
            smallest = distance if smallest == 0 else min(smallest, distance)
        previous = frame
        if smallest == 1 or index > 1000:
            break
    return max(1, smallest)
