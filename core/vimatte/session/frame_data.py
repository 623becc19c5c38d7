"""How mattes and recurrent states lie in the cache."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.window import Window
from vimatte.matting.loop import InstanceAlpha, InstanceState
from vimatte.matting.steadying import Past
from vimatte.output.half import to_half_floor

Arrays = dict[str, NDArray[np.generic]]


def pack_alphas(alphas: Mapping[int, InstanceAlpha]) -> Arrays:
    """Turn mattes into arrays: half floats, cut to the box of what is not zero."""
    arrays: Arrays = {}
    for key, item in alphas.items():
        half = to_half_floor(item.alpha)
        rows = np.flatnonzero(half.any(axis=1))
        columns = np.flatnonzero(half.any(axis=0))
        if not len(rows):
            continue
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        left, right = int(columns[0]), int(columns[-1]) + 1
        arrays[f"{key}.alpha"] = np.ascontiguousarray(half[top:bottom, left:right])
        window = Window(item.window.x + left, item.window.y + top, right - left, bottom - top)
        arrays[f"{key}.window"] = _pack_window(window)
    return arrays


def unpack_alphas(arrays: Mapping[str, NDArray[np.generic]]) -> dict[int, InstanceAlpha]:
    """Turn stored arrays back into mattes, as 32-bit floats that are exact half floats."""
    alphas: dict[int, InstanceAlpha] = {}
    for name, array in arrays.items():
        number, _, kind = name.partition(".")
        if kind == "alpha":
            window = _unpack_window(arrays[f"{number}.window"])
            alphas[int(number)] = InstanceAlpha(window, array.astype(np.float32))
    return alphas


def pack_state(state: Mapping[int, InstanceState]) -> Arrays:
    """Turn a recurrent state into arrays."""
    arrays: Arrays = {}
    for key, item in state.items():
        arrays[f"{key}.hidden"] = item.hidden
        arrays[f"{key}.window"] = _pack_window(item.window, item.scale)
        arrays[f"{key}.alpha"] = item.past.alpha
        arrays[f"{key}.grey"] = item.past.grey
    return arrays


def unpack_state(arrays: Mapping[str, NDArray[np.generic]]) -> dict[int, InstanceState]:
    """Turn stored arrays back into a recurrent state."""
    state: dict[int, InstanceState] = {}
    for name, array in arrays.items():
        number, _, kind = name.partition(".")
        if kind != "hidden":
            continue
        packed = arrays[f"{number}.window"]
        window = _unpack_window(packed)
        past = Past(
            window,
            arrays[f"{number}.alpha"].astype(np.float16, copy=False),
            arrays[f"{number}.grey"].astype(np.uint8, copy=False),
        )
        hidden = array.astype(np.float16, copy=False)
        state[int(number)] = InstanceState(window, int(packed[4]), hidden, past)
    return state


def _pack_window(window: Window, scale: int = 1) -> NDArray[np.int32]:
    return np.array([window.x, window.y, window.width, window.height, scale], np.int32)


def _unpack_window(array: NDArray[np.generic]) -> Window:
    x, y, width, height = (int(v) for v in array[:4])
    return Window(x, y, width, height)
