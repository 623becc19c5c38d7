"""From mask logits of several people to one clean mask each, no pixel given twice."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.frames.types import InstanceMask
from vimatte.frames.window import Window
from vimatte.guidance.masks_io import mask_of
from vimatte.guidance.picture import Picture
from vimatte.guidance.pose_nets import Body

_PRIOR = 2.0


def priors(before: Mapping[int, NDArray[np.float32]]) -> dict[int, NDArray[np.float32]]:
    """Return what the frame before says about whose a grid cell is, as logits to be added.

    Parameters
    ----------
    before : mapping of int to ndarray of float32, shape of the grid
        Each person's last mask, moved to this frame, in [0, 1].

    Returns
    -------
    dict of int to ndarray of float32
        Positive where the cell was theirs, negative where it was only somebody else's.
    """
    out = {}
    for key, mine in before.items():
        others = [mask for other, mask in before.items() if other != key]
        theirs = np.maximum.reduce(others) if others else np.zeros_like(mine)
        out[key] = np.float32(_PRIOR) * (mine - theirs * (1 - mine))
    return out


def shared_out(logits: Mapping[int, NDArray[np.float32]]) -> dict[int, NDArray[np.bool_]]:
    """Give each cell to the person with the highest positive logit; ties go to the lower id."""
    best: NDArray[np.float32] | None = None
    owner: NDArray[np.int32] | None = None
    for key in sorted(logits):
        if best is None or owner is None:
            best = np.zeros_like(logits[key])
            owner = np.zeros(best.shape, np.int32)
        higher = logits[key] > best
        best = np.where(higher, logits[key], best)
        owner[higher] = key
    return {} if owner is None else {key: owner == key for key in logits}


def full_size(
    picture: Picture,
    bodies: Mapping[int, Body],
    prior: Mapping[int, NDArray[np.float32]],
    kept: Mapping[int, NDArray[np.bool_]],
) -> dict[int, InstanceMask]:
    """Return everybody's mask at the frame's own size.

    Parameters
    ----------
    picture : Picture
    bodies : mapping of int to Body
    prior : mapping of int to ndarray
        `priors`; people without one have none.
    kept : mapping of int to ndarray of bool
        Whose pixels are not to be taken, at full size over ``picture.window`` (backward pass).

    Returns
    -------
    dict of int to InstanceMask
        Somebody of whom nothing is left is not in it.
    """
    parts: dict[int, tuple[NDArray[np.float32], Window]] = {}
    for key in sorted(bodies):
        logits, window = picture.canvas_logits(bodies[key].logits, bodies[key].region)
        if window.empty:
            continue
        if key in prior:
            logits = logits + _enlarged(prior[key], picture, window)
        for taken in kept.values():
            rows, columns = window.slices_in(picture.window)
            logits = np.where(taken[rows, columns], np.float32(-8), logits)
        parts[key] = (logits, window)
    out: dict[int, InstanceMask] = {}
    for key, (logits, window) in parts.items():
        mine = logits > 0
        for other, (rival, there) in parts.items():
            shared = window.intersect(there)
            if other == key or shared.empty:
                continue
            ours, theirs = logits[shared.slices_in(window)], rival[shared.slices_in(there)]
            loses = theirs > ours if key < other else theirs >= ours
            mine[shared.slices_in(window)] &= ~(loses & (theirs > 0))
        mask = mask_of(clean(mine), window)
        if mask is not None:
            out[key] = mask
    return out


def _enlarged(prior: NDArray[np.float32], picture: Picture, window: Window) -> NDArray[np.float32]:
    """Return the part of a grid array that lies under `window`, at full size."""
    rows, columns = prior.shape
    x, y = picture.window.width / columns, picture.window.height / rows
    left, top = window.x - picture.window.x, window.y - picture.window.y
    matrix = np.array([[x, 0.0, (x - 1) / 2 - left], [0.0, y, (y - 1) / 2 - top]])
    return np.asarray(
        cv2.warpAffine(
            prior,
            matrix,
            (window.width, window.height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )


def clean(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep a mask's largest piece and those at least a thirtieth of it; fill pin holes.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)

    Returns
    -------
    ndarray of bool, shape (height, width)
        Holes under a two-hundredth of the largest piece are filled.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    if count <= 1:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = int(areas.max())
    keep = np.concatenate([[False], areas * 30 >= largest])
    out: NDArray[np.bool_] = keep[labels]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (~out).astype(np.uint8), connectivity=4
    )
    height, width = mask.shape
    x, y = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    inner = (x > 0) & (y > 0)
    inner &= (x + stats[:, cv2.CC_STAT_WIDTH] < width) & (y + stats[:, cv2.CC_STAT_HEIGHT] < height)
    fill = inner & (stats[:, cv2.CC_STAT_AREA] * 200 < largest)
    fill[0] = False
    filled: NDArray[np.bool_] = out | fill[labels]
    return filled
