"""Frame ranges as the node's knob has them: ``1001-1100``, ``1-99x2``, ``1,5,10-20``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from vimatte_nuke.problem import Problem

_PART = re.compile(r"(-?\d+)(?:-(-?\d+)(?:x(\d+))?)?")
MOST = 1000000


def parse(text: str) -> list[int]:
    """Return the frames of a range, ascending.

    Raises
    ------
    Problem
        When it is not a range, or an empty or an endless one.
    """
    frames: set[int] = set()
    for part in text.replace(" ", "").split(","):
        match = _PART.fullmatch(part)
        first = int(match[1]) if match else 0
        last = int(match[2]) if match and match[2] else first
        step = int(match[3]) if match and match[3] else 1
        if match is None or last < first or step < 1 or last - first > MOST:
            raise Problem(
                f"the frame range {text!r} is not understood: write 1001-1100, 1-99x2 or 1,5,10-20"
            )
        frames.update(range(first, last + 1, step))
    return sorted(frames)


def spans(frames: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last frame of every stretch without a gap."""
    start = last = None
    for frame in sorted(frames):
        if last is None or frame != last + 1:
            if start is not None and last is not None:
                yield start, last
            start = frame
        last = frame
    if start is not None and last is not None:
        yield start, last


def text(frames: Iterable[int]) -> str:
    """Return frames as a range; `parse` reads it."""
    return ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in spans(frames))


def file_of(pattern: str, frame: int, view: str = "") -> str:
    """Return the file of a frame: ``####``, ``%04d``, ``%V`` and ``%v`` are filled in."""
    path = pattern.replace("%V", view).replace("%v", view[:1])
    path = re.sub(r"#+", lambda m: f"{frame:0{len(m[0])}d}", path)
    return re.sub(r"%(0?\d*)d", lambda m: f"{frame:{m[1]}d}", path)
