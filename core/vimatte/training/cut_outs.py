"""Real people as training foregrounds: accepted only where their cut-out is clean.

A composite's truth is exact whatever the cut-out was; but a cut-out that holds pieces of its old
background, or lacks an arm, teaches a network what people do not look like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.output.foreground import premultiplied_foregrounds
from vimatte.training.material import extend_colour

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

SMALLEST = 96  # pixels of height: below it there is no edge to learn from
MOST_SOFT = 0.30
LEAST_OVERLAP = 0.93
LEAST_WHOLE = 0.985
MOST_TOUCHED = 0.04
SHORTEST = 4  # frames


@dataclass(frozen=True)
class Verdict:
    """Why a cut-out is clean or not.

    Attributes
    ----------
    height : int
        Of the mask, in pixels.
    soft : float
        Share of the unknown band that is neither foreground nor background.
    overlap : float
        Intersection over union of the solid matte and the mask.
    whole : float
        Share of the matte's area in its largest piece.
    touched : float
        Share of the outline that lies on another person.
    """

    height: int
    soft: float
    overlap: float
    whole: float
    touched: float

    @property
    def clean(self) -> bool:
        """Whether training may use it."""
        return (
            self.height >= SMALLEST
            and self.soft <= MOST_SOFT
            and self.overlap >= LEAST_OVERLAP
            and self.whole >= LEAST_WHOLE
            and self.touched <= MOST_TOUCHED
        )


def judge(alpha: Plane, mask: Mask, others: Mask, band: float) -> Verdict:
    """Judge a cut-out.

    Parameters
    ----------
    alpha : ndarray of float32, shape (H, W), in [0, 1]
        What closed-form matting made of the mask.
    mask, others : ndarray of bool, shape (H, W)
        The person's, and the union of everybody else's.
    band : float
        Half width of the unknown band, in pixels.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) == 0:
        return Verdict(0, 1.0, 0.0, 0.0, 1.0)
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    near = np.where(mask, inside, outside) <= band
    outline = near & ~mask
    soft = (alpha > 0.1) & (alpha < 0.9)
    solid = alpha > 0.5
    union = int((solid | mask).sum())
    _, _, stats, _ = cv2.connectedComponentsWithStats((alpha > 0.1).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    return Verdict(
        int(rows[-1] - rows[0] + 1),
        float((soft & near).sum() / max(1, int(near.sum()))),
        float((solid & mask).sum() / max(1, union)),
        float(areas.max() / areas.sum()) if len(areas) else 0.0,
        float((outline & others).sum() / max(1, int(outline.sum()))),
    )


def runs(clean: Sequence[bool]) -> list[range]:
    """Return the stretches of clean frames that are long enough for a clip."""
    found, start = [], 0
    for at, good in enumerate([*clean, False]):
        if not good:
            if at - start >= SHORTEST:
                found.append(range(start, at))
            start = at + 1
    return found


def cut_out(plate: Plane, alpha: Plane) -> NDArray[np.uint8]:
    """Return straight colour without the old background, and alpha, as clips of material have them.

    Parameters
    ----------
    plate : ndarray of float32, shape (H, W, 3), in [0, 1]
        sRGB-encoded.
    alpha : ndarray of float32, shape (H, W), in [0, 1]

    Returns
    -------
    ndarray of uint8, shape (H, W, 4)
    """
    light = np.asarray(plate ** np.float32(2.2), np.float32)
    premultiplied = premultiplied_foregrounds(light, {"person": alpha})["person"]
    straight = premultiplied / np.maximum(alpha, np.float32(1e-3))[..., None]
    colour = np.clip(straight, 0, 1) ** (1 / 2.2)
    rgba = np.concatenate([colour, alpha[..., None]], axis=2)
    made = np.round(rgba * 255).astype(np.uint8)
    # Where there is hardly any of the person, the estimate is noise: pull colour from nearby.
    filled = extend_colour(made, solid=128)
    faint = made[..., 3] < 32
    made[faint] = filled[faint]
    return made
