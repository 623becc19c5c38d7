from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vimatte.output.half import (
    HALF_MAX,
    UNITS_IN_ONE,
    half_units,
    to_half_floor,
    units_to_half_floor,
)

ALL_HALVES = np.arange(0x7C00, dtype=np.uint16).view(np.float16)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(arrays(np.float32, 30, elements=FINITE))
def test_the_largest_half_that_does_not_exceed_the_value(values: np.ndarray) -> None:
    half = to_half_floor(values)
    back = half.astype(np.float64)
    wanted = np.minimum(np.abs(values.astype(np.float64)), HALF_MAX)
    assert (np.abs(back) <= wanted).all()
    assert (np.signbit(back) == np.signbit(values)).all()
    below_max = np.abs(half) < HALF_MAX
    following = (np.abs(half[below_max]).view(np.uint16) + 1).view(np.float16)
    assert (following.astype(np.float64) > wanted[below_max]).all()


def test_every_half_float_stays_what_it_is() -> None:
    both = np.concatenate([ALL_HALVES, -ALL_HALVES])
    np.testing.assert_array_equal(to_half_floor(both.astype(np.float32)), both)


def test_the_neighbours_of_every_half_float() -> None:
    exact = ALL_HALVES[1:].astype(np.float32)
    above = np.nextafter(exact, np.float32(np.inf))
    np.testing.assert_array_equal(to_half_floor(above), ALL_HALVES[1:])
    below = np.nextafter(exact, np.float32(0))
    np.testing.assert_array_equal(to_half_floor(below), ALL_HALVES[:-1])


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3, 4)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    values = np.full(shape, 0.3, np.float32)
    assert to_half_floor(values).shape == shape
    assert to_half_floor(np.asarray(values, order="F")).shape == shape


def test_a_slice_is_rounded_like_its_copy() -> None:
    values = np.random.default_rng(0).random((40, 60)).astype(np.float32)
    part = values[3:30:2, 5:50]
    np.testing.assert_array_equal(to_half_floor(part), to_half_floor(part.copy()))


def test_units_are_exact() -> None:
    unit_range = ALL_HALVES[: 0x3C00 + 1]
    units = half_units(unit_range)
    np.testing.assert_array_equal(units / UNITS_IN_ONE, unit_range.astype(np.float64))
    np.testing.assert_array_equal(units_to_half_floor(units), unit_range)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=8))
def test_what_sums_to_at_most_one_still_does(parts: list[float]) -> None:
    values = np.array(parts, np.float64)
    values = (values / max(1.0, values.sum())).astype(np.float32)
    if values.astype(np.float64).sum() <= 1:
        assert half_units(to_half_floor(values)).sum() <= UNITS_IN_ONE
