"""Guidance frames in a frame store: masks packed eight pixels to a byte."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vimatte.cache.store import FrameStore
from vimatte.errors import CacheError
from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.frames.window import Window


def pack(guidance: GuidanceFrame) -> dict[str, NDArray[np.generic]]:
    """Return the frame's masks as arrays: one table of ids and windows, one string of bits.

    Returns
    -------
    dict
        ``instances``: int32, one row ``(id, x, y, width, height)`` an instance, ascending by id.
        ``bits``: uint8, the rows' masks one after another, each padded to whole bytes.
    """
    rows, bits = [], []
    for key in sorted(guidance.masks):
        window, mask = guidance.masks[key].window, guidance.masks[key].mask
        if mask.shape != window.shape:
            raise ValueError(f"a mask of {mask.shape} does not fill {window}")
        rows.append((key, window.x, window.y, window.width, window.height))
        bits.append(np.packbits(mask.reshape(-1)))
    return {
        "instances": np.asarray(rows, np.int32).reshape(-1, 5),
        "bits": np.concatenate(bits) if bits else np.zeros(0, np.uint8),
    }


def unpack(frame: int, arrays: Mapping[str, NDArray[np.generic]]) -> GuidanceFrame:
    """Return what `pack` packed.

    Raises
    ------
    ValueError
        When the arrays are not of the form that `pack` gives.
    """
    rows, bits = arrays["instances"], arrays["bits"]
    masks, start = {}, 0
    for key, x, y, width, height in rows.tolist():
        window = Window(x, y, width, height)
        count = width * height
        stop = start + (count + 7) // 8
        if stop > bits.size:
            raise ValueError("the packed masks are shorter than their windows")
        flat = np.unpackbits(bits[start:stop].astype(np.uint8, copy=False), count=count)
        masks[int(key)] = InstanceMask(window, flat.astype(np.bool_).reshape(height, width))
        start = stop
    return GuidanceFrame(frame, masks)


def save_guidance(store: FrameStore, guidance: GuidanceFrame, record: Mapping[str, str]) -> None:
    """Write one frame's masks, atomically.

    Parameters
    ----------
    store : FrameStore
    guidance : GuidanceFrame
    record : mapping of str to str
        What the masks were made from; `FrameStore.load` compares it.
    """
    store.save(guidance.frame, pack(guidance), record)


def load_guidance(store: FrameStore, frame: int) -> GuidanceFrame:
    """Return one frame's masks.

    Raises
    ------
    CacheError
        When the store does not hold the frame.
    """
    arrays = store.load(frame)
    if arrays is None:
        raise CacheError(
            "the guidance of this frame is not in the cache",
            frame=frame,
            hint="run the guidance again",
        )
    return unpack(frame, arrays)


def mask_of(pixels: NDArray[np.bool_], window: Window) -> InstanceMask | None:
    """Return `pixels`, which cover `window`, cut down to their box; None when they are empty."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if rows.size == 0:
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    box = Window(window.x + int(left), window.y + int(top), int(right - left), int(bottom - top))
    return InstanceMask(box, np.ascontiguousarray(pixels[top:bottom, left:right]))
