"""Make a coarse guidance mask from a true alpha, as detectors and hasty rotoscoping would.

The errors drift slowly over a clip: drawn anew for every frame, plain blur over time would be
the best answer, and the network would learn that.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.training.strands import Noise, draw_noise, spread

Plane = NDArray[np.float32]
# Distances to the outline are followed this far, in pixels.
FURTHEST = 40
# Radians by which a wobble turns over a clip.
SWING = np.pi * 1.5


@dataclass(frozen=True)
class Degradation:
    """How one instance's masks go wrong in one clip; made by `draw_degradation`.

    Attributes
    ----------
    threshold : float
        Alpha above which the mask is set, 0 to 1.
    grow : tuple of float
        Pixels the outline moves outwards (negative: inwards), at the clip's start and end.
    round_off : float
        Sigma in pixels of the blur that rounds corners off; 0 keeps them.
    wobble : float
        Amplitude in pixels of the outline's slow, uneven displacement.
    cell : float
        Size in pixels of one bump of that displacement.
    coarse : int
        The mask is computed at 1/coarse of the size, as detectors do.
    patches : int
        Blocks that are erased from the mask or added to it, held over the clip.
    seed : int
    """

    threshold: float
    grow: tuple[float, float]
    round_off: float
    wobble: float
    cell: float
    coarse: int
    patches: int
    seed: int

    def offset(self, time: float) -> float:
        """Return how far the outline has moved outwards, in pixels, at a time of 0 to 1."""
        return self.grow[0] + (self.grow[1] - self.grow[0]) * time


@dataclass(frozen=True)
class Errors:
    """What a degradation's seed holds for masks of one size.

    Attributes
    ----------
    swing : tuple of two Noise, optional
        The outline's displacement turns from the first to the second; None without wobble.
    patches : tuple of (window, bool)
        Blocks (rows, columns) that are cleared or set.
    """

    swing: tuple[Noise, Noise] | None
    patches: tuple[tuple[tuple[slice, slice], bool], ...]


def draw_guidance(
    extent: float, frames: int, rng: np.random.Generator
) -> tuple[Degradation, int | None]:
    """Draw the errors of one clip's masks, and the frame that loses its mask, if any does."""
    how = draw_degradation(extent, rng)
    lost = int(rng.integers(1, frames)) if frames > 2 and rng.random() < 0.05 else None
    return how, lost


def draw_errors(how: Degradation, height: int, width: int) -> Errors:
    """Draw what `how.seed` holds for masks of this size; equal calls give equal errors."""
    rng = np.random.default_rng(how.seed)
    swing = None
    if how.wobble > 0:
        first = draw_noise(height, width, how.cell, rng)
        swing = first, draw_noise(height, width, how.cell, rng)
    patches = []
    for _ in range(how.patches):
        size = rng.uniform(0.04, 0.16) * np.array([height, width])
        top, left = (rng.uniform(0, 1, 2) * [height, width] - size / 2).astype(int)
        rows = slice(max(0, top), max(0, top + int(size[0])))
        columns = slice(max(0, left), max(0, left + int(size[1])))
        patches.append(((rows, columns), bool(rng.random() < 0.3)))
    return Errors(swing, tuple(patches))


def draw_degradation(extent: float, rng: np.random.Generator) -> Degradation:
    """Draw the errors of one clip for a subject whose box is about `extent` pixels wide."""
    reach = float(np.clip(extent / 32, 1.5, 14))
    start = rng.normal(0, reach * 0.55)
    drift = rng.normal(0, reach * 0.25)
    return Degradation(
        threshold=float(rng.uniform(0.1, 0.9)),
        grow=(float(start), float(np.clip(start + drift, -reach * 1.5, reach * 1.5))),
        round_off=float(rng.choice([0.0, rng.uniform(0.5, reach * 0.8)])),
        wobble=float(rng.choice([0.0, rng.uniform(0.2, reach * 0.6)])),
        cell=float(rng.uniform(6, 40)),
        coarse=int(rng.choice([1, 1, 2, 4, 8])),
        patches=int(rng.choice([0, 1, 2], p=[0.85, 0.1, 0.05])),
        seed=int(rng.integers(1 << 31)),
    )


def degrade_mask(alpha: Plane, how: Degradation, time: float) -> NDArray[np.bool_]:
    """Return the guidance mask of one frame.

    Parameters
    ----------
    alpha : ndarray of float32, shape (H, W), in [0, 1]
    how : Degradation
    time : float
        Where in the clip the frame lies, 0 to 1; equal times give equal masks.

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    height, width = alpha.shape
    errors = draw_errors(how, height, width)
    inside = (alpha > how.threshold).astype(np.uint8)
    # The signed distance makes growing, wobbling and rounding off one cheap operation.
    reach = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    signed = np.asarray(np.clip(reach - beyond, -FURTHEST, FURTHEST), np.float32)
    if how.round_off > 0:
        signed = np.asarray(cv2.GaussianBlur(signed, (0, 0), how.round_off), np.float32)
    if errors.swing is not None:
        first, last = (spread(noise) for noise in errors.swing)
        angle = time * SWING
        swing = np.float32(np.cos(angle)) * first + np.float32(np.sin(angle)) * last
        signed = signed + np.float32(how.wobble) * np.asarray(swing, np.float32)
    if how.coarse > 1:
        small = cv2.resize(
            signed,
            (max(2, width // how.coarse), max(2, height // how.coarse)),
            interpolation=cv2.INTER_AREA,
        )
        signed = np.asarray(
            cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
        )
    mask = signed > -how.offset(time)
    for window, value in errors.patches:
        mask[window] = value
    result: NDArray[np.bool_] = mask
    return result
