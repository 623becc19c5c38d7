"""Which frames of a shot are worth a look, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vimatte.frames.frame_range import FrameRange
from vimatte.output.mask_match import MaskMatch
from vimatte.output.qc_statistics import InstanceSeries, Statistics

# A value stands out when it is this many robust deviations above the usual one.
OUTLIER = 6.0
# ... and at least this far above it, in percent: a steady shot is not punished for being steady.
LEAST_CHANGE, LEAST_AREA = 3.0, 8.0
# A matte comes or goes at once when it had at least this share of its usual area.
AT_ONCE = 0.35
# An absence of at most this many frames is a hole.
HOLE = 5
SOFT_SHARE = 4.0
MAX_NOTES = 40
# Percent of a matte that is far from its mask, or of a mask far from its matte, that is worth a
# look. Masks grown by a quarter of their size, or boxes, stay below.
ASTRAY = 30.0
# Frame ranges longer than this are cut short.
_LONGEST_SPAN = 60

# The worst first: nothing at all, then the wrong thing, then too little.
_SCORE_EMPTY, _SCORE_OUTSIDE, _SCORE_UNCOVERED = 100_000.0, 20_000.0, 10_000.0
_SCORE_HOLE, _SCORE_SPECK, _SCORE_AT_ONCE, _SCORE_SOFT = 1000.0, 600.0, 500.0, 8.0


@dataclass(frozen=True, slots=True)
class Note:
    """A frame worth a look.

    Attributes
    ----------
    frame : int
        The plate's frame number.
    instance : str
    reason : str
    score : float
        How much it stands out; the larger, the earlier in the list.
    """

    frame: int
    instance: str
    reason: str
    score: float

    @property
    def grave(self) -> bool:
        """Whether the matte does not keep to its mask: it is no matter of taste."""
        return self.score >= _SCORE_UNCOVERED

    def __str__(self) -> str:
        """One line."""
        return f"frame {self.frame}: {self.instance}: {self.reason}"

    def to_json(self) -> dict[str, int | float | str]:
        """Return it as an object, for ``--json`` and the worker."""
        return {
            "frame": self.frame,
            "instance": self.instance,
            "reason": self.reason,
            "score": round(self.score, 2),
        }


def notes(statistics: Statistics) -> list[Note]:
    """Return the frames worth a look, the most striking first, at most `MAX_NOTES`.

    Looked for: mattes that are empty where their mask is not, that lie far from it or leave much
    of it out, one line an instance; mattes that are gone for a few frames, that come or go at
    once, that change or grow far more than they usually do in this shot, and that are half
    transparent over an area.
    """
    found: dict[tuple[int, str], Note] = {}
    for key, series in statistics.series.items():
        name = statistics.names[key]
        for note in _all(statistics, series, name):
            before = found.get((note.frame, name))
            if before is not None:  # one line for a frame: the reasons together
                first, second = sorted((before, note), key=lambda n: -n.score)
                note = Note(note.frame, name, f"{first.reason}; {second.reason}", first.score)  # noqa: PLW2901
            found[note.frame, name] = note
    return sorted(found.values(), key=lambda n: (-n.score, n.frame, n.instance))[:MAX_NOTES]


def _all(statistics: Statistics, series: InstanceSeries, name: str) -> Iterator[Note]:
    frames, starts = statistics.frames, statistics.starts
    yield from _astray(frames, series.match, name)
    yield from _presence(frames, starts, series.coverage, name)
    growth = _growth(series.coverage, starts)
    for index, score in _outliers(series.change, LEAST_CHANGE):
        reason = f"changes by {series.change[index]:.0f}% (usually {_median(series.change):.1f}%)"
        yield Note(frames[index], name, reason, score)
    for index, score in _outliers([abs(v) for v in growth], LEAST_AREA):
        word = "grows" if growth[index] > 0 else "shrinks"
        yield Note(frames[index], name, f"{word} by {abs(growth[index]):.0f}%", score)
    for first, last in _runs([value > SOFT_SHARE for value in series.soft]):
        worst = max(range(first, last + 1), key=lambda i: series.soft[i])
        span = "" if first == last else f" (frames {frames[first]}-{frames[last]})"
        reason = f"{series.soft[worst]:.0f}% of the matte is half transparent{span}"
        yield Note(frames[worst], name, reason, _SCORE_SOFT + series.soft[worst])


def _astray(frames: Sequence[int], match: Sequence[MaskMatch], name: str) -> Iterator[Note]:
    """Yield a line for each way in which the matte does not keep to its mask."""
    empty = [i for i, item in enumerate(match) if item.empty]
    for speck, start in ((False, _SCORE_EMPTY), (True, _SCORE_SPECK)):
        found = [i for i in empty if match[i].speck == speck]
        if found:
            worst = max(found, key=lambda i: match[i].mask)
            pixels = match[worst].mask
            many = f"{pixels:,} pixel{'s' * (pixels != 1)}"
            reason = f"the mask has {many}, the matte is empty{_span(frames, found)}"
            yield Note(frames[worst], name, reason, start + len(found))
    there = [i for i, item in enumerate(match) if item.mask and not item.empty and not item.speck]
    for values, words, start in (
        ([item.outside for item in match], "of the matte is far from the mask", _SCORE_OUTSIDE),
        ([item.uncovered for item in match], "of the mask has no matte", _SCORE_UNCOVERED),
    ):
        found = [i for i in there if values[i] > ASTRAY]
        if found:
            worst = max(found, key=lambda i: values[i])
            reason = f"{values[worst]:.0f}% {words}{_span(frames, found)}"
            yield Note(frames[worst], name, reason, start + values[worst])


def _span(frames: Sequence[int], found: Sequence[int]) -> str:
    """Return which frames a line is about, where they are more than its own."""
    if len(found) == 1:
        return ""
    text = str(FrameRange.of(frames[i] for i in found))
    if len(text) > _LONGEST_SPAN:
        text = f"{frames[found[0]]} to {frames[found[-1]]}, {len(found)} of them"
    return f" (frames {text})"


def _presence(
    frames: Sequence[int], starts: Sequence[bool], coverage: Sequence[float], name: str
) -> Iterator[Note]:
    """Yield holes, and mattes that come or go without growing or shrinking first."""
    usual = _median([value for value in coverage if value > 0])
    for first, last in _runs([value == 0 for value in coverage]):
        begins = first > 0 and not starts[first]
        ends = last + 1 < len(frames) and not starts[last + 1]
        cut_within = any(starts[first + 1 : last + 1])
        length = last - first + 1
        if begins and ends and length <= HOLE and not cut_within:
            many = "1 frame" if length == 1 else f"{length} frames"
            yield Note(frames[first], name, f"is gone for {many}", _SCORE_HOLE)
            continue
        if begins and coverage[first - 1] > AT_ONCE * usual:
            yield Note(frames[first], name, "goes at once", _SCORE_AT_ONCE)
        if ends and coverage[last + 1] > AT_ONCE * usual:
            yield Note(frames[last + 1], name, "comes at once", _SCORE_AT_ONCE)


def _growth(coverage: Sequence[float], starts: Sequence[bool]) -> list[float]:
    """Return how much the area grew since the frame before, in percent of the mean of the two."""
    out = [math.nan] * len(coverage)
    for index in range(1, len(coverage)):
        before, now = coverage[index - 1], coverage[index]
        if not starts[index] and before > 0 and now > 0:
            out[index] = 200 * (now - before) / (now + before)
    return out


def _outliers(values: Sequence[float], least: float) -> Iterator[tuple[int, float]]:
    """Yield index and score of what is far above the median, in median absolute deviations."""
    known = np.array([v for v in values if math.isfinite(v)])
    if not len(known):
        return
    middle = float(np.median(known))
    spread = max(1.4826 * float(np.median(np.abs(known - middle))), 0.25)
    for index, value in enumerate(values):
        score = (value - middle) / spread
        if score > OUTLIER and value - middle > least:
            yield index, score


def _median(values: Sequence[float]) -> float:
    known = [v for v in values if math.isfinite(v)]
    return float(np.median(known)) if known else 0.0


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield the first and last index of every stretch that is true."""
    first: int | None = None
    for index, flag in enumerate([*flags, False]):
        if flag and first is None:
            first = index
        elif not flag and first is not None:
            yield first, index - 1
            first = None
