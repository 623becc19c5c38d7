"""Key a clip shot against pure green: where the benchmark's moving truth comes from.

A difference keyer after Vlahos: over green, a subject without green in it shows the share of
the background as its *excess of green*, G - max(R, B). The excess alone leaves hair that reflects
green half transparent and eats into skin, whose own excess is below zero, so the alpha is solved
per pixel against the colour of the subject nearby:

    alpha = <C - B, F - B> / |F - B|^2        (the plate C = alpha F + (1 - alpha) B)

References
----------
P. Vlahos, "Comprehensive electronic compositing system", US patent 4,100,569, 1978.
A. R. Smith and J. F. Blinn, "Blue screen matting", SIGGRAPH 1996.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Picture = NDArray[np.float32]

_CORE_REACH = 7  # pixels the certain inside keeps from the outline
_FLOOR, _CEILING = 0.05, 0.93  # compression noise below and above these is not coverage


def green_excess(picture: Picture) -> Plane:
    """Return G - max(R, B) of an sRGB picture, shape (H, W)."""
    result: Plane = picture[..., 1] - np.maximum(picture[..., 0], picture[..., 2])
    return result


def key_green(picture: Picture) -> tuple[Picture, Plane]:
    """Separate a subject from pure green behind it.

    Parameters
    ----------
    picture : ndarray of float32, shape (H, W, 3)
        sRGB-encoded RGB in [0, 1]; the top row shows the green.

    Returns
    -------
    foreground : ndarray of float32, shape (H, W, 3)
        The subject's own colour without green spill, *not* premultiplied, continued beyond the
        outline so that a resampled edge picks up no background.
    alpha : ndarray of float32, shape (H, W), in [0, 1]
        Exactly 1 inside and exactly 0 outside.
    """
    backdrop = np.median(picture[:4].reshape(-1, 3), axis=0)
    excess = green_excess(picture)
    share = excess / max(float(green_excess(backdrop[None, None])[0, 0]), 1e-3)
    inside = _largest(share < 0.35)
    depth = cv2.distanceTransform(np.pad(inside, 1, mode="edge"), cv2.DIST_L2, 5)[1:-1, 1:-1]
    core = depth > _CORE_REACH
    near = _continue_colour(despill(picture), core)
    subject = near - backdrop
    alpha = ((picture - backdrop) * subject).sum(-1) / np.maximum((subject**2).sum(-1), 1e-3)
    # Nothing with the backdrop's own excess is subject, however its brightness happens to fall.
    alpha = np.minimum(alpha, (1 - share) / (1 - _FLOOR) + 0.12)
    alpha = np.clip((alpha - _FLOOR) / (_CEILING - _FLOOR), 0, 1)
    alpha = np.where(core, 1, alpha)
    attached = cv2.dilate(inside.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    alpha = np.where(attached, alpha, 0).astype(np.float32)
    rim = np.clip(1 - depth / _CORE_REACH, 0, 1)[..., None]
    return _own_colour(picture, alpha, backdrop, near, rim), alpha


def despill(picture: Picture) -> Picture:
    """Hold green down to the mean of red and blue where it exceeds both."""
    red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
    limit = np.where(green > np.maximum(red, blue), (red + blue) / 2, green)
    result: Picture = np.stack([red, limit, blue], axis=-1).astype(np.float32)
    return result


def _own_colour(
    picture: Picture,
    alpha: Plane,
    backdrop: NDArray[np.floating],
    near: Picture,
    rim: NDArray[np.floating],
) -> Picture:
    """Take the backdrop out of each pixel; where little subject is left, use its neighbour."""
    cover = alpha[..., None]
    mixed = (picture - (1 - cover) * backdrop) / np.maximum(cover, 0.05)
    unmixed = despill(np.clip(mixed, 0, 1).astype(np.float32))
    # The film's colour channels have half its resolution: towards the outline (rim = 1) the hue
    # is the neighbour's, or it would turn to magenta; the brightness stays the pixel's own.
    shade = (unmixed - near).mean(-1, keepdims=True)
    blended = np.clip(unmixed + 0.8 * rim * (near + shade - unmixed), 0, 1)
    # Unmixing divides noise by the alpha: trust it only as far as the alpha goes.
    trust = np.clip((cover - 0.35) / 0.55, 0, 1)
    result: Picture = (trust * blended + (1 - trust) * near).astype(np.float32)
    return result


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the largest connected piece of a mask, its holes filled."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return np.zeros(mask.shape, np.uint8)
    piece = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~piece).astype(np.uint8))
    holes = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] < 60]
    result: NDArray[np.uint8] = (piece | np.isin(labels, holes)).astype(np.uint8)
    return result


def _continue_colour(picture: Picture, known: NDArray[np.bool_]) -> Picture:
    """Spread the known colours outwards: ever wider means, the finest that saw any colour wins."""
    height, width = known.shape
    settled = known.astype(np.float32)
    result: Picture = settled[..., None] * picture
    fine = np.dstack([result, settled])
    for sigma, shrink in ((3, 1), (6, 2), (12, 4), (24, 8), (60, 16), (200, 16)):
        size = (max(1, width // shrink), max(1, height // shrink))
        small = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / shrink)
        wide = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        weight = wide[..., 3]
        gain = np.clip(weight / 0.02, 0, 1) * (1 - settled)
        result += (gain / np.maximum(weight, 1e-6))[..., None] * wide[..., :3]
        settled += gain
    return result
