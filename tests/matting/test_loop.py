"""One frame of all instances: real pixels, mirrored borders, states moved by whole cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vimatte.frames.types import GuidanceFrame, InstanceMask, NetworkFrame
from vimatte.frames.window import Window
from vimatte.matting.loop import InstanceState, align, cut, held_mask, step_frame
from vimatte.matting.regions import Region, RegionStep
from vimatte.matting.steadying import Past
from vimatte.models.base import Crop, CropMatte, StateArray

Work = Sequence[tuple[Crop, StateArray | None]]
PLATE = Window(-10, 5, 100, 80)


class Echo:
    """A network that answers with its mask and keeps the mask as its state."""

    name, weights_digest, lookahead, device, state_stride, tile = "echo", "0", 0, "cpu", 4, 128

    def __init__(self) -> None:
        self.crops: list[Crop] = []

    def step(self, work: Work) -> list[tuple[CropMatte, StateArray]]:
        return [self.one(crop, state) for crop, state in work]

    def one(self, crop: Crop, state: StateArray | None) -> tuple[CropMatte, StateArray]:
        self.crops.append(crop)
        cell = self.state_stride * crop.scale
        cells = crop.target[None, ::cell, ::cell].astype(np.float16)
        before = np.zeros_like(cells) if state is None else state
        return (
            CropMatte(crop.target.astype(np.float32), crop.reference.astype(np.float32)),
            before + cells,
        )


def frame_of() -> NetworkFrame:
    rng = np.random.default_rng(0)
    return NetworkFrame(1, rng.random((80, 100, 3), dtype=np.float32), PLATE)


def filled(window: Window) -> InstanceMask:
    return InstanceMask(window, np.ones(window.shape, np.bool_))


def step(window: Window, reset: bool = False, hold: bool = False) -> RegionStep:
    return RegionStep(1, Region(window, 1), reset, hold)


def test_pixels_are_real_inside_and_mirrored_outside() -> None:
    frame = frame_of()
    inside = cut(frame.pixels, PLATE, Window(0, 32, 32, 32))
    np.testing.assert_array_equal(inside, frame.pixels[27:59, 10:42])
    outside = cut(frame.pixels, PLATE, Window(-32, 0, 64, 64))
    np.testing.assert_array_equal(outside[5:, 22:], frame.pixels[:59, :42])
    np.testing.assert_array_equal(outside[5:, 21], frame.pixels[:59, 1])
    np.testing.assert_array_equal(outside[4, 22:], frame.pixels[1, :42])


def test_a_plate_smaller_than_its_region_is_mirrored_again_and_again() -> None:
    tiny = np.arange(3, dtype=np.float32).reshape(1, 3, 1)
    row = cut(tiny, Window(0, 0, 3, 1), Window(-4, 0, 12, 2))[0, :, 0]
    np.testing.assert_array_equal(row, [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1])


def test_masks_are_mirrored_as_pixels_are() -> None:
    """A person cut off by the border must not end there in the mask and go on in the picture."""
    model = Echo()
    masks = {1: filled(Window(20, 60, 30, 25))}  # down to the last row, 84
    step_frame(model, frame_of(), GuidanceFrame(1, masks), {1: step(Window(0, 32, 64, 64))}, {})
    target = model.crops[0].target
    assert target[60 - 32 : 64, 20:50].all()
    assert not target[:, :20].any()


def test_alphas_never_leave_the_plate_and_overlaps_are_shared() -> None:
    region = Window(-32, 32, 128, 64)
    masks = {1: filled(Window(-10, 40, 60, 30)), 2: filled(Window(20, 40, 60, 30))}
    steps = {1: step(region), 2: step(region)}
    alphas, state = step_frame(Echo(), frame_of(), GuidanceFrame(1, masks), steps, {})
    total = np.zeros(PLATE.shape, np.float32)
    for item in alphas.values():
        assert PLATE.contains(item.window)
        total[item.window.slices_in(PLATE)] += item.alpha
    assert total.max() <= 1
    assert set(state) == {1, 2}


def test_a_held_instance_uses_its_last_alpha() -> None:
    model, window = Echo(), Window(0, 32, 64, 32)
    masks = {1: filled(Window(10, 40, 20, 20))}
    _, state = step_frame(model, frame_of(), GuidanceFrame(1, masks), {1: step(window)}, {})
    held = {1: step(window, hold=True)}
    alphas, _ = step_frame(model, frame_of(), GuidanceFrame(1, {}), held, state)
    assert alphas[1].alpha.sum() == 400


def test_a_state_follows_its_region_by_whole_cells() -> None:
    hidden = np.arange(64, dtype=np.float16).reshape(1, 8, 8)
    window = Window(0, 0, 32, 32)
    past = Past(window, np.zeros((32, 32), np.float16), np.zeros((16, 16), np.uint8))
    before = InstanceState(window, 1, hidden, past)
    assert align(before, Region(Window(0, 0, 32, 32), 2), 4) is None
    same = align(before, Region(Window(0, 0, 32, 32), 1), 4)
    assert same is hidden
    moved = align(before, Region(Window(32, -32, 64, 64), 1), 4)
    assert moved is not None
    assert not moved.any()
    moved = align(before, Region(Window(-32, 0, 64, 32), 1), 4)
    assert moved is not None
    np.testing.assert_array_equal(moved[0, :, 8:], hidden[0])
    assert not moved[0, :, :8].any()


def test_a_reset_starts_from_nothing() -> None:
    model, window = Echo(), Window(0, 32, 64, 32)
    guidance = GuidanceFrame(1, {1: filled(Window(10, 40, 20, 20))})
    _, state = step_frame(model, frame_of(), guidance, {1: step(window)}, {})
    _, twice = step_frame(model, frame_of(), guidance, {1: step(window)}, state)
    _, fresh = step_frame(model, frame_of(), guidance, {1: step(window, reset=True)}, state)
    assert twice[1].hidden.max() == 2
    assert fresh[1].hidden.max() == 1


def test_instances_alone_among_others_and_shuffled_are_equal() -> None:
    frame = frame_of()
    masks = {k: filled(Window(k * 10, 40, 8, 20)) for k in range(1, 7)}
    steps = {k: step(Window(0, 32, 96, 64)) for k in masks}
    everyone, _ = step_frame(Echo(), frame, GuidanceFrame(1, masks), steps, {})
    shuffled = dict(reversed(list(steps.items())))
    again, _ = step_frame(Echo(), frame, GuidanceFrame(1, masks), shuffled, {})
    for key, item in everyone.items():
        np.testing.assert_array_equal(item.alpha, again[key].alpha)


def test_a_held_mask_has_no_threshold() -> None:
    alpha = np.linspace(0, 1, 2049, dtype=np.float16)
    mask = held_mask(alpha)
    assert mask.dtype == np.float32
    assert not mask[alpha < 0.45].any()
    assert (mask[alpha > 0.55] == 1).all()
    assert np.abs(np.diff(mask)).max() <= 16 * np.abs(np.diff(alpha.astype(np.float32))).max()


def test_a_soft_mask_meets_binary_ones() -> None:
    """A held instance is beside another that has a mask: the reference is the larger of the two."""
    model = Echo()
    window = Window(0, 32, 64, 64)
    masks = {2: filled(Window(10, 40, 20, 20))}
    past = Past(window, np.full(window.shape, 0.5, np.float16), np.zeros((32, 32), np.uint8))
    state = {1: InstanceState(window, 1, np.zeros((1, 16, 16), np.float16), past)}
    steps = {1: step(window, hold=True), 2: step(window)}
    step_frame(model, frame_of(), GuidanceFrame(1, masks), steps, state)
    first, second = model.crops
    assert first.target.dtype == np.float32
    assert set(np.unique(first.target)) == {np.float32(0.5)}
    assert first.reference.dtype == np.bool_
    assert second.target.dtype == np.bool_
    assert second.reference[:, 0].tolist() == [0.5] * 64
