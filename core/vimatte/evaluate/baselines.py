"""What a matting network is measured against: the mask, a blur, closed-form and KNN matting."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import MissingDependencyError
from vimatte.evaluate.degrade import REFERENCE, subject_extent
from vimatte.evaluate.picture_files import read_png, write_png

Plane = NDArray[np.float32]
Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

MEAN_REACH = 2  # frames to each side: five in all
_MARGIN = 16  # pixels of plate kept around the band for PyMatting
_LONGEST = 512  # pixels; more would take minutes a frame
_CACHE_KEYS = {"closed form": "cf1", "knn": "knn1"}
_SOLVERS = {"closed form": "estimate_alpha_cf", "knn": "estimate_alpha_knn"}


def mask_as_alpha(masks: Sequence[Mask]) -> list[Plane]:
    """Return the guidance masks as alphas of 0 and 1: what a user has without any matting."""
    return [mask.astype(np.float32) for mask in masks]


def blurred_mean(masks: Sequence[Mask], sigma: float, reach: int = MEAN_REACH) -> list[Plane]:
    """Return the mean of each mask and its neighbours in time, blurred: never looks at the picture.

    Parameters
    ----------
    masks : sequence of ndarray of bool, shape (H, W)
    sigma : float
        Pixels, of the Gaussian blur; 0 leaves it out.
    reach : int
        Frames to each side; at the clip's ends the mean is over the frames there are.

    Returns
    -------
    list of ndarray of float32, shape (H, W), in [0, 1]
    """
    count = len(masks)
    windows = (
        [masks[k] for k in range(max(0, t - reach), min(count, t + reach + 1))]
        for t in range(count)
    )
    return [blurred_window(window, sigma) for window in windows]


def blurred_window(masks: Sequence[Mask], sigma: float) -> Plane:
    """Return the mean of some masks, blurred; see `blurred_mean`."""
    mean: Plane = np.stack(mask_as_alpha(masks)).mean(axis=0)
    return mean if sigma <= 0 else np.asarray(cv2.GaussianBlur(mean, (0, 0), sigma), np.float32)


def trimap_from_mask(mask: Mask, band: float) -> Plane:
    """Return 1 for certain inside, 0 for certain outside, 0.5 within `band` pixels of the outline.

    Where shrinking would leave no certain inside, the deepest quarter of the mask stands in for it:
    without any, closed-form matting has no answer. The plate's border is not an outline.
    """
    if mask.all() or not mask.any():
        return mask.astype(np.float32)
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    depth = min(band, 0.75 * float(inside.max()))
    height = min(band, 0.75 * float(outside.max()))
    trimap = np.full(mask.shape, 0.5, np.float32)
    trimap[inside > depth] = 1
    trimap[outside > height] = 0
    return trimap


def solved(method: str, plate: Picture, mask: Mask, band: float) -> Plane:
    """Let PyMatting solve for the alpha within a band of the mask.

    What it works on, the band's box, is shrunk to at most 512 pixels.

    Parameters
    ----------
    method : {"closed form", "knn"}
        Closed-form matting (Levin et al., PAMI 2008) or KNN matting (Chen et al., PAMI 2013).
    plate : ndarray of float32, shape (H, W, 3)
        sRGB-encoded RGB in [0, 1].
    mask : ndarray of bool, shape (H, W)
    band : float
        Half width of the unknown band for a subject of 512 pixels; it scales with the subject.

    Returns
    -------
    ndarray of float32, shape (H, W), in [0, 1]
        The mask itself where it is empty or fills the plate.

    Raises
    ------
    MissingDependencyError
        PyMatting is not installed.
    """
    trimap = trimap_from_mask(mask, band_pixels(mask, band))
    unknown = trimap == 0.5
    if not unknown.any():
        return trimap
    box = _box(unknown, _MARGIN)
    inner = trimap[box]
    if not ((inner == 0).any() and (inner == 1).any()):
        box, inner = (slice(None), slice(None)), trimap
    result = trimap.copy()
    result[box] = _solve_small(method, plate[box], inner)
    return result


class SolvedCache:
    """PyMatting's alphas kept in a folder, by the content they were made from; they are slow.

    Parameters
    ----------
    root : Path
        Holds one 16-bit PNG for each plate, mask and band.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def alpha(self, method: str, plate: Picture, mask: Mask, band: float) -> Plane:
        """Return what `solved` gives, to 16 bits; computed once."""
        # 8-bit plates come back from their files exactly: hash what the file holds.
        picture = np.round(plate * 255).astype(np.uint8)
        digest = hashlib.sha256(f"{_CACHE_KEYS[method]} {band} {plate.shape}".encode())
        digest.update(picture.tobytes())
        digest.update(np.packbits(mask).tobytes())
        path = self.root / f"{digest.hexdigest()[:24]}.png"
        if path.exists():
            stored = read_png(path)
        else:
            stored = np.round(solved(method, plate, mask, band) * 65535).astype(np.uint16)
            write_png(path, stored)
        return (stored / 65535).astype(np.float32)


def band_pixels(mask: Mask, band: float) -> float:
    """Return the band's half width for this mask, at least 3 pixels."""
    return max(3.0, band * subject_extent(mask.astype(np.float32)) / REFERENCE)


def _box(mask: Mask, margin: int) -> tuple[slice, slice]:
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )


def _solve_small(method: str, plate: Picture, trimap: Plane) -> Plane:
    """Solve on a smaller picture where this one is too large, and enlarge what comes of it."""
    height, width = trimap.shape
    shrink = _LONGEST / max(height, width)
    if shrink >= 1:
        return _solve(method, plate, trimap)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = np.asarray(cv2.resize(plate, size, interpolation=cv2.INTER_AREA), np.float32)
    # A small pixel is certain only where all of its large ones are.
    mean = cv2.resize(trimap, size, interpolation=cv2.INTER_AREA)
    certain = np.where(mean > 1 - 1e-4, 1, np.where(mean < 1e-4, 0, 0.5)).astype(np.float32)
    if not ((certain == 0).any() and (certain == 1).any()):
        return trimap
    alpha = cv2.resize(
        _solve(method, small, certain), (width, height), interpolation=cv2.INTER_LINEAR
    )
    return np.where(trimap == 0.5, alpha, trimap).astype(np.float32)


def _solve(method: str, plate: Picture, trimap: Plane) -> Plane:
    try:
        with warnings.catch_warnings():
            # Importing PyMatting compiles with numba, whose deprecations are not ours to fix.
            warnings.simplefilter("ignore")
            import pymatting  # noqa: PLC0415

            solve = getattr(pymatting, _SOLVERS[method])
            alpha = solve(plate.astype(np.float64), trimap.astype(np.float64))
    except ImportError as error:
        raise MissingDependencyError(
            f"{method} matting needs PyMatting", hint="pip install pymatting"
        ) from error
    result: Plane = alpha.astype(np.float32)
    return result
