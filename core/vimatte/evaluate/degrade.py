"""Turn a true alpha into the coarse guidance mask a detector or a hasty rotoscoper would give.

How an instance's masks go wrong is drawn once per clip: the threshold, the order and radii of a
dilation and an erosion, how coarse the detector's grid is. Over the clip these drift slowly, and
the outline wobbles by noise that turns into fresh noise over `_TURN` frames. Both are much slower
than the five frames over which a method that never looks at the picture could take a mean.

That matters for the temporal figure (dtSSD). With errors drawn anew for each frame, the mean of
neighbouring masks cancels them and scores well, however wrong it is; with errors frozen to the
subject, the raw mask has no temporal error at all. Here a mean over time removes little of the
error, so a better dtSSD than the mask's has to come from the picture. Blur still softens the
jumps of a binary mask (a step of 1 becomes many small ones), which is why the figure is always
read beside MAD and beside that of a blurred five-frame mean, `vimatte.evaluate.baselines`.

This is not the degradation that training uses (`vimatte.training.mask_degradation`), on purpose:
a network must not be scored on the very errors it was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

SEQUENCES = ("erode", "dilate", "open", "close")
REFERENCE = 512.0  # pixels: the size of a subject to which the lengths below belong
_KERNEL = (1.0, 12.0)  # pixels at REFERENCE: radius of erosion and dilation
_WOBBLE = (0.5, 2.0)  # pixels at REFERENCE: standard deviation of the outline's noise
_CELL = (10.0, 28.0)  # pixels at REFERENCE: how far along the outline the noise hangs together
_DRIFT = 24.0  # frames over which the threshold and radii come to new values
_TURN = 9.0  # frames over which the wobble turns into fresh noise
_SPELL = 6  # frames a coarse spell lasts
_COARSE = 8
_KEPT = (0.65, 1.5)  # a mask beyond these shares of the subject's area is no guidance to it


@dataclass(frozen=True, slots=True)
class Degradation:
    """How one instance's masks go wrong in one clip; the same seed and extent give the same.

    Attributes
    ----------
    seed : int
    threshold : float
        Coverage above which a pixel is in the mask, 0.1 to 0.95, at the drift's middle.
    sequence : str
        One of `SEQUENCES`; open and close are two steps with different radii.
    radii : tuple of float
        Pixels, of the first and the second step, at the drift's middle.
    wobble, cell : float
        Pixels: standard deviation and size of the noise on the outline.
    always_coarse : bool
        Every frame is computed at 1/8 of the size, not only the frames of short spells.
    """

    seed: int
    threshold: float
    sequence: str
    radii: tuple[float, float]
    wobble: float
    cell: float
    always_coarse: bool


def draw(seed: int, extent: float, strength: float = 1.0) -> Degradation:
    """Draw the errors of one clip.

    Parameters
    ----------
    seed : int
        At least 0.
    extent : float
        Pixels: the subject's size, see `subject_extent`. Every length scales with it.
    strength : float
        Multiplies the radii and the wobble; 0 leaves a mere threshold of 0.5.
    """
    rng = np.random.default_rng([seed, 1])
    scale = strength * extent / REFERENCE
    sequence = str(rng.choice(SEQUENCES))
    first, second = rng.uniform(*_KERNEL, 2)
    return Degradation(
        seed=seed,
        threshold=0.5 + min(1.0, strength) * (float(rng.uniform(0.1, 0.95)) - 0.5),
        sequence=sequence,
        # A close and an open undo most of themselves, so that a difference remains.
        radii=(float(first * scale), float(second * scale * 0.7)),
        wobble=float(rng.uniform(*_WOBBLE) * scale),
        cell=float(max(3.0, rng.uniform(*_CELL) * extent / REFERENCE)),
        always_coarse=bool(rng.random() < 0.2 * strength),
    )


def degrade_frame(alpha: Plane, how: Degradation, frame: int) -> Mask:
    """Return one frame's mask; it depends on nothing but the arguments.

    Parameters
    ----------
    alpha : ndarray of float32, shape (H, W), in [0, 1]
    how : Degradation
    frame : int
        Counted from the clip's start, at least 0.

    Returns
    -------
    ndarray of bool, shape (H, W)
        Empty where the alpha never exceeds the threshold.
    """
    drift = [_walk(how.seed, channel, frame / _DRIFT) for channel in range(3)]
    cut = float(np.clip(how.threshold + 0.06 * drift[0] * (how.wobble > 0), 0.05, 0.97))
    mask = alpha > cut
    if not mask.any():
        return mask
    first = how.radii[0] * (1 + 0.2 * drift[1])
    second = how.radii[1] * (1 + 0.2 * drift[2])
    # Distances instead of kernels: a radius can drift by fractions of a pixel.
    signed = _signed_distance(mask)
    if how.sequence == "erode":
        signed = signed - first
    elif how.sequence == "dilate":
        signed = signed + first
    elif how.sequence == "open":
        signed = _signed_distance(signed > first) + second
    else:
        signed = _signed_distance(signed > -first) - second
    if how.wobble > 0:
        signed = signed + how.wobble * _noise(alpha.shape, how, frame)
    if how.always_coarse or _in_spell(how, frame):
        signed = _through_small(signed)
    result: Mask = signed > 0
    return result


def degrade_clip(alphas: Sequence[Plane], seed: int, strength: float = 1.0) -> list[Mask]:
    """Return the guidance masks of one instance over one clip.

    Parameters
    ----------
    alphas : sequence of ndarray of float32, shape (H, W), in [0, 1]
        The true alphas, frame by frame; frames without the subject are all zero.
    seed : int
        At least 0. Equal seeds and alphas give equal masks.
    strength : float
        0: a clean threshold; 1: as documented above.

    Returns
    -------
    list of ndarray of bool, shape (H, W)
    """
    if not alphas:
        return []
    extents = np.array([subject_extent(alpha) for alpha in alphas])
    if not extents.any():
        return [np.zeros(alpha.shape, bool) for alpha in alphas]
    extent = float(np.median(extents[extents > 0]))
    how = _bounded(draw(seed, extent, strength), alphas[int(np.abs(extents - extent).argmin())])
    return [degrade_frame(alpha, how, frame) for frame, alpha in enumerate(alphas)]


def degrade_still(alpha: Plane, seed: int, strength: float = 1.0) -> Mask:
    """Return the guidance mask of a single picture: a clip of one frame."""
    return degrade_clip([alpha], seed, strength)[0]


def salt_and_pepper(mask: Mask, rate: float, seed: int, frame: int) -> Mask:
    """Return a mask some of whose pixels, anywhere, are black or white by chance.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
    rate : float
        The share of pixels that are replaced, half of them by each: at 0.25 an eighth is wrong.
    seed, frame : int
        At least 0; equal ones give equal noise.
    """
    if rate <= 0:
        return mask.copy()
    chance = np.random.default_rng([seed, 5, frame]).random(mask.shape, np.float32)
    result: Mask = (mask | (chance < rate / 2)) & ~(chance > 1 - rate / 2)
    return result


def subject_extent(alpha: Plane) -> float:
    """Return the longer side in pixels of the box around alpha > 0.5; 0 without a subject."""
    rows = np.flatnonzero((alpha > 0.5).any(axis=1))
    columns = np.flatnonzero((alpha > 0.5).any(axis=0))
    if not rows.size:
        return 0.0
    return float(max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1)


def _bounded(how: Degradation, alpha: Plane) -> Degradation:
    """Shorten the radii until the mask is about as large as the subject: it may lose its twigs."""
    area = max(1, int(np.count_nonzero(alpha > 0.5)))
    for _ in range(12):
        share = np.count_nonzero(degrade_frame(alpha, how, 0)) / area
        if _KEPT[0] <= share <= _KEPT[1]:
            break
        first, second = how.radii
        # The threshold counts too where everything is thin.
        threshold = how.threshold + 0.3 * (0.5 - how.threshold)
        how = replace(how, radii=(0.75 * first, 0.75 * second), threshold=threshold)
    return how


def _signed_distance(mask: Mask) -> Plane:
    """Pixels to the outline, positive inside; beyond the plate's border the mask goes on."""
    solid = mask.astype(np.uint8)
    if not mask.any():
        return np.full(mask.shape, -1e3, np.float32)
    if mask.all():
        return np.full(mask.shape, 1e3, np.float32)
    inside = cv2.distanceTransform(solid, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 5)
    # The outline runs between two pixels' centres, half a pixel from each.
    result: Plane = np.where(mask, inside - 0.5, 0.5 - outside).astype(np.float32)
    return result


def _walk(seed: int, channel: int, time: float) -> float:
    """A smooth random function of time with values in [-1, 1]: keys eased into each other."""
    key = int(np.floor(time))
    left, right = (
        np.random.default_rng([seed, 2, channel, k]).uniform(-1, 1) for k in (key, key + 1)
    )
    ease = (1 - np.cos(np.pi * (time - key))) / 2
    return float(left + (right - left) * ease)


def _noise(shape: tuple[int, ...], how: Degradation, frame: int) -> Plane:
    """Smooth noise of variance 1 over the plane, turning into fresh noise over `_TURN` frames."""
    time = frame / _TURN
    key = int(np.floor(time))
    angle = np.pi / 2 * (time - key)
    left, right = (_noise_key(shape, how, k) for k in (key, key + 1))
    return np.float32(np.cos(angle)) * left + np.float32(np.sin(angle)) * right


def _noise_key(shape: tuple[int, ...], how: Degradation, key: int) -> Plane:
    grid = tuple(int(np.ceil(side / how.cell)) + 3 for side in shape)
    values = np.random.default_rng([how.seed, 3, key]).standard_normal(grid).astype(np.float32)
    rows, columns = (np.arange(side, dtype=np.float32) / how.cell + 1 for side in shape)
    x, y = np.meshgrid(columns, rows)
    # Cubic interpolation between white cells keeps about 0.7 of their standard deviation.
    smooth = cv2.remap(values, x, y, cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32) / np.float32(0.72)


def _in_spell(how: Degradation, frame: int) -> bool:
    if how.wobble <= 0:
        return False
    rng = np.random.default_rng([how.seed, 4, frame // _SPELL])
    return bool(rng.random() < 0.12)


def _through_small(signed: Plane) -> Plane:
    height, width = signed.shape
    size = (max(1, width // _COARSE), max(1, height // _COARSE))
    small = cv2.resize(np.clip(signed, -60, 60), size, interpolation=cv2.INTER_AREA)
    wide = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide, np.float32)
