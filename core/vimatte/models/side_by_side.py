"""Run the crops of one frame at once on a CPU, each with few threads.

Whole crops share cores better than one crop's layers do, many of which are too small for several
threads. And a crop's bits must not depend on how many crops or cores there are: the sums inside
torch's products are split differently from three threads on, with one or two they are not
(`docs/decisions/0009-threads-and-bits.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")
# Every crop in work holds its own feature maps: memory is bounded by it.
MOST = 4
# For one crop. Beyond it, the order of sums depends on the number of threads.
THREADS = 2


class SideBySide:
    """A pool of workers, each of which gives torch one or two threads."""

    def __init__(self) -> None:
        self._pools: dict[tuple[int, int], ThreadPoolExecutor] = {}

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return ``work(item)`` for every item, in order; the first error is raised."""
        cores = torch.get_num_threads()
        workers = max(1, min(len(items), cores, MOST))
        key = workers, min(THREADS, cores // workers)
        if key == (1, cores):
            return [work(item) for item in items]
        if key not in self._pools:
            self._pools[key] = ThreadPoolExecutor(
                workers, "crop", initializer=partial(_use_threads, key[1])
            )
        try:
            futures = [self._pools[key].submit(work, item) for item in items]
            wait(futures)  # after an error too: nothing goes on behind the caller's back
            return [future.result() for future in futures]
        finally:
            torch.set_num_threads(cores)  # for threads that begin later; this one has kept it


def _use_threads(count: int) -> None:
    # torch settles a new thread's number at its first use, then heeds what it is told.
    torch.get_num_threads()
    torch.set_num_threads(count)
