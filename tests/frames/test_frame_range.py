from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimatte.errors import FrameRangeError
from vimatte.frames.frame_range import FrameRange

frame_sets = st.sets(st.integers(-60, 60), max_size=40)


@st.composite
def terms(draw: st.DrawFn) -> tuple[str, set[int]]:
    first = draw(st.integers(-40, 40))
    length = draw(st.integers(0, 30))
    step = draw(st.integers(1, 5))
    kind = draw(st.sampled_from(["one", "span", "step"]))
    if kind == "one":
        return str(first), {first}
    if kind == "span":
        return f"{first}-{first + length}", set(range(first, first + length + 1))
    return f"{first}-{first + length}x{step}", set(range(first, first + length + 1, step))


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("1001-1005", [1001, 1002, 1003, 1004, 1005]),
        ("1001-1010x4", [1001, 1005, 1009]),
        ("1001,1005,1010-1012", [1001, 1005, 1010, 1011, 1012]),
        ("7", [7]),
        ("-3", [-3]),
        ("-3-1", [-3, -2, -1, 0, 1]),
        ("-3--1", [-3, -2, -1]),
        ("5-5", [5]),
        ("3,1,2,2", [1, 2, 3]),
        ("1-9x2,2-9x2", list(range(1, 10))),
        ("1001, 1003", [1001, 1003]),
        ("0001-0003", [1, 2, 3]),
    ],
)
def test_parse(text: str, frames: list[int]) -> None:
    assert list(FrameRange.parse(text)) == frames


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ",", "1,", ",1", "a", "1-", "-", "--1", "1--", "10-1", "5--3", "1-10x", "1-10x0",
        "1-10x-2", "1x2", "1..5", "1:5", "1-2-3", "1.5", "1 - 5", "1-5 x2", "+3", "1e3", "٣",
        "1-10#2", "9999999999", "-3-", "1-999999999", "1\n2",
    ],
)  # fmt: skip
def test_malformed_text_is_refused(text: str) -> None:
    with pytest.raises(FrameRangeError):
        FrameRange.parse(text)


def test_error_says_how_to_write_it() -> None:
    with pytest.raises(FrameRangeError, match=r"'1\.\.5'.*hint: write it like 1001-1100"):
        FrameRange.parse("1..5")
    with pytest.raises(FrameRangeError, match="write 1-10 instead"):
        FrameRange.parse("10-1")


@given(st.lists(terms(), min_size=1, max_size=6))
def test_parse_is_the_union_of_its_terms(parts: list[tuple[str, set[int]]]) -> None:
    parsed = FrameRange.parse(",".join(text for text, _ in parts))
    expected = set().union(*(frames for _, frames in parts))
    assert list(parsed) == sorted(expected)
    assert parsed == FrameRange.of(expected)
    assert hash(parsed) == hash(FrameRange.of(expected))


@given(frame_sets)
def test_value_behaves_as_the_set(frames: set[int]) -> None:
    value = FrameRange.of(frames)
    assert list(value) == sorted(frames)
    assert len(value) == len(frames)
    assert all((f in value) == (f in frames) for f in range(-70, 70))
    if frames:
        assert (value.first, value.last) == (min(frames), max(frames))
        assert FrameRange.parse(str(value)) == value
    else:
        assert str(value) == ""


@given(frame_sets, frame_sets)
def test_intersect_and_without(a: set[int], b: set[int]) -> None:
    left, right = FrameRange.of(a), FrameRange.of(b)
    assert left.intersect(right) == FrameRange.of(a & b)
    assert left.without(right) == FrameRange.of(a - b)


@given(st.lists(terms(), min_size=1, max_size=4), st.lists(terms(), min_size=1, max_size=4))
def test_intersect_and_without_of_steps(
    a: list[tuple[str, set[int]]], b: list[tuple[str, set[int]]]
) -> None:
    left, right = (FrameRange.parse(",".join(t for t, _ in parts)) for parts in (a, b))
    mine, theirs = (set().union(*(f for _, f in parts)) for parts in (a, b))
    assert left.intersect(right) == FrameRange.of(mine & theirs)
    assert left.without(right) == FrameRange.of(mine - theirs)


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([1, 2, 3], "1-3"),
        ([1, 3], "1,3"),
        ([1, 3, 5], "1-5x2"),
        ([1001, 1005, 1010, 1011, 1012], "1001,1005,1010-1012"),
        ([1, 3, 4, 5, 6], "1,3-6"),
        ([-3, -2, -1], "-3--1"),
        ([1, 2], "1-2"),
    ],
)
def test_text_is_what_people_would_write(frames: list[int], text: str) -> None:
    assert str(FrameRange.of(frames)) == text


def test_span() -> None:
    assert FrameRange.span(1, 10, 3) == FrameRange.parse("1,4,7,10")
    assert FrameRange.span(1, 9, 3) == FrameRange.span(1, 7, 3)
    assert FrameRange.span(4, 4, 9) == FrameRange.of([4])
    for first, last, step in [(2, 1, 1), (1, 2, 0), (1, 2, -1)]:
        with pytest.raises(FrameRangeError):
            FrameRange.span(first, last, step)


def test_empty_range_has_no_ends() -> None:
    empty = FrameRange.of([])
    assert len(empty) == 0
    assert not empty
    with pytest.raises(FrameRangeError):
        _ = empty.first
    with pytest.raises(FrameRangeError):
        _ = empty.last


def test_memory_goes_by_runs() -> None:
    tracemalloc.start()
    try:
        value = FrameRange.parse("1-5000000,6000001-8000000x2")
        value = value.without(FrameRange.parse("100-200")).intersect(FrameRange.span(50, 7_000_000))
        assert len(value) == 4_999_951 - 101 + 500_000
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_numbers_padded_with_zeros_are_numbers() -> None:
    assert FrameRange.parse("0000001001-0000001003") == FrameRange.of([1001, 1002, 1003])
    with pytest.raises(FrameRangeError, match="too large"):
        FrameRange.parse("1700000000")
