"""Run several crops of one frame at once on a CPU: whole crops share cores better than one crop's
layers do, many of which are too small for several threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")
# Every crop in work holds its own feature maps: memory is bounded by it.
MOST = 4


class SideBySide:
    """Threads that share torch's cores among them.

    How many threads a crop gets depends only on how many crops there are and on the cores: the
    order of sums, and with it the last bit, depends on it.
    """

    def __init__(self) -> None:
        self._pools: dict[tuple[int, int], ThreadPoolExecutor] = {}

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return ``work(item)`` for every item, in order; the first error is raised."""
        cores = torch.get_num_threads()
        workers = min(len(items), cores, MOST)
        if workers < 2:
            return [work(item) for item in items]
        key = workers, cores // workers
        if key not in self._pools:
            self._pools[key] = ThreadPoolExecutor(
                workers, "crop", initializer=partial(_use_threads, cores // workers)
            )
        try:
            return list(self._pools[key].map(work, items))
        finally:
            torch.set_num_threads(cores)  # for threads that begin later; this one has kept it


def _use_threads(count: int) -> None:
    # torch settles a new thread's number at its first use, then heeds what it is told.
    torch.get_num_threads()
    torch.set_num_threads(count)
