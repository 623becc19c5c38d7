"""Run the crops of one frame at once on a CPU, and parts of one crop, each operation on one thread.

A library that gives one operation several threads may split a sum among them, and choose how by
their number: last bits then depend on how many cores there are and on what ran before. So no
operation ever gets more than one thread, and cores are kept busy by whole crops, and by tiles of
one crop where there are fewer crops than cores. What is computed together, and so every bit, is
the same with one core and with sixty-four (`docs/decisions/0009-threads-and-bits.md`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")
# Every crop in work holds its own feature maps: memory is bounded by it.
MAX_CROPS = 4


class SideBySide:
    """Threads that compute crops and parts of crops; torch gives each operation one thread."""

    def __init__(self) -> None:
        self._pools: dict[tuple[str, int], ThreadPoolExecutor] = {}
        self._lock = threading.Lock()
        self._crop = threading.local()

    def crops(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return ``work(item)`` for every item, in order; the first error is raised.

        As many run at once as torch has threads here, at most `MAX_CROPS`.
        """
        cores = torch.get_num_threads()
        workers = max(1, min(len(items), cores, MAX_CROPS))

        def crop(item: Item) -> Result:
            self._crop.share = cores // workers
            return work(item)

        try:
            return self._all(self._pool("crop", workers), crop, items)
        finally:
            # For threads that begin later: the first that was told a number told it to them too.
            torch.set_num_threads(cores)

    def parts(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return ``work(item)`` for some parts of one crop; called while `crops` works on it."""
        if self.share == 1 or len(items) == 1:
            return [work(item) for item in items]
        return self._all(self._pool("part", self.share), work, items)

    @property
    def share(self) -> int:
        """How many parts of the calling thread's crop are computed at once."""
        share: int = getattr(self._crop, "share", 1)
        return share

    def _pool(self, kind: str, workers: int) -> ThreadPoolExecutor:
        with self._lock:
            if (kind, workers) not in self._pools:
                self._pools[kind, workers] = ThreadPoolExecutor(
                    workers, kind, initializer=_use_one_thread
                )
            return self._pools[kind, workers]

    @staticmethod
    def _all(
        pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> list[Result]:
        futures = [pool.submit(work, item) for item in items]
        wait(futures)  # after an error too: nothing goes on behind the caller's back
        return [future.result() for future in futures]


def _use_one_thread() -> None:
    # torch settles a new thread's number at its first use, then heeds what it is told.
    torch.get_num_threads()
    torch.set_num_threads(1)
