"""Order, bounds, and where errors surface."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from vimatte.frames.ahead import ahead


def test_results_come_in_order_and_no_item_is_taken_early() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for i in range(20):
            taken.append(i)
            yield i

    for done, result in enumerate(ahead(lambda i: i * i, items(), depth=3, threads=3)):
        assert result == done * done
        assert len(taken) <= done + 3


def test_what_came_before_an_error_of_the_items_is_delivered() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise RuntimeError("the third")

    results = ahead(lambda i: i, items(), depth=4)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(RuntimeError, match="the third"):
        next(results)


def test_an_error_of_the_work_comes_at_its_turn() -> None:
    results = ahead(lambda i: 1 // i, [1, 0, 1], depth=3)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_abandoning_it_leaves_no_thread() -> None:
    results = ahead(lambda i: i, range(100), depth=4)
    next(results)
    results.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("read-ahead")]
