"""What a session gives: finished frames, and a plan of what is to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vimatte.frames.frame_range import FrameRange
from vimatte.matting.loop import InstanceAlpha


@dataclass(frozen=True, slots=True)
class FrameResult:
    """One finished frame.

    Attributes
    ----------
    frame : int
    cached : bool
        True when nothing was computed.
    alphas : mapping of int to InstanceAlpha
        By instance id; an absent instance is not in it. Half-float values, sum at most 1.
    """

    frame: int
    cached: bool
    alphas: Mapping[int, InstanceAlpha]


@dataclass(frozen=True, slots=True)
class PublishedFrame:
    """One frame whose files are complete.

    Attributes
    ----------
    frame : int
    cached : bool
        True when its mattes were not computed now.
    written : bool
        False when its files were there already, with the checksums they were written with.
    """

    frame: int
    cached: bool
    written: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    Attributes
    ----------
    guided : bool
        Whether guidance is ready; if not, nothing else is known and every frame is missing.
    cached, missing, stale : FrameRange
        Finished, never computed, and computed from other inputs.
    """

    guided: bool
    cached: FrameRange
    missing: FrameRange
    stale: FrameRange
