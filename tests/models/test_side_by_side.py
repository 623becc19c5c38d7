"""Bits depend neither on how many crops there are nor on how many cores."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from vimatte.models.base import Crop
from vimatte.models.registry import DEFAULT_MODEL, load_model
from vimatte.models.side_by_side import SideBySide


def crop_of(seed: int, height: int = 192, width: int = 256) -> Crop:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    target = (y - 90) ** 2 + (x - 80 - 20 * seed) ** 2 < 70**2
    return Crop(rng.random((height, width, 3), dtype=np.float32), target, x > 200, 1)


@pytest.mark.parametrize("threads", [1, 2, 6])
def test_alone_equals_among_others_in_any_order(threads: int) -> None:
    model = load_model(DEFAULT_MODEL, device="cpu")
    torch.set_num_threads(1)
    first = [model.step([(crop_of(i), None)])[0] for i in range(3)]
    alone = [model.step([(crop_of(i), first[i][1])])[0] for i in range(3)]
    torch.set_num_threads(threads)
    for order in ([0, 1, 2], [2, 0, 1], [1]):
        together = model.step([(crop_of(i), first[i][1]) for i in order])
        for i, (matte, state) in zip(order, together, strict=True):
            np.testing.assert_array_equal(matte.alpha, alone[i][0].alpha)
            np.testing.assert_array_equal(matte.reference, alone[i][0].reference)
            np.testing.assert_array_equal(state, alone[i][1])


@pytest.mark.parametrize("cores", [1, 2, 8])
@pytest.mark.parametrize("items", [1, 2, 6])
def test_no_operation_gets_more_than_one_thread(cores: int, items: int) -> None:
    torch.set_num_threads(cores)
    pools = SideBySide()

    def crop(_: int) -> list[int]:
        return pools.parts(lambda _: torch.get_num_threads(), range(3))

    assert pools.crops(crop, range(items)) == [[1, 1, 1]] * items
    assert torch.get_num_threads() == cores
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [cores]


@pytest.mark.parametrize(
    ("cores", "items", "share"), [(1, 1, 1), (2, 1, 2), (2, 2, 1), (8, 1, 8), (8, 3, 2), (8, 6, 2)]
)
def test_cores_that_have_no_crop_of_their_own_take_parts(
    cores: int, items: int, share: int
) -> None:
    torch.set_num_threads(cores)
    pools = SideBySide()
    assert pools.crops(lambda _: pools.share, range(items)) == [share] * items
    # All parts of a share are at work at once: each waits for the others.
    meeting = threading.Barrier(share, timeout=30)
    pools.crops(lambda _: pools.parts(lambda _: meeting.wait(), range(share)), [0])


def test_parts_outside_of_a_crop_run_one_after_another() -> None:
    assert SideBySide().parts(lambda item: 2 * item, range(3)) == [0, 2, 4]


def test_an_error_comes_through() -> None:
    def fails(item: int) -> int:
        if item == 1:
            raise ValueError("item 1")
        return item

    with pytest.raises(ValueError, match="item 1"):
        SideBySide().crops(fails, range(3))
