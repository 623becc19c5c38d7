"""The guided filter: a mask smoothed along the edges of the picture, without a trimap.

References
----------
K. He, J. Sun and X. Tang, "Guided image filtering", ECCV 2010.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.evaluate.degrade import REFERENCE, subject_extent

Plane = NDArray[np.float32]
Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]


def guided_mask(plate: Picture, mask: Mask, radius: float, epsilon: float) -> Plane:
    """Return the mask filtered by its picture.

    Parameters
    ----------
    plate : ndarray of float32, shape (H, W, 3), sRGB-encoded, in [0, 1]
    mask : ndarray of bool, shape (H, W)
    radius : float
        Of the window for a subject of 512 pixels; it scales with the subject, at least 2 pixels.
    epsilon : float
        How much variance of the picture counts as flat.

    Returns
    -------
    ndarray of float32, shape (H, W), in [0, 1]
    """
    alpha = mask.astype(np.float32)
    if not mask.any():
        return alpha
    reach = max(2, round(radius * subject_extent(alpha) / REFERENCE))
    return np.clip(guided_filter(plate, alpha, reach, epsilon), 0, 1)


def guided_filter(guide: Picture, plane: Plane, radius: int, epsilon: float) -> Plane:
    """Return the plane as a locally linear function of a colour picture, box filters throughout.

    Parameters
    ----------
    guide : ndarray of float32, shape (H, W, 3)
    plane : ndarray of float32, shape (H, W)
    radius : int
        Pixels to each side; the windows are cut at the border.
    epsilon : float
    """
    guide, plane = guide.astype(np.float64), plane.astype(np.float64)
    count = _sums(np.ones(plane.shape), radius)

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        area = count if values.ndim == 2 else count[..., None]
        return np.asarray(_sums(values, radius) / area, np.float64)

    middle, level = mean(guide), mean(plane)
    covariance = np.empty((*plane.shape, 3, 3))
    for i in range(3):
        for j in range(i, 3):
            value = mean(guide[..., i] * guide[..., j]) - middle[..., i] * middle[..., j]
            covariance[..., i, j] = covariance[..., j, i] = value
    covariance += epsilon * np.eye(3)
    with_plane = mean(guide * plane[..., None]) - middle * level[..., None]
    slope = np.linalg.solve(covariance, with_plane[..., None])[..., 0]
    offset = level - (slope * middle).sum(axis=-1)
    result = (mean(slope) * guide).sum(axis=-1) + mean(offset)
    return np.asarray(result, np.float32)


def _sums(values: NDArray[Any], radius: int) -> NDArray[np.float64]:
    size = (2 * radius + 1,) * 2
    summed = cv2.boxFilter(values, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(summed, np.float64)
