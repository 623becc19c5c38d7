"""Regions: the lattice, containment, and a plan that depends on the past only."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vimatte.frames.window import Window
from vimatte.matting.regions import (
    HOLD_FRAMES,
    LATTICE,
    MARGIN,
    RegionStep,
    fitting_scale,
    plan_regions,
)

MEGAPIXEL = 1_048_576


def plan(boxes: list[Window | None], max_pixels: int = MEGAPIXEL) -> list[RegionStep]:
    return plan_regions(range(len(boxes)), boxes, max_pixels=max_pixels)


boxes = st.lists(
    st.one_of(
        st.none(),
        st.builds(
            Window,
            st.integers(-300, 2000),
            st.integers(-300, 1200),
            st.integers(1, 1500),
            st.integers(1, 1000),
        ),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(boxes, st.sampled_from([MEGAPIXEL, 147_456]))
def test_every_region_holds_its_box_and_lies_on_the_lattice(
    found: list[Window | None], max_pixels: int
) -> None:
    scale = fitting_scale(found, max_pixels)
    for step, box in zip(plan(found, max_pixels), found, strict=True):
        if box is None:
            continue
        assert step.region is not None
        assert step.region.scale == scale
        window = step.region.window
        assert window.contains(box.grow(MARGIN))
        assert window.x % (LATTICE * scale) == 0
        assert window.y % (LATTICE * scale) == 0
        assert window.width % (64 * scale) == 0
        assert window.height % (64 * scale) == 0


@settings(max_examples=60, deadline=None)
@given(boxes, st.integers(1, 24))
def test_a_step_depends_on_the_past_and_the_scale_only(
    found: list[Window | None], count: int
) -> None:
    part = found[:count]
    if fitting_scale(part, MEGAPIXEL) == fitting_scale(found, MEGAPIXEL):
        assert plan(found)[: len(part)] == plan(part)


def test_small_motion_moves_nothing() -> None:
    steps = plan([Window(500 + t % 7, 300 - t % 5, 200, 400) for t in range(30)])
    assert len({step.region for step in steps}) == 1


def test_a_region_moves_by_whole_lattice_steps() -> None:
    steps = plan([Window(100 + 9 * t, 300, 200, 400) for t in range(60)])
    origins = [step.region.window.x for step in steps if step.region]
    moves = {b - a for a, b in zip(origins, origins[1:], strict=False)} - {0}
    assert moves
    assert all(move % LATTICE == 0 for move in moves)
    assert len({(s.region.window.width, s.region.window.height) for s in steps if s.region}) == 1


def test_a_short_gap_is_held_and_a_long_one_drops_the_state() -> None:
    box = Window(100, 100, 50, 50)
    steps = plan([None, box, *[None] * (HOLD_FRAMES + 2), box])
    assert steps[0].region is None
    assert steps[1].reset
    held = steps[2 : 2 + HOLD_FRAMES]
    assert all(s.hold and s.region == steps[1].region for s in held)
    assert all(s.region is None for s in steps[2 + HOLD_FRAMES : -1])
    assert steps[-1].reset


def test_a_shrinking_box_gets_a_smaller_region() -> None:
    steps = plan([Window(0, 0, 900, 900), Window(400, 400, 100, 100)])
    first, second = (step.region for step in steps)
    assert first is not None
    assert second is not None
    assert second.window.width < first.window.width
    assert not steps[1].reset


def test_a_large_subject_works_at_a_smaller_scale() -> None:
    assert plan([Window(0, 0, 3000, 2000)])[0].region.scale == 4  # type: ignore[union-attr]
    assert plan([Window(0, 0, 900, 900)], 147_456)[0].region.scale == 4  # type: ignore[union-attr]
