"""Masks that lack a part, or hold a part of somebody else, for some frames.

What segmentation networks do beside drawing outlines badly: an arm is lost for half a second, a
neighbour's sleeve is taken. Each part is an ellipse that moves with its instance through a spell of
frames. Training uses blocks over whole clips instead (`vimatte.training.mask_augmentation`): a
network is not scored on the very errors it was shown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

SPELL = (3, 8)  # frames
SHARE = 0.5  # of the frames that lie in a spell
RADII = (0.12, 0.3)  # of the instance's box


def tear(masks: Sequence[Sequence[Mask]], seed: int) -> list[list[Mask]]:
    """Return the masks with parts lost and taken; the given ones stay as they are.

    Parameters
    ----------
    masks : sequence of sequence of ndarray of bool, shape (H, W)
        By instance and frame; all instances have the same number of frames.
    seed : int
        Equal seeds give equal errors.
    """
    out = [[mask.copy() for mask in instance] for instance in masks]
    for index, instance in enumerate(masks):
        rng = np.random.default_rng([seed, index])
        frame = int(rng.integers(0, SPELL[1]))
        while frame < len(instance):
            length = int(rng.integers(SPELL[0], SPELL[1] + 1))
            place, radii = rng.uniform(0.15, 0.85, 2), rng.uniform(*RADII, 2)
            others = [k for k in range(len(masks)) if k != index]
            taken = bool(others) and rng.random() < 0.4
            victim = int(rng.choice(others)) if taken else index
            for t in range(frame, min(frame + length, len(instance))):
                part = _ellipse(masks[victim][t], place, radii)
                out[victim][t] &= ~part
                if taken:
                    out[index][t] |= part & masks[victim][t]
            frame += length + int(rng.integers(1, round(2 * length * (1 - SHARE) / SHARE) + 1))
    return out


def _ellipse(mask: Mask, place: NDArray[np.float64], radii: NDArray[np.float64]) -> Mask:
    """Return an ellipse at a place of the mask's box; nothing where the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return np.zeros_like(mask)
    size = np.array([rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1], np.float64)
    centre = np.array([rows[0], columns[0]]) + place * size
    y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
    reach = np.maximum(radii * size, 1.0)
    inside: Mask = ((y - centre[0]) / reach[0]) ** 2 + ((x - centre[1]) / reach[1]) ** 2 <= 1
    return inside
