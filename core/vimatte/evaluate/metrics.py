"""The error measures of the matting literature, in the scales the papers print.

Every function takes alphas in [0, 1] as float arrays: a plane (H, W) or a clip (T, H, W). Lower is
better; the smallest value is 0. The factors are those of the evaluation scripts of Robust Video
Matting (``evaluate_hr.py``), which MatAnyone kept: MAD and MSE times 1e3, dtSSD times 1e2, SAD,
Grad and Conn divided by 1e3. Two conventions differ between papers, so they are said here: alphas
are never stretched to [0, 1] before Grad, and dtSSD is averaged over the T - 1 pairs of frames (RVM
counts the first frame as a pair without error, which shrinks the figure by (T - 1) / T).

References
----------
[1] C. Rhemann et al., "A perceptually motivated online benchmark for image matting", CVPR 2009
    (SAD, MSE, Grad, Conn).
[2] M. Erofeev et al., "Perceptually motivated benchmark for video matting", BMVC 2015 (dtSSD).
[3] S. Lin et al., "Robust high-resolution video matting with temporal guidance", WACV 2022 (MAD
    and the factors).
[4] C. Huynh et al., "MaGGIe: masked guided gradual human instance matting", CVPR 2024 (the unknown
    band from the true alpha).
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Alpha = NDArray[np.floating[Any]]

BAND_REACH = 12  # pixels; MaGGIe's ellipse of 25
_GRAD_SIGMA = 1.4
_CONN_STEP = 0.1
_CONN_TOLERANCE = 0.15


def mad(predicted: Alpha, true: Alpha, region: NDArray[np.bool_] | None = None) -> float:
    """Mean absolute difference, ``1e3 * mean(|p - g|)`` [3].

    Parameters
    ----------
    predicted, true : ndarray of float, shape (H, W) or (T, H, W), in [0, 1]
    region : ndarray of bool, same shape, optional
        Only these pixels count. For a clip all frames' pixels are pooled, so that a frame with a
        longer outline weighs more.

    Returns
    -------
    float
        NaN where there is no pixel to count: an empty plate or region has no error, good or bad.

    Raises
    ------
    ValueError
        The shapes differ.
    """
    difference = np.abs(_difference(predicted, true))
    return 1e3 * _mean(difference if region is None else difference[_same_shape(region, true)])


def mse(predicted: Alpha, true: Alpha, region: NDArray[np.bool_] | None = None) -> float:
    """Mean squared error, ``1e3 * mean((p - g)^2)`` [1], in the scale of [3].

    Parameters, returns and raises are those of `mad`.
    """
    squared = _difference(predicted, true) ** 2
    return 1e3 * _mean(squared if region is None else squared[_same_shape(region, true)])


def sad(predicted: Alpha, true: Alpha) -> float:
    """Sum of absolute differences, ``sum(|p - g|) / 1e3`` [1]; of a clip: mean over its frames.

    It grows with the plate's size. NaN for a clip without frames; ValueError for unequal shapes.
    """
    return _per_frame(lambda p, g: float(np.abs(p - g).sum()) / 1e3, predicted, true)


def grad(predicted: Alpha, true: Alpha, *, convention: str = "paper") -> float:
    """Gradient error, ``sum((|grad p| - |grad g|)^2) / 1e3`` [1]; of a clip: mean over its frames.

    The gradient is the response to first derivatives of a Gaussian with sigma 1.4, in a window of
    9 x 9 whose squared weights sum to 1; the border pixel is repeated outside the plate. With
    ``convention="maggie"`` zeros lie outside, and both alphas are stretched to [0, 1] first, as its
    code does: a matte that is half transparent everywhere costs nothing there.
    NaN for a clip without frames; ValueError for unequal shapes.
    """
    released = convention == "maggie"

    def plane(p: Alpha, g: Alpha) -> float:
        return float(grad_map(p, g, released=released).sum()) / 1e3

    return _per_frame(plane, predicted, true)


def grad_map(predicted: Alpha, true: Alpha, *, released: bool = False) -> Alpha:
    """Return each pixel's part of `grad`, before the factor; shape (H, W)."""
    if released:
        predicted, true = _stretched(predicted), _stretched(true)
    mode = "constant" if released else "nearest"
    result: Alpha = (_gradient(predicted, mode) - _gradient(true, mode)) ** 2
    return result


def conn(predicted: Alpha, true: Alpha) -> float:
    """Connectivity error, ``sum(|phi(g) - phi(p)|) / 1e3`` [1]; of a clip: mean over its frames.

    Omega_t is the largest 4-connected piece of {p >= t and g >= t} for t = 0.1, 0.2, ... 1, and l
    of a pixel the last threshold before it first left Omega (1 if it never did). With d = a - l,
    ``phi(a) = 1 - d * [d >= 0.15]``: coverage that is not attached to the subject costs more than
    a wrong value on it. NaN for a clip without frames; ValueError for unequal shapes.
    """
    return _per_frame(lambda p, g: float(conn_map(p, g).sum()) / 1e3, predicted, true)


def dtssd(predicted: Alpha, true: Alpha, region: NDArray[np.bool_] | None = None) -> float:
    """Error of the change over time [2], in the scale of [3].

    ::

        dtSSD = 1e2 * mean over t of sqrt(mean over pixels of ((p_t - p_t-1) - (g_t - g_t-1))^2)

    A matte that is wrong in the same way in every frame scores 0; flicker and swimming score. So
    does a matte that fails to follow the subject.

    Parameters
    ----------
    predicted, true : ndarray of float, shape (T, H, W), in [0, 1]
    region : ndarray of bool, shape (T, H, W), optional
        A pair counts the pixels that lie in the region of either frame; pairs without any are
        left out.

    Returns
    -------
    float
        NaN for fewer than two frames: one frame has no change to be wrong about.

    Raises
    ------
    ValueError
        The shapes differ, or are not (T, H, W).
    """
    pairs = [
        (
            predicted[t] - predicted[t - 1],
            true[t] - true[t - 1],
            None if region is None else region[t] | region[t - 1],
        )
        for t in range(1, len(_clip(predicted, true)))
    ]
    scores = [pair_dtssd(p, g, where) for p, g, where in pairs]
    return _mean(np.array([s for s in scores if not math.isnan(s)]))


def pair_dtssd(
    predicted_change: Alpha, true_change: Alpha, region: NDArray[np.bool_] | None = None
) -> float:
    """The dtSSD of one pair of frames, from their two differences of shape (H, W)."""
    squared = _difference(predicted_change, true_change) ** 2
    if region is not None:
        squared = squared[_same_shape(region, true_change)]
    return 1e2 * math.sqrt(_mean(squared))


def unknown_band(true: Alpha, reach: int = BAND_REACH) -> NDArray[np.bool_]:
    """Return the pixels around the true outline where a matte has something to decide.

    As in [4]: the true coverage (alpha > 0) grown by `reach` pixels, less its solid part
    (alpha = 1) shrunk by as much; both by a disc. The plate's border is not an outline.

    Parameters
    ----------
    true : ndarray of float, shape (H, W) or (T, H, W), in [0, 1]
    reach : int
        Pixels.

    Returns
    -------
    ndarray of bool, same shape
        All False for a frame without the subject, or one that it fills.
    """
    if true.ndim == 3:
        bands = [unknown_band(plane, reach) for plane in true]
        return np.stack(bands) if bands else np.zeros(true.shape, bool)
    touched, solid = true > 0.5 / 255, true > 1 - 0.5 / 255
    if not touched.any() or solid.all():
        return np.zeros(true.shape, bool)
    # A plane without a gap has no distance to one: then nothing of it is deep inside.
    near = _distance_to(touched) <= reach
    deep = _distance_to(~solid) > reach
    result: NDArray[np.bool_] = near & ~deep
    return result


def _distance_to(mask: NDArray[np.bool_]) -> NDArray[Any]:
    far = (~mask).astype(np.uint8)
    return cv2.distanceTransform(far, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _difference(predicted: Alpha, true: Alpha) -> Alpha:
    _same_shape(predicted, true)
    return np.asarray(predicted, np.float64) - np.asarray(true, np.float64)


def _same_shape(array: Any, like: Alpha) -> Any:
    if np.shape(array) != np.shape(like):
        raise ValueError(f"shapes differ: {np.shape(array)} and {np.shape(like)}")
    return array


def _clip(predicted: Alpha, true: Alpha) -> Alpha:
    _same_shape(predicted, true)
    if np.ndim(true) != 3:
        raise ValueError(f"a clip has three dimensions, not {np.ndim(true)}")
    return true


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else math.nan


def _per_frame(measure: Any, predicted: Alpha, true: Alpha) -> float:
    _same_shape(predicted, true)
    if true.ndim == 2:
        return float(measure(np.asarray(predicted, np.float64), np.asarray(true, np.float64)))
    return _mean(
        np.array([_per_frame(measure, p, g) for p, g in zip(predicted, true, strict=True)])
    )


def _stretched(plane: Alpha) -> Alpha:
    low, high = float(plane.min(initial=1)), float(plane.max(initial=0))
    return (plane - low) / (high - low + 1e-6)


def _gradient(plane: Alpha, mode: str = "nearest") -> Alpha:
    reach = math.ceil(
        _GRAD_SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * _GRAD_SIGMA * 1e-2))
    )
    x = np.arange(-reach, reach + 1, dtype=np.float64)
    smooth = np.exp(-(x**2) / (2 * _GRAD_SIGMA**2)) / (_GRAD_SIGMA * math.sqrt(2 * math.pi))
    slope = -x * smooth / _GRAD_SIGMA**2
    norm = math.sqrt(float((np.outer(smooth, slope) ** 2).sum()))

    def response(across: int, along: int) -> Alpha:
        blurred = ndimage.correlate1d(plane, smooth, axis=across, mode=mode)
        result: Alpha = ndimage.correlate1d(blurred, slope / norm, axis=along, mode=mode)
        return result

    result: Alpha = np.hypot(response(0, 1), response(1, 0))
    return result


def conn_map(predicted: Alpha, true: Alpha) -> Alpha:
    """Return each pixel's part of `conn`, before the factor; shape (H, W)."""
    if not true.size:
        return np.zeros(true.shape)
    level = np.full(true.shape, -1.0)
    both = np.minimum(predicted, true)
    for step in range(1, 11):
        # The tolerance keeps 0.3 >= 3 * 0.1 true, which binary fractions would deny.
        attached = _largest_piece(both >= step * _CONN_STEP - 1e-6)
        level[(level < 0) & ~attached] = (step - 1) * _CONN_STEP
    level[level < 0] = 1

    def phi(alpha: Alpha) -> Alpha:
        loose = alpha - level
        result: Alpha = 1 - loose * (loose >= _CONN_TOLERANCE)
        return result

    return np.asarray(np.abs(phi(true) - phi(predicted)), np.float64)


def _largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    result: NDArray[np.bool_] = labels == int(sizes.argmax())
    return result
