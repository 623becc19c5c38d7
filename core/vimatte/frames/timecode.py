"""SMPTE time codes: a movie says where it starts, an EXR says where each frame is."""

from __future__ import annotations

import re
from fractions import Fraction

_TEXT = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})([:;.])([0-9]{2})")
_DROP_FLAG = 1 << 6
# An EXR's time code has bits for frame numbers up to 39, as tape had.
_FASTEST = 39


def packed_timecode(start: str, rate: Fraction, index: int) -> tuple[int, int] | None:
    """Return the time code of a frame as an EXR stores it.

    Parameters
    ----------
    start : str
        The first frame's time code, ``HH:MM:SS:FF``; ``;`` before the frames means drop-frame.
    rate : Fraction
        Frames a second.
    index : int
        Frames after the first.

    Returns
    -------
    tuple of int or None
        OpenEXR's time-and-flags word and its user data; None when `start` is no time code, or the
        rate is beyond what it can count.
    """
    match = _TEXT.fullmatch(start.strip())
    base = round(rate)
    if match is None or not 1 <= base <= _FASTEST:
        return None
    hours, minutes, seconds, frames = (int(match[at]) for at in (1, 2, 3, 5))
    if minutes > 59 or seconds > 59 or frames >= base:
        return None
    drop = match[4] in ";." and base == 30
    count = ((hours * 60 + minutes) * 60 + seconds) * base + frames
    if drop:
        total = hours * 60 + minutes
        count -= base // 15 * (total - total // 10)
    count += index
    if drop:
        count += _dropped_before(count, base)
    seconds, frames = divmod(count, base)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    word = 0
    for value, shift in ((frames, 0), (seconds, 8), (minutes, 16), (hours % 24, 24)):
        word |= (value // 10 << 4 | value % 10) << shift  # two decimal digits a byte
    return word | (_DROP_FLAG if drop else 0), 0


def _dropped_before(count: int, base: int) -> int:
    """Return how many numbers drop-frame counting has skipped by a frame."""
    skipped = base // 15
    tens, rest = divmod(count, base * 600 - 9 * skipped)
    within = max(0, rest - skipped) // (base * 60 - skipped) if rest >= skipped else 0
    return skipped * (9 * tens + within)
