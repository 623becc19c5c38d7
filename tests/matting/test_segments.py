"""Segments: absolute boundaries, cuts, holes, preroll, and independence of what is asked for."""

from __future__ import annotations

import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vimatte.frames.frame_range import FrameRange
from vimatte.matting.segments import Segment, SegmentPlan, plan_segments, widen


def plan(text: str, cuts: tuple[int, ...] = (), s: int = 10, p: int = 3) -> list[Segment]:
    return list(plan_segments(FrameRange.parse(text), cuts, s, p))


def spans(segments: list[Segment]) -> list[tuple[int, int]]:
    return [(s.first, s.last) for s in segments]


def test_boundaries_are_absolute() -> None:
    segments = plan("1003-1025")
    assert spans(segments) == [(1003, 1009), (1010, 1019), (1020, 1025)]
    assert segments[0].preroll == ()
    assert segments[1].preroll == (1007, 1008, 1009)
    assert segments[1].frames == tuple(range(1010, 1020))
    assert segments[1].chain == tuple(range(1007, 1020))


def test_no_preroll_across_a_cut() -> None:
    segments = plan("1-25", cuts=(12, 12))
    assert spans(segments) == [(1, 9), (10, 11), (12, 19), (20, 25)]
    assert [s.preroll for s in segments] == [(), (7, 8, 9), (), (17, 18, 19)]


def test_a_hole_restarts_the_state() -> None:
    segments = plan("1-4,8-12")
    assert spans(segments) == [(1, 4), (8, 9), (10, 12)]
    assert [s.preroll for s in segments] == [(), (), (8, 9)]


def test_preroll_is_longer_than_a_segment() -> None:
    segments = plan("0-12", s=4, p=6)
    assert segments[2].preroll == (2, 3, 4, 5, 6, 7)
    assert segments[1].preroll == (0, 1, 2, 3)


def test_zero_length_is_one_chain_a_scene() -> None:
    assert spans(plan("1-100", cuts=(40,), s=0)) == [(1, 39), (40, 100)]


def test_zero_preroll() -> None:
    assert all(not s.preroll for s in plan("1-40", p=0))


def test_a_stepped_range_has_no_holes() -> None:
    segments = plan("1-21x2")
    assert spans(segments) == [(1, 9), (11, 19), (21, 21)]
    assert segments[1].preroll == (5, 7, 9)


def test_a_stepped_range_with_a_hole() -> None:
    assert spans(plan("1-9x2,15-29x2", s=0)) == [(1, 9), (15, 29)]


def test_a_stepped_stretch_that_gets_dense_goes_on() -> None:
    segments = plan("1-9x2,10-14", s=0)
    assert spans(segments) == [(1, 14)]
    assert plan("1-9x2,10-14", s=12, p=4)[1].preroll == (7, 9, 10, 11)


def test_a_cut_between_the_frames_of_a_stepped_range() -> None:
    assert spans(plan("1-21x4", cuts=(7,), s=0)) == [(1, 5), (9, 21)]


def test_negative_frames() -> None:
    assert spans(plan("-12-3")) == [(-12, -11), (-10, -1), (0, 3)]


def test_one_frame_and_no_frame() -> None:
    assert plan("7") == [Segment(7, 7, (7,))]
    assert list(plan_segments(FrameRange.of([]), (), 10, 3)) == []


def test_a_frame_outside_of_the_shot() -> None:
    with pytest.raises(ValueError, match="frame 5 is not in the shot"):
        SegmentPlan(FrameRange.parse("1-4,6-9"), (), 10, 3).of(5)
    with pytest.raises(ValueError, match="preroll of -1"):
        SegmentPlan(FrameRange.parse("1"), (), 10, -1)


shots = st.one_of(
    st.sets(st.integers(-50, 150), max_size=80).map(FrameRange.of),
    st.builds(
        lambda first, count, step: FrameRange.span(first, first + count, step),
        st.integers(-50, 50),
        st.integers(0, 150),
        st.integers(1, 6),
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    shots,
    st.sets(st.integers(-50, 150), max_size=5),
    st.integers(0, 30),
    st.integers(0, 12),
    st.sets(st.integers(-50, 150), max_size=5),
)
def test_the_rules(frames: FrameRange, cuts: set[int], s: int, p: int, some: set[int]) -> None:
    shot, asked = SegmentPlan(frames, cuts, s, p), FrameRange.of(some)
    whole = list(shot)
    # Every frame once, in order.
    assert [f for segment in whole for f in segment.frames] == list(frames)
    # Asking for a part gives the same segments.
    part = [x for x in whole if set(x.frames) & some]
    assert list(shot.meeting(asked)) == part
    assert set(widen(frames, asked, cuts, s, p)) == {f for x in part for f in x.frames}
    in_shot = list(frames)
    for segment in whole:
        assert all(shot.of(f) == segment for f in segment.frames)
        # What is computed together is consecutive in the shot, in one scene, without a hole.
        assert (
            list(segment.chain)
            == in_shot[in_shot.index(segment.chain[0]) : in_shot.index(segment.last) + 1]
        )
        assert not any(segment.chain[0] < cut <= segment.last for cut in cuts)
        assert len(segment.preroll) <= p
        if s:
            assert segment.first // s == segment.last // s
    for one, two in pairwise(whole):
        # A new segment has a reason.
        block = s > 0 and one.last // s != two.first // s
        cut = any(one.last < c <= two.first for c in cuts)
        assert block or cut or two.first - one.last > 1
        if len(two.preroll) < p and block and not cut and two.first - one.last == 1:
            assert two.chain[0] == one.chain[0]


def test_a_hundred_thousand_frames_cost_no_more_than_a_hundred() -> None:
    frames = FrameRange.parse("1-100000")
    tracemalloc.start()
    start = time.perf_counter()
    shot = SegmentPlan(frames, range(500, 100_000, 500), 48, 8)
    for frame in range(1, 100_000, 997):
        assert shot.of(frame).first <= frame
    assert sum(len(segment.frames) for segment in shot) == 100_000
    assert time.perf_counter() - start < 5
    assert tracemalloc.get_traced_memory()[1] < 2 << 20
    tracemalloc.stop()
