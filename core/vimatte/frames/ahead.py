"""Work that is done on threads ahead of its turn, in order and within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Item], Result], items: Iterable[Item], *, depth: int = 4, threads: int = 2
) -> Iterator[Result]:
    """Yield ``work(item)`` in the items' order, while the next ones are worked on.

    Parameters
    ----------
    work : callable
        Called on threads.
    items : iterable
        Taken one by one, no further ahead than `depth`.
    depth : int
        How many results may be in work or waiting at once; memory is bounded by it.
    threads : int

    Yields
    ------
    object
        An error of `work` or of `items` surfaces where its result would have come. Abandoning the
        generator waits only for the calls already under way.
    """
    pool = ThreadPoolExecutor(max(1, threads), "read-ahead")
    waiting: deque[Future[Result]] = deque()
    source = iter(items)
    failure: Exception | None = None
    try:
        while True:
            try:
                item = next(source)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - raised below, after what came before it
                failure = error
                break
            waiting.append(pool.submit(work, item))
            if len(waiting) >= max(1, depth):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
