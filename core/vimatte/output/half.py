"""Half floats rounded towards zero: a sum that was at most 1 stays at most 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HALF_MAX = 65504.0
#: Half floats in [0, 1] are whole numbers of this unit, so their sums are exact as integers.
UNITS_IN_ONE = 1 << 24

_MAX_BITS = 0x7BFF
_SMALLEST_NORMAL = 0x38800000  # 2 ** -14, as the bits of a float32
_UNITS = np.arange(0x3C01, dtype=np.uint16).view(np.float16).astype(np.float64) * UNITS_IN_ONE
_UNITS_OF_BITS = _UNITS.astype(np.int32)


def to_half_floor(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """Round to half floats, never away from zero.

    Parameters
    ----------
    values : ndarray of float32
        Finite.

    Returns
    -------
    ndarray of float16, of the same shape
        The half float of the largest magnitude that does not exceed the value's; 65504 beyond it.
    """
    # Cutting off mantissa bits rounds towards zero: no comparison with the value is needed. It is
    # half the work of rounding to the nearest and stepping back.
    shape, values = np.shape(values), np.ascontiguousarray(values, np.float32)
    bits = values.view(np.int32)
    magnitude = bits & 0x7FFFFFFF
    half = magnitude >> 13
    half -= (127 - 15) << 10
    np.clip(half, 0, _MAX_BITS, out=half)
    small = (magnitude < _SMALLEST_NORMAL) & (magnitude > 0)
    if small.any():  # below the normal half floats the unit is fixed
        half[small] = (np.abs(values[small]) * np.float32(UNITS_IN_ONE)).astype(np.int32)
    half |= (bits >> 16) & 0x8000
    return half.astype(np.uint16).view(np.float16).reshape(shape)


def half_units(half: NDArray[np.float16]) -> NDArray[np.int32]:
    """Return half floats as whole numbers of 2**-24, exactly.

    Parameters
    ----------
    half : ndarray of float16, in [0, 1]

    Returns
    -------
    ndarray of int32, of the same shape
        In [0, `UNITS_IN_ONE`].
    """
    taken: NDArray[np.int32] = _UNITS_OF_BITS.take(half.view(np.uint16))
    return taken


def finite_half(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return any values as half floats to the nearest; NaN becomes 0, and what is too large 65504.

    Parameters
    ----------
    values : ndarray of float32
    """
    clean = np.nan_to_num(values, nan=0.0, posinf=HALF_MAX, neginf=-HALF_MAX)
    made: NDArray[np.float16] = np.clip(clean, -HALF_MAX, HALF_MAX).astype(np.float16)
    return made


def units_to_half_floor(units: NDArray[np.int32]) -> NDArray[np.float16]:
    """Return whole numbers of 2**-24, at most 1 in all, as half floats rounded towards zero."""
    return to_half_floor(units.astype(np.float32) * np.float32(1.0 / UNITS_IN_ONE))
