"""Regions: the lattice, containment, room for noise, and a plan that depends on little."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vimatte.frames.window import Window
from vimatte.matting.regions import (
    HOLD_FRAMES,
    LADDER,
    LATTICE,
    MARGIN,
    MIN_FILL,
    QUALITY,
    SCALES,
    Region,
    RegionStep,
    fitting_scale,
    plan_regions,
)

FINAL, DRAFT = QUALITY["final"], QUALITY["draft"]


def plan(boxes: list[Window | None], max_pixels: int = FINAL, **more: object) -> list[RegionStep]:
    return plan_regions(range(len(boxes)), boxes, max_pixels=max_pixels, **more)  # type: ignore[arg-type]


def region(step: RegionStep) -> Region:
    assert step.region is not None
    return step.region


def jittered(box: Window, edges: tuple[int, int, int, int]) -> Window:
    left, top, right, bottom = edges
    x, y = box.x + left, box.y + top
    return Window(x, y, box.right + right - x, box.bottom + bottom - y)


single = st.builds(
    Window,
    st.integers(-300, 2000),
    st.integers(-300, 1200),
    st.integers(1, 1500),
    st.integers(1, 1000),
)
many = st.lists(st.none() | single, min_size=1, max_size=25)
# A subject that drifts, breathes and is lost now and then.
drifting = st.lists(
    st.none() | st.tuples(*[st.integers(-40, 40)] * 4), min_size=1, max_size=40
).map(
    lambda moves: [
        None if move is None else jittered(Window(600 + 11 * t, 300, 300, 500), move)
        for t, move in enumerate(moves)
    ]
)


@settings(max_examples=100, deadline=None)
@given(many | drifting, st.sampled_from([FINAL, DRAFT]), st.booleans())
def test_every_region_holds_its_box_and_lies_on_the_lattice(
    boxes: list[Window | None], max_pixels: int, bounded: bool
) -> None:
    plate = Window(-100, -50, 2200, 1180) if bounded else None
    scale = fitting_scale(boxes, max_pixels, plate)
    for step, box in zip(plan(boxes, max_pixels, plate=plate), boxes, strict=True):
        if step.region is None:
            assert box is None
            continue
        window = step.region.window
        assert step.region.scale == scale
        assert window.x % (LATTICE * scale) == 0
        assert window.y % (LATTICE * scale) == 0
        assert window.width % (64 * scale) == 0
        assert window.height % (64 * scale) == 0
        assert step.hold == (box is None)
        assert step.region.pixels <= max_pixels or scale == SCALES[-1]
        if box is not None:
            needed = box.grow(MARGIN)
            if plate is not None:
                needed = needed.intersect(plate).union(box)
            assert window.contains(needed)


@settings(max_examples=80, deadline=None)
@given(many | drifting, st.integers(1, 24))
def test_a_step_depends_on_the_past_a_few_frames_to_come_and_the_scale(
    boxes: list[Window | None], count: int
) -> None:
    part, after = boxes[:count], boxes[count : count + HOLD_FRAMES]
    if fitting_scale(part, FINAL) == fitting_scale(boxes, FINAL):
        assert plan(boxes)[:count] == plan(part, after=after)


@settings(max_examples=80, deadline=None)
@given(single, st.lists(st.tuples(*[st.integers(-3, 3)] * 4), min_size=2, max_size=30))
def test_noise_moves_nothing(box: Window, noise: list[tuple[int, int, int, int]]) -> None:
    """Wherever a box lies, however large it is: edges that shake by 3 pixels move no region."""
    boxes: list[Window | None] = [jittered(box.grow(4), edges) for edges in noise]
    assert len({step.region for step in plan(boxes)}) == 1


@settings(max_examples=80, deadline=None)
@given(drifting)
def test_regions_change_only_with_cause(boxes: list[Window | None]) -> None:
    steps = plan(boxes)
    for (before, step), box in zip(pairwise(steps), boxes[1:], strict=True):
        if box is None or before.region is None or before.region == step.region:
            continue
        needed, window = box.grow(MARGIN), before.region.window
        filled = needed.width * needed.height / (window.width * window.height)
        assert not window.contains(needed) or filled < MIN_FILL
        if window.shape == region(step).window.shape:
            assert not window.contains(needed)


@settings(max_examples=80, deadline=None)
@given(st.lists(single, min_size=1, max_size=25), st.sampled_from([FINAL, DRAFT]))
def test_no_region_stays_much_too_large(boxes: list[Window], max_pixels: int) -> None:
    for step, box in zip(plan(list(boxes), max_pixels), boxes, strict=True):
        window, scale = region(step).window, region(step).scale
        needed = box.grow(MARGIN)
        if needed.width * needed.height < MIN_FILL * window.width * window.height:
            # Then its region is hardly larger than one would make for it.
            room = Window(0, 0, needed.width + 32 * scale, needed.height + 32 * scale)
            snug = next(iter(plan([jittered(room, (MARGIN, MARGIN, -MARGIN, -MARGIN))], 1 << 60)))
            assert scale > 1 or region(snug).pixels >= region(step).pixels


def test_a_walker_takes_the_region_along_by_lattice_steps() -> None:
    steps = plan([Window(100 + 9 * t, 300, 200, 400) for t in range(60)])
    windows = [region(step).window for step in steps]
    moves = [b.x - a.x for a, b in pairwise(windows) if b != a]
    assert 10 <= len(moves) <= 20
    assert all(move > 0 and move % LATTICE == 0 for move in moves)
    assert len({window.shape for window in windows}) == 1
    assert [step.reset for step in steps] == [True] + [False] * 59


def test_breathing_across_a_rung_does_not_thrash() -> None:
    for width in range(100, 1200, 7):
        boxes: list[Window | None] = [Window(0, 0, width + 20 * (t % 2), width) for t in range(40)]
        regions = [step.region for step in plan(boxes)]
        assert sum(a != b for a, b in pairwise(regions)) <= 2


def test_the_state_is_kept_when_the_size_changes() -> None:
    steps = plan([Window(0, 0, 900, 900), Window(400, 400, 100, 100), Window(0, 0, 900, 900)])
    sizes = [region(step).window.width for step in steps]
    assert sizes[1] < sizes[0] == sizes[2]
    assert [step.reset for step in steps] == [True, False, False]


def test_a_short_gap_is_held() -> None:
    box = Window(100, 100, 50, 50)
    steps = plan([None, box, *[None] * HOLD_FRAMES, box])
    assert (steps[0].region, steps[0].hold) == (None, False)
    assert all(s.hold and s.region == steps[1].region for s in steps[2:-1])
    assert [s.reset for s in steps] == [False, True] + [False] * (HOLD_FRAMES + 1)


def test_a_long_gap_drops_the_state_at_once() -> None:
    box = Window(100, 100, 50, 50)
    steps = plan([box, *[None] * (HOLD_FRAMES + 1), box])
    assert all(s.region is None and not s.hold for s in steps[1:-1])
    assert steps[-1].reset


def test_who_left_the_picture_leaves_no_ghost() -> None:
    steps = plan([Window(0, 100, 50, 50), None, None])
    assert [s.region is None for s in steps] == [False, True, True]


def test_a_gap_over_the_end_of_a_segment_is_held() -> None:
    box = Window(100, 100, 50, 50)
    assert [s.hold for s in plan([box, None, None], after=[None, box])] == [False, True, True]
    assert [s.hold for s in plan([box, None], after=[None] * 4 + [box])] == [False, True]
    assert [s.hold for s in plan([box, None], after=[None] * 5 + [box])] == [False, False]


@pytest.mark.parametrize(
    ("size", "max_pixels", "scale"),
    [
        ((300, 300), FINAL, 1),
        ((900, 900), FINAL, 1),
        ((1000, 1000), FINAL, 2),
        ((1920, 1080), FINAL, 2),
        ((3000, 2000), FINAL, 4),
        ((8192, 4320), FINAL, 8),
        ((20000, 20000), FINAL, 8),
        ((250, 250), DRAFT, 1),
        ((600, 500), DRAFT, 2),
    ],
)
def test_the_scale_bounds_the_work(size: tuple[int, int], max_pixels: int, scale: int) -> None:
    assert region(plan([Window(0, 0, *size)], max_pixels)[0]).scale == scale


def test_one_scale_for_a_segment() -> None:
    steps = plan([Window(0, 0, 100, 100), Window(0, 0, 1500, 1000)])
    assert [region(s).scale for s in steps] == [2, 2]


def test_no_margin_is_asked_for_outside_of_the_plate() -> None:
    plate = Window(0, 0, 1920, 1080)
    tall: list[Window | None] = [Window(700, 0, 400, 1080)]
    assert region(plan(tall, plate=plate)[0]).window == Window(640, 0, 512, 1088)
    assert region(plan(tall)[0]).window.height == 1280


def test_an_empty_box_is_no_box_and_lengths_must_agree() -> None:
    assert plan([Window(5, 5, 0, 0)])[0].region is None
    assert plan([]) == []
    with pytest.raises(ValueError, match="1 boxes for 2 frames"):
        plan_regions([1, 2], [None], max_pixels=FINAL)


def test_the_ladder() -> None:
    assert all(rung % 64 == 0 for rung in LADDER)
    assert list(LADDER) == sorted(set(LADDER))
