"""Carry a matte along the plate's motion: what flickers from frame to frame is averaged out.

Masks of detectors lose limbs and take them back; a network repairs a part of that and passes the
rest on. The plate's own optical flow says where every pixel was in the frame before, so the alpha
there can be weighed against the new one. Where the plate itself did not follow the flow (something
was uncovered, a light went on) the new alpha stands alone; along edges, where a flow is rarely
exact, it stands nearly alone.

References
----------
[1] T. Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016 (DIS).
[2] M. Lang et al., "Practical temporal consistency for image-based graphics applications",
    ACM TOG 2012: filtering along the motion's path, weighed by how well it is followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.frames.window import Window

Plane = NDArray[np.float32]
Grey = NDArray[np.uint8]
Flow = NDArray[np.float32]

#: Share of the frame before where the motion is followed exactly.
DEFAULT_STEADINESS = 0.6
# Grey levels of 255 by which the plate may miss what the motion predicts, until it counts for 1/e.
TOLERANCE = 12.0
# Plate pixels of the window in which a difference is an area that came or went (its mean above
# `AREA`) or an edge (below `EDGE`), of which the flow is never quite sure: `EDGE_SHARE` for those.
AREA_SIDE, EDGE, AREA, EDGE_SHARE = 15, 0.1, 0.3, 0.3
# Half-size pixels: four of DIS's patches. It crashes on some pictures with a side below that.
LEAST_SIDE = 32


@dataclass(frozen=True, slots=True)
class Past:
    """What one instance's region was like in the frame before.

    Attributes
    ----------
    window : Window
        In plate pixels; its origin and size are even.
    alpha : ndarray of float16, shape (window.height, window.width), in [0, 1]
    grey : ndarray of uint8, shape (window.height / 2, window.width / 2)
        The plate, see `half_grey`.
    """

    window: Window
    alpha: NDArray[np.float16]
    grey: Grey


def half_grey(rgb: Plane) -> Grey:
    """Return a plate's brightness at half its size.

    Parameters
    ----------
    rgb : ndarray of float32, shape (H, W, 3), sRGB-encoded, in [0, 1]; H and W even

    Returns
    -------
    ndarray of uint8, shape (H / 2, W / 2)
    """
    size = rgb.shape[1] // 2, rgb.shape[0] // 2
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return np.asarray(np.round(np.clip(grey, 0, 1) * 255), np.uint8)


def steadied(window: Window, alpha: Plane, grey: Grey, past: Past, steadiness: float) -> Plane:
    """Weigh an alpha against the one of the frame before, moved along.

    Parameters
    ----------
    window : Window
        Of the region now. What lies outside of the region before is left as it is.
    alpha : ndarray of float32, shape (window.height, window.width), in [0, 1]
    grey : ndarray of uint8
        Of the region now, see `half_grey`.
    past : Past
    steadiness : float
        The frame before counts for at most this much, 0 to 1 (exclusive).

    Returns
    -------
    ndarray of float32, shape (window.height, window.width), in [0, 1]
    """
    shared = window.intersect(past.window)
    if steadiness <= 0 or min(shared.width, shared.height) < 2 * LEAST_SIDE:
        return alpha
    now, then = shared.slices_in(window), shared.slices_in(past.window)
    small_now, small_then = _half(shared, window), _half(shared, past.window)
    seen, before = grey[small_now], np.ascontiguousarray(past.grey[small_then])
    flow = _flow(np.ascontiguousarray(seen), before)
    miss = np.abs(look_up(before.astype(np.float32), flow) - seen)
    miss = cv2.blur(miss, (3, 3)) / np.float32(TOLERANCE)
    weight = np.float32(steadiness) * np.exp(-miss * miss)
    size = shared.width, shared.height
    weight = cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR)
    flow = cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR) * np.float32(2)
    carried = look_up(past.alpha[then].astype(np.float32), flow)
    out = alpha.copy()
    change = carried - out[now]
    area = cv2.blur(np.abs(change), (AREA_SIDE, AREA_SIDE))
    weight *= np.clip((area - EDGE) / (AREA - EDGE), EDGE_SHARE, 1)
    out[now] += weight * change
    return np.clip(out, 0, 1, out=out)


def look_up(plane: NDArray[np.floating[Any]], flow: Flow) -> Plane:
    """Return ``plane[y + flow_y, x + flow_x]``, bilinear; the border goes on outside.

    Parameters
    ----------
    plane : ndarray of float, shape (H, W)
    flow : ndarray of float32, shape (H, W, 2)
        x, y in pixels.
    """
    height, width = plane.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(
        np.asarray(plane, np.float32),
        x + flow[..., 0],
        y + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


def _flow(now: Grey, before: Grey) -> Flow:
    """Return where each pixel was in the frame before, relative to where it is now."""
    solver = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    # Patches learn from their neighbours in stripes, one a thread: bits must not depend on those.
    solver.setUseSpatialPropagation(False)
    start = np.zeros((*now.shape, 2), np.float32)
    return np.asarray(solver.calc(now, before, start), np.float32)


def _half(part: Window, of: Window) -> tuple[slice, slice]:
    """Return where a part of a region lies in its half-size picture; both are even."""
    rows, columns = part.slices_in(of)
    return slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
