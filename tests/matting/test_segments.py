"""Segments: absolute boundaries, cuts, holes, preroll, and independence of what is asked for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vimatte.frames.frame_range import FrameRange
from vimatte.matting.segments import Segment, plan_segments, widen


def plan(
    text: str, cuts: tuple[int, ...] = (), s: int = 10, p: int = 3, **more: object
) -> list[Segment]:
    return list(plan_segments(FrameRange.parse(text), cuts, s, p, **more))  # type: ignore[arg-type]


def test_boundaries_are_absolute() -> None:
    segments = plan("1003-1025")
    assert [(s.first, s.last) for s in segments] == [(1003, 1009), (1010, 1019), (1020, 1025)]
    assert segments[0].preroll == ()
    assert segments[1].preroll == (1007, 1008, 1009)
    assert segments[1].frames == tuple(range(1010, 1020))


def test_no_preroll_across_a_cut_or_a_hole() -> None:
    segments = plan("1-25", cuts=(12,))
    assert [(s.first, s.last) for s in segments] == [(1, 9), (10, 11), (12, 19), (20, 25)]
    assert segments[2].preroll == ()
    holed = plan("1-4,8-9")
    assert [(s.first, s.last) for s in holed] == [(1, 4), (8, 9)]
    assert holed[1].preroll == ()


def test_preroll_longer_than_a_segment() -> None:
    segments = plan("0-12", s=4, p=6)
    assert segments[2].preroll == (2, 3, 4, 5, 6, 7)
    assert segments[1].preroll == (0, 1, 2, 3)


def test_zero_length_is_one_chain_a_scene() -> None:
    assert [(s.first, s.last) for s in plan("1-100", cuts=(40,), s=0)] == [(1, 39), (40, 100)]


def test_zero_preroll() -> None:
    assert all(not s.preroll for s in plan("1-40", p=0))


def test_a_stepped_range_has_no_holes() -> None:
    segments = plan("1-21x2")
    assert [(s.first, s.last) for s in segments] == [(1, 9), (11, 19), (21, 21)]
    assert segments[1].preroll == (5, 7, 9)


def test_negative_frames() -> None:
    assert [(s.first, s.last) for s in plan("-12-3")] == [(-12, -11), (-10, -1), (0, 3)]


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.integers(-50, 150), min_size=1, max_size=80),
    st.sets(st.integers(-50, 150), max_size=5),
    st.integers(0, 30),
    st.integers(0, 12),
    st.sets(st.integers(-50, 150), min_size=1, max_size=5),
)
def test_every_frame_once_and_parts_equal_the_whole(
    frames: set[int], cuts: set[int], s: int, p: int, some: set[int]
) -> None:
    shot = FrameRange.of(frames)
    whole = list(plan_segments(shot, tuple(cuts), s, p))
    assert [f for segment in whole for f in segment.frames] == list(shot)
    asked = FrameRange.of(some)
    part = list(plan_segments(shot, tuple(cuts), s, p, only=asked))
    assert part == [x for x in whole if set(x.frames) & some]
    assert set(widen(shot, asked, tuple(cuts), s, p)) == {f for x in part for f in x.frames}


def test_a_long_shot_is_planned_lazily() -> None:
    segments = plan_segments(FrameRange.parse("1-1000000"), (), 48, 8)
    assert next(segments).first == 1
