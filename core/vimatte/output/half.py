"""Half floats rounded towards zero: a sum that was at most 1 stays at most 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def to_half_floor(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """Round to half floats, never away from zero.

    Parameters
    ----------
    values : ndarray of float32
        Finite.

    Returns
    -------
    ndarray of float16, of the same shape
        The half float of the largest magnitude that does not exceed the value's.
    """
    half = values.astype(np.float16)
    # Half floats of one sign are ordered like their bits: one less is the next towards zero.
    over = np.abs(half.astype(np.float32)) > np.abs(values)
    half.view(np.uint16)[over] -= 1
    return half
