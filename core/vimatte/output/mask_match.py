"""How well a matte keeps to the mask that guided it: what it lost, and what it took elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.frames.window import Window

# A matte is empty where it holds less than this share of its mask's pixels ...
EMPTY_SHARE = 0.005
# ... and masks of fewer pixels than these, and a smaller share of the picture, may be lost: of
# discs that outline nothing in real footage the network drops a half up to this size.
SPECK_PIXELS, SPECK_SHARE = 512, 0.005
# So may masks that are thinner everywhere than twice this, in pixels and as a share of the
# picture's size: rims that are left of somebody who is hidden, slivers at the picture's border.
THIN_PIXELS, THIN_SHARE = 6, 0.01
# What lies further from the mask than this share of its size is far: usual masks are off by less.
FAR = 0.2
_LEAST_FAR = 6.0
# So many pixels of the long side are compared, evenly spread.
_SIDE = 256

Alpha = tuple[Window, NDArray[np.float32]]
Mask = tuple[Window, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class MaskMatch:
    """How one instance's matte keeps to its mask in one frame.

    Attributes
    ----------
    mask : int
        Pixels of the mask; 0 where there is none, and nothing to compare.
    matte : float
        Sum of the alpha, in pixels.
    outside : float
        Share of the matte that is far from the mask, in percent.
    uncovered : float
        Share of the mask that is far from any solid part of the matte, in percent.
    speck : bool
        Whether the mask is so small that its matte may be lost.
    """

    mask: int = 0
    matte: float = 0.0
    outside: float = 0.0
    uncovered: float = 0.0
    speck: bool = False

    @property
    def empty(self) -> bool:
        """Whether the mask has pixels and the matte as good as none."""
        return is_empty(self.mask, self.matte)


def is_empty(mask: float, matte: float) -> bool:
    """Return whether a matte, its alpha summed, is empty though its mask has so many pixels."""
    return mask > 0 and matte < max(0.5, EMPTY_SHARE * mask)


def is_speck(mask: float, area: float) -> bool:
    """Return whether a mask is so small, in a picture of `area` pixels, that it may be lost."""
    return mask < min(SPECK_PIXELS, SPECK_SHARE * area)


def must_show(mask: NDArray[np.bool_], area: int) -> bool:
    """Return whether a mask, in a picture of `area` pixels, cannot be without a matte."""
    if is_speck(int(np.count_nonzero(mask)), area):
        return False
    radius = int(min(THIN_PIXELS, THIN_SHARE * math.sqrt(area)))
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return bool(cv2.erode(np.pad(mask, 1).astype(np.uint8), ball, borderValue=0).any())


def match_mask(mask: Mask | None, alpha: Alpha | None, area: int) -> MaskMatch:
    """Compare a matte with its mask, both in display-window coordinates.

    Parameters
    ----------
    mask : (Window, ndarray of bool), optional
    alpha : (Window, ndarray of float32), optional
    area : int
        Pixels of the picture.
    """
    pixels = 0 if mask is None else int(np.count_nonzero(mask[1]))
    matte = 0.0 if alpha is None else float(alpha[1].sum())
    if mask is None or not pixels:
        return MaskMatch(0, matte)
    speck = is_speck(pixels, area)
    if alpha is None or is_empty(pixels, matte):
        return MaskMatch(pixels, matte, 0.0, 100.0, speck)
    window = mask[0].union(alpha[0])
    step = max(1, -(-max(window.width, window.height) // _SIDE))
    inside = _sampled(mask[1], mask[0], window, step)
    solid = _sampled(alpha[1], alpha[0], window, step)
    far = max(_LEAST_FAR, FAR * math.sqrt(pixels)) / step
    return MaskMatch(
        pixels,
        matte,
        _share_far(solid, inside > 0, far),
        _share_far(inside, solid > 0.5, far),
        speck,
    )


def _sampled(
    plane: NDArray[np.generic], at: Window, window: Window, step: int
) -> NDArray[np.float32]:
    """Return every `step`-th pixel of a window, of a plane that covers a part of it."""
    rows, columns = -(-window.height // step), -(-window.width // step)
    out = np.zeros((rows, columns), np.float32)
    top, left = -(-(at.y - window.y) // step), -(-(at.x - window.x) // step)
    y, x = top * step + window.y - at.y, left * step + window.x - at.x
    part = plane[y::step, x::step]
    out[top : top + part.shape[0], left : left + part.shape[1]] = part
    return out


def _share_far(weight: NDArray[np.float32], near: NDArray[np.bool_], far: float) -> float:
    """Return how much of a plane is further than `far` from what is true in another, percent."""
    total = float(weight.sum())
    if total <= 0:
        return 0.0
    if not near.any():
        return 100.0
    distance = cv2.distanceTransform((~near).astype(np.uint8), cv2.DIST_L2, 3)
    return 100 * float(weight[distance > far].sum()) / total
