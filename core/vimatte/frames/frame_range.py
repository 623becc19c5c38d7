"""A set of frame numbers, and its one strict spelling: ``1001-1100x2,1205,1210-1220``."""

from __future__ import annotations

import heapq
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vimatte.errors import FrameRangeError

#: A range has at most this many frames, and no frame number is larger, so that a slip of the finger
#: (``1001-11000000000``) is an error and not a hang.
MAX_FRAMES = 10_000_000
MOST_NUMBER = 999_999_999
_TERM = re.compile(r"(-?[0-9]{1,40})(?:-(-?[0-9]{1,40})(?:x([0-9]{1,40}))?)?")
_SPELLING = "write it like 1001-1100, 1001-1100x2 or 1001,1005,1010-1020"


@dataclass(frozen=True, slots=True)
class FrameRange:
    """A frozen, ordered set of frame numbers that takes memory by runs, not by frames.

    Equal sets are equal values with equal text: the runs are always in one canonical form. Make
    one with `parse`, `of` or `span`.

    Attributes
    ----------
    runs : tuple of range
        Ascending, never interleaved.
    """

    runs: tuple[range, ...] = ()

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Read ``1001-1100``, ``1001-1100x2``, ``-5--1`` or a comma-separated list of these.

        Raises
        ------
        FrameRangeError
            When the text is empty, malformed, runs backwards or names too many frames.
        """
        runs = [_parse_term(term.strip(), text) for term in text.split(",")]
        _refuse_too_many(sum(map(len, runs)))
        return cls(_merge(runs))

    @classmethod
    def of(cls, frames: Iterable[int]) -> FrameRange:
        """Return the set of the given frame numbers, in whatever order they come."""
        builder = _Builder()
        for frame in sorted(set(frames)):
            builder.add(range(frame, frame + 1))
        return cls(builder.finish())

    @classmethod
    def span(cls, first: int, last: int, step: int = 1) -> FrameRange:
        """Return ``first``, ``first + step``, ... up to and including ``last``.

        Raises
        ------
        FrameRangeError
            When `last` is before `first`, or `step` is not positive.
        """
        if step < 1 or last < first:
            raise FrameRangeError(f"{first}-{last}x{step} holds no frame", hint=_SPELLING)
        builder = _Builder()
        builder.add(range(first, last + 1, step))
        return cls(builder.finish())

    @property
    def first(self) -> int:
        """The lowest frame number. Raises FrameRangeError when the range is empty."""
        self._refuse_empty()
        return self.runs[0][0]

    @property
    def last(self) -> int:
        """The highest frame number. Raises FrameRangeError when the range is empty."""
        self._refuse_empty()
        return self.runs[-1][-1]

    def __iter__(self) -> Iterator[int]:
        """Frame numbers, ascending."""
        for run in self.runs:
            yield from run

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    def __contains__(self, frame: object) -> bool:
        if not isinstance(frame, int):
            return False
        at = bisect_right(self.runs, frame, key=lambda run: run[0])
        return at > 0 and frame in self.runs[at - 1]

    def __str__(self) -> str:
        """Text that `parse` reads back as an equal value; the empty range is empty text."""
        return ",".join(map(_term_text, self.runs))

    def intersect(self, other: FrameRange) -> FrameRange:
        """Return the frames that are in both."""
        builder = _Builder()
        for mine, theirs in _meetings(self.runs, other.runs):
            builder.add(_common(mine, theirs))
        return FrameRange(builder.finish())

    def without(self, other: FrameRange) -> FrameRange:
        """Return the frames that are not in `other`."""
        builder = _Builder()
        for run in self.runs:
            rest = run
            for mine, theirs in _meetings((run,), other.runs):
                both = _common(mine, theirs)
                if not both:
                    continue
                builder.add(rest[: rest.index(both[0])])
                if both.step != run.step:
                    for frame in run[run.index(both[0]) : run.index(both[-1])]:
                        if frame not in both:
                            builder.add(range(frame, frame + 1))
                rest = run[run.index(both[-1]) + 1 :]
            builder.add(rest)
        return FrameRange(builder.finish())

    def _refuse_empty(self) -> None:
        if not self.runs:
            raise FrameRangeError("the frame range is empty")


class _Builder:
    """Takes ascending progressions and joins them into canonical runs.

    The canonical form is what one gets frame by frame: a run grows while the step stays the same,
    and two frames that are not neighbours are not a run yet. It depends on the set alone.
    """

    def __init__(self) -> None:
        self._runs: list[range] = []
        self._open: range = range(0)

    def add(self, piece: range) -> None:
        """Add frames that all lie after those added so far."""
        at = 0
        while at < len(piece):
            frame = piece[at]
            tail = self._open
            if len(tail) >= 2 and tail.step == piece.step and tail[-1] + tail.step == frame:
                self._open = range(tail[0], piece[-1] + 1, tail.step)
                return
            self._add_frame(frame)
            at += 1

    def finish(self) -> tuple[range, ...]:
        """Return the runs."""
        self._close()
        return tuple(self._runs)

    def _add_frame(self, frame: int) -> None:
        tail = self._open
        if not tail:
            self._open = range(frame, frame + 1)
        elif len(tail) == 1 or frame - tail[-1] == tail.step:
            self._open = range(tail[0], frame + 1, frame - tail[-1])
        elif len(tail) == 2 and tail.step > 1:
            self._runs.append(range(tail[0], tail[0] + 1))
            self._open = range(tail[1], frame + 1, frame - tail[1])
        else:
            self._close()
            self._open = range(frame, frame + 1)

    def _close(self) -> None:
        tail = self._open
        if len(tail) == 2 and tail.step > 1:
            self._runs += [range(f, f + 1) for f in tail]
        elif tail:
            # One spelling of equal ranges: no slack after the last frame.
            self._runs.append(range(tail[0], tail[-1] + 1, tail.step if len(tail) > 1 else 1))
        self._open = range(0)


def _parse_term(term: str, text: str) -> range:
    match = _TERM.fullmatch(term)
    if match is None:
        what = f"{_shortened(term)!r} in frame range" if term else "empty part in frame range"
        raise FrameRangeError(f"{what} {_shortened(text)!r} cannot be read", hint=_SPELLING)
    first = int(match[1])
    last = first if match[2] is None else int(match[2])
    step = 1 if match[3] is None else int(match[3])
    if max(abs(first), abs(last), step) > MOST_NUMBER:
        raise FrameRangeError(
            f"{_shortened(term)!r} in frame range {_shortened(text)!r} is too large",
            hint=f"frame numbers go from -{MOST_NUMBER} to {MOST_NUMBER}",
        )
    if last < first:
        raise FrameRangeError(
            f"frame range {_shortened(term)!r} runs backwards",
            hint=_shortened(f"write {last}-{first} instead"),
        )
    if step < 1:
        raise FrameRangeError(f"frame range {_shortened(term)!r} has step 0", hint=_SPELLING)
    return range(first, last + 1, step)


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def _refuse_too_many(count: int) -> None:
    if count > MAX_FRAMES:
        raise FrameRangeError(f"the frame range names {count} frames, at most {MAX_FRAMES} are")


def _term_text(run: range) -> str:
    if len(run) == 1:
        return str(run[0])
    return f"{run[0]}-{run[-1]}" + (f"x{run.step}" if run.step > 1 else "")


def _merge(runs: Iterable[range]) -> tuple[range, ...]:
    """Join runs that may come in any order, overlap and interleave."""
    builder = _Builder()
    group: list[range] = []
    end = 0
    for run in sorted((r for r in runs if r), key=lambda r: (r[0], r[-1])):
        if group and run[0] > end:
            _add_group(builder, group)
            group = []
        end = max(end, run[-1]) if group else run[-1]
        group.append(run)
    _add_group(builder, group)
    return builder.finish()


def _add_group(builder: _Builder, group: list[range]) -> None:
    if all(run.step == 1 for run in group):
        if group:
            builder.add(range(group[0][0], max(run[-1] for run in group) + 1))
        return
    if len(group) == 1:
        builder.add(group[0])
        return
    previous: int | None = None
    for frame in heapq.merge(*group):
        if frame != previous:
            builder.add(range(frame, frame + 1))
        previous = frame


def _meetings(mine: tuple[range, ...], theirs: tuple[range, ...]) -> Iterator[tuple[range, range]]:
    """Yield, in order, the pairs of runs whose spans overlap."""
    start = 0
    for run in mine:
        while start < len(theirs) and theirs[start][-1] < run[0]:
            start += 1
        at = start
        while at < len(theirs) and theirs[at][0] <= run[-1]:
            yield run, theirs[at]
            at += 1


def _common(a: range, b: range) -> range:
    """Return the frames that two progressions share: again a progression."""
    step = math.lcm(a.step, b.step)
    start = max(a[0], b[0])
    # The first shared frame at or after `start`: a's frames repeat modulo b's step within one lcm.
    first = a[0] + -((a[0] - start) // a.step) * a.step
    for frame in range(first, min(first + step, min(a[-1], b[-1]) + 1), a.step):
        if frame in b:
            return range(frame, min(a[-1], b[-1]) + 1, step)
    return range(0)
