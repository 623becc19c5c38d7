"""What a matting network is measured against: the mask itself, a blur, closed-form matting."""

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
_MARGIN = 16  # pixels of plate kept around the band for closed-form matting


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
    alphas = mask_as_alpha(masks)
    result = []
    for frame in range(len(alphas)):
        window = alphas[max(0, frame - reach) : frame + reach + 1]
        mean: Plane = np.stack(window).mean(axis=0)
        if sigma > 0:
            mean = np.asarray(cv2.GaussianBlur(mean, (0, 0), sigma), np.float32)
        result.append(mean)
    return result


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


def closed_form(plate: Picture, mask: Mask, band: float) -> Plane:
    """Solve closed-form matting (Levin et al., PAMI 2008) by PyMatting within a band of the mask.

    Parameters
    ----------
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
    result[box] = _solve(plate[box], inner)
    return result


class ClosedFormCache:
    """Closed-form alphas kept in a folder, by the content they were made from; they are slow.

    Parameters
    ----------
    root : Path
        Holds one 16-bit PNG for each plate, mask and band.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def alpha(self, plate: Picture, mask: Mask, band: float) -> Plane:
        """Return what `closed_form` gives, to 16 bits; computed once."""
        # 8-bit plates come back from their files exactly: hash what the file holds.
        picture = np.round(plate * 255).astype(np.uint8)
        digest = hashlib.sha256(f"cf1 {band} {plate.shape}".encode())
        digest.update(picture.tobytes())
        digest.update(np.packbits(mask).tobytes())
        path = self.root / f"{digest.hexdigest()[:24]}.png"
        if path.exists():
            stored = read_png(path)
        else:
            stored = np.round(closed_form(plate, mask, band) * 65535).astype(np.uint16)
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


def _solve(plate: Picture, trimap: Plane) -> Plane:
    try:
        with warnings.catch_warnings():
            # Importing PyMatting compiles with numba, whose deprecations are not ours to fix.
            warnings.simplefilter("ignore")
            from pymatting import estimate_alpha_cf  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError(
            "closed-form matting needs PyMatting", hint="pip install pymatting"
        ) from error
    alpha = estimate_alpha_cf(plate.astype(np.float64), trimap.astype(np.float64))
    result: Plane = alpha.astype(np.float32)
    return result
