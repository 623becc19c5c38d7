"""Segments: where the recurrent state restarts, so that every way of running gives equal pixels.

The state restarts at scene cuts, at fixed absolute frames (multiples of S) and after holes in the
plate's numbering; a segment begins with P preroll frames that are computed and thrown away.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
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
        return self.chain[: bisect_left(self.chain, self.first)]

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames that are kept."""
        return self.chain[bisect_left(self.chain, self.first) :]


class SegmentPlan:
    """The segments of a shot, each made when it is asked for.

    Memory goes with the number of cuts and holes and with the longest segment, never with the
    shot's length.

    Parameters
    ----------
    frames : FrameRange
        Every frame of the shot. A hole is a step wider than those on both of its sides, so that
        ``1001-1100x2`` has none; nothing carries over a hole.
    cuts : iterable of int
        Frames that start a new scene; they need not be in the shot.
    length : int
        S, in plate frames; 0 makes one chain of every scene.
    preroll : int
        P, in frames of the shot; never across a cut or a hole.

    Raises
    ------
    ValueError
        When S or P is negative.
    """

    def __init__(self, frames: FrameRange, cuts: Iterable[int], length: int, preroll: int) -> None:
        if length < 0 or preroll < 0:
            raise ValueError(f"segments of {length} frames with a preroll of {preroll}")
        self.frames = frames
        self.length = length
        self.preroll = preroll
        self._stretches = _stretches(frames, sorted(set(cuts)))
        self._lasts = [stretch[-1][-1] for stretch in self._stretches]

    def __iter__(self) -> Iterator[Segment]:
        """Every segment, ascending."""
        for stretch in self._stretches:
            first: int | None = stretch[0][0]
            while first is not None:
                segment = self._make(stretch, first)
                yield segment
                first = _next_after(stretch, segment.last)

    def of(self, frame: int) -> Segment:
        """Return the segment whose kept frames hold `frame`.

        Raises
        ------
        ValueError
            When the shot has no such frame.
        """
        if frame not in self.frames:
            raise ValueError(f"frame {frame} is not in the shot {self.frames}")
        return self._make(self._stretches[bisect_left(self._lasts, frame)], frame)

    def meeting(self, wanted: FrameRange) -> Iterator[Segment]:
        """Yield every segment that keeps one of the frames `wanted`, ascending."""
        last: int | None = None
        for frame in self.frames.intersect(wanted):
            if last is None or frame > last:
                segment = self.of(frame)
                last = segment.last
                yield segment

    def widen(self, wanted: FrameRange) -> FrameRange:
        """Return `wanted` widened to whole segments, as a correction is."""
        return FrameRange.of(frame for segment in self.meeting(wanted) for frame in segment.frames)

    def _make(self, stretch: Sequence[range], frame: int) -> Segment:
        """Return the segment of a stretch that holds `frame`."""
        low, high = stretch[0][0], stretch[-1][-1]
        if self.length > 0:
            block = frame // self.length * self.length
            low, high = max(low, block), min(high, block + self.length - 1)
        kept = list(_between(stretch, low, high))
        lead = list(_before(stretch, kept[0], self.preroll))
        return Segment(kept[0], kept[-1], (*lead, *kept))


def plan_segments(
    frames: FrameRange,
    cuts: Iterable[int],
    length: int,
    preroll: int,
    *,
    only: FrameRange | None = None,
) -> Iterator[Segment]:
    """Yield the segments of a shot, in order; they do not depend on `only`.

    Parameters
    ----------
    frames, cuts, length, preroll
        See `SegmentPlan`.
    only : FrameRange, optional
        Yield only segments that keep one of these frames.
    """
    plan = SegmentPlan(frames, cuts, length, preroll)
    yield from plan if only is None else plan.meeting(only)


def widen(
    frames: FrameRange, wanted: FrameRange, cuts: Iterable[int], length: int, preroll: int
) -> FrameRange:
    """Return `wanted` widened to whole segments; see `SegmentPlan`."""
    return SegmentPlan(frames, cuts, length, preroll).widen(wanted)


def _stretches(frames: FrameRange, cuts: Sequence[int]) -> list[list[range]]:
    """Return the shot's frames in pieces that no cut and no hole divides."""
    stretches: list[list[range]] = []
    before: range | None = None
    for run in frames.runs:
        for piece in _split(run, cuts):
            if before is not None and _follows(piece, before, cuts):
                stretches[-1].append(piece)
            else:
                stretches.append([piece])
            before = piece
    return stretches


def _split(run: range, cuts: Sequence[int]) -> Iterator[range]:
    """Yield the parts of a run that lie between cuts."""
    start = 0
    for cut in cuts[bisect_left(cuts, run[0] + 1) : bisect_left(cuts, run[-1] + 1)]:
        stop = bisect_left(run, cut)
        if stop > start:
            yield run[start:stop]
            start = stop
    yield run[start:]


def _follows(piece: range, before: range, cuts: Sequence[int]) -> bool:
    """Whether the state may go on from one run to the next."""
    gap = piece[0] - before[-1]
    cut = bisect_left(cuts, before[-1] + 1) != bisect_left(cuts, piece[0] + 1)
    return not cut and gap <= max(piece.step, before.step)


def _between(stretch: Sequence[range], low: int, high: int) -> Iterator[int]:
    """Yield the frames of a stretch from `low` to `high`, both included."""
    for piece in stretch[bisect_left(stretch, low, key=_last) :]:
        if piece[0] > high:
            return
        yield from piece[bisect_left(piece, low) : bisect_left(piece, high + 1)]


def _before(stretch: Sequence[range], frame: int, count: int) -> list[int]:
    """Return the last `count` frames of a stretch that lie before `frame`, ascending."""
    found: list[int] = []
    at = bisect_left(stretch, frame, key=_last)
    while at >= 0 and len(found) < count:
        earlier = stretch[at][: bisect_left(stretch[at], frame)]
        missing = count - len(found)
        found[:0] = earlier[max(0, len(earlier) - missing) :]
        at -= 1
    return found


def _next_after(stretch: Sequence[range], frame: int) -> int | None:
    """Return the first frame of a stretch that lies after `frame`."""
    at = bisect_left(stretch, frame + 1, key=_last)
    if at == len(stretch):
        return None
    return stretch[at][bisect_left(stretch[at], frame + 1)]


def _last(piece: range) -> int:
    return piece[-1]
