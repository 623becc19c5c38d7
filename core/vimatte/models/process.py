"""What a process must settle before torch is loaded: its threads' waiting and its memory."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

# Names of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
_KEPT, _STEP = 1 << 30, 1 << 26
# Larger buffers are given back at once; glibc before 2.35 or so takes no more than the second.
_LARGE = (1 << 28, 1 << 25)


def settle_process() -> None:
    """Make torch wait without spinning, and keep the memory that it frees.

    To be called first, in processes that are ours alone: never within a host.
    """
    # Threads that wait by spinning take the cores from those that read and write files.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # A network frees in a moment what it asks for in the next. By default glibc gives that back and
    # has every page cleared anew: a tenth of a run went there. It is kept instead, in two heaps for
    # all threads: with one for each, every thread would keep what it once had at its peak.
    mallopt = _glibc("mallopt")
    # Where the first is refused, the others alone would have every buffer given back.
    if mallopt is not None and any(mallopt(_M_MMAP_THRESHOLD, size) for size in _LARGE):
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_TOP_PAD, _STEP)
        mallopt(_M_ARENA_MAX, 2)


def give_back_memory() -> None:
    """Return to the system what is kept, before a process waits for its next work."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _glibc(name: str) -> Any:
    """Return a function of the C library; None where it is another than glibc and lacks it."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
