"""How a command ends when a render queue asks it to: the frame in hand is finished first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
# Seconds for the frame in hand. Slurm kills 30 s after it asked, by default; our job bundles give
# 60. Whatever is killed loses that frame alone.
GRACE = 25.0


class _Request:
    """Whether the process was asked to end, and whether that waits for a frame."""

    asked = False
    in_frame = False


_request = _Request()


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """End as at Ctrl-C where a render queue asks the process to stop."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = signal.signal(signal.SIGTERM, _stop)
    _request.asked = False
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def frame_by_frame(frames: Iterable[T]) -> Iterator[T]:
    """Pass frames on; one that is in work when SIGTERM comes is finished first.

    It may take `GRACE` seconds for it. A second SIGTERM, and Ctrl-C, end at once.

    Raises
    ------
    KeyboardInterrupt
        After that frame.
    """
    iterator = iter(frames)
    _request.in_frame = True
    try:
        for frame in iterator:
            yield frame
            if _request.asked:
                raise KeyboardInterrupt
    finally:
        _request.in_frame = False
        if _request.asked and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    if _request.in_frame and not _request.asked and hasattr(signal, "setitimer"):
        _request.asked = True
        signal.signal(signal.SIGALRM, _enough)
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        return
    raise KeyboardInterrupt


def _enough(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
