"""Memory runs short: smaller batches, one region at a time, then one clear error. Same bits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from models_support import crop_of, lively

from vimatte.errors import OutOfMemoryError
from vimatte.models.lite_runner import TILE_BATCH, LiteRunner
from vimatte.models.msgvim import MSGVIM
from vimatte.models.msgvim_runner import MSGVIMRunner


def runner() -> LiteRunner:
    return LiteRunner("x", lively(), "0", torch.device("cpu"))


def steps(model: LiteRunner, frames: int = 3) -> list[Any]:
    """Two instances over some frames: every alpha, reference and state."""
    states: list[Any] = [None, None]
    found: list[Any] = []
    for frame in range(frames):
        crops = [crop_of(256, 320, seed=frame), crop_of(192, 256, seed=frame + 10)]
        out = model.step(list(zip(crops, states, strict=True)))
        states = [state for _, state in out]
        found += [a for matte, state in out for a in (matte.alpha, matte.reference, state)]
    return found


def limited(call: Callable[..., Any], refuses: Callable[[torch.Tensor], bool]) -> Any:
    """A part of a network on a device that has no room for some inputs."""

    def run(x: torch.Tensor, *more: Any) -> Any:
        if refuses(x):
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return call(x, *more)

    return run


def same(first: list[Any], second: list[Any]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("most", [8, 5, 1])
def test_edges_are_refined_in_smaller_batches_with_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, most: int
) -> None:
    whole = steps(runner())
    model = runner()
    sizes: list[int] = []

    def refuses(rgb: torch.Tensor) -> bool:
        sizes.append(len(rgb))
        return len(rgb) > most

    monkeypatch.setattr(model._network, "refine", limited(model._network.refine, refuses))
    with caplog.at_level(logging.WARNING):
        assert same(steps(model), whole)
    # It was tried: the crops have 20 tiles and 12, and run side by side.
    assert max(sizes) in (12, TILE_BATCH)
    # Remembered: a batch that does not fit is not tried in every frame again.
    assert sum(size > most for size in sizes) <= 2 * 4
    said = [r.getMessage() for r in caplog.records if "memory is short" in r.getMessage()]
    assert said
    assert len(said) <= 4
    assert f"refined {1 << (most.bit_length() - 1)} tiles at a time" in said[-1]


def test_a_region_that_never_fits_beside_another(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first two calls fail, as they do when they meet; the bits are those of a quiet run."""
    torch.set_num_threads(2)
    whole = steps(runner())
    model = runner()
    calls: list[int] = []

    def refuses(x: torch.Tensor) -> bool:
        calls.append(1)
        return len(calls) <= 4  # two regions, each tried twice

    monkeypatch.setattr(model._network, "coarse", limited(model._network.coarse, refuses))
    with caplog.at_level(logging.WARNING):
        assert same(steps(model), whole)
    assert [r.getMessage() for r in caplog.records] == [
        "memory is short: from here on one region is computed at a time"
    ]


def test_fragments_are_freed_and_the_region_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = steps(runner())
    model = runner()
    calls: list[int] = []

    def refuses(x: torch.Tensor) -> bool:
        calls.append(1)
        return len(calls) == 1

    monkeypatch.setattr(model._network, "coarse", limited(model._network.coarse, refuses))
    assert same(steps(model), whole)


def test_what_never_fits_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for part, most in (("coarse", 0), ("refine", 0)):
        model = runner()
        refuses = limited(getattr(model._network, part), lambda x, most=most: len(x) > most)
        monkeypatch.setattr(model._network, part, refuses)
        with pytest.raises(OutOfMemoryError, match="no memory for a region of 320x256") as info:
            steps(model)
        assert "--quality draft" in str(info.value.hint)
        assert "\n" not in str(info.value)


def test_the_papers_network_says_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = MSGVIMRunner("x", MSGVIM(), "0", torch.device("cpu"))
    tries: list[int] = []

    def refuses(x: torch.Tensor) -> bool:
        tries.append(1)
        return True

    monkeypatch.setattr(model._network, "forward", limited(model._network.forward, refuses))
    with pytest.raises(OutOfMemoryError, match="region of 128x128"):
        model.step([(crop_of(128, 128), None)])
    assert len(tries) == 2


def test_another_error_of_the_network_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = runner()

    def broken(*_: Any) -> Any:
        raise RuntimeError("expected 5 channels")

    monkeypatch.setattr(model._network, "refine", broken)
    with pytest.raises(RuntimeError, match="expected 5 channels"):
        model.step([(crop_of(192, 256), None)])


def test_a_processor_without_memory_is_known_by_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    model = runner()

    def refuse(*_: Any) -> Any:
        torch.empty(1 << 60, dtype=torch.uint8)

    monkeypatch.setattr(model._network, "coarse", refuse)
    with pytest.raises(OutOfMemoryError):
        model.step([(crop_of(192, 256), None)])


def test_arrays_are_compared_by_bits() -> None:
    assert not same([np.float32([1])], [np.float32([1 + 2e-7])])
