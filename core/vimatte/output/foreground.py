"""The instances' own colour: what an edge pixel would be if only its instance were in it.

After Forte, "Approximate Fast Foreground Colour Estimation" (blur fusion), ICIP 2021, eq. 4-7:
colours of both sides are guessed by blurring what is known of them, then corrected so that they
compose to the plate. There it is one foreground and one background; here all instances and the
rest of the picture are estimated together, and the correction is the smallest one that explains
the pixel exactly::

    F_i = mean(a_i C_i) / mean(a_i)                       first with C_i = the plate, then C_i = F_i
    F_i + a_i (I - sum_k a_k F_k) / sum_k a_k^2
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

#: Sides of the two windows in pixels: the first must reach solid colour from within loose hair.
WIDE, NARROW = 181, 13
_SMALL = np.float32(1e-4)


def premultiplied_foregrounds(plate: Plane, alphas: Mapping[str, Plane]) -> dict[str, Plane]:
    """Estimate the premultiplied colour of every instance.

    Parameters
    ----------
    plate : ndarray of float32, shape (H, W, 3)
        Scene-linear, finite, any values.
    alphas : mapping of str to ndarray of float32, shape (H, W), in [0, 1]
        By instance; at every pixel they sum to at most 1.

    Returns
    -------
    dict of str to ndarray of float32, shape (H, W, 3)
        Exactly 0 where the alpha is 0, exactly the plate where it is 1. Never negative, unless the
        plate is there.
    """
    made = {name: np.zeros(plate.shape, np.float32) for name in alphas}
    box = _soft_box(list(alphas.values()))
    if box is not None:
        inside = {name: np.ascontiguousarray(alpha[box]) for name, alpha in alphas.items()}
        shares = [*inside.values()]
        shares.append(np.maximum(1 - np.sum(shares, axis=0), np.float32(0)))
        light = np.ascontiguousarray(plate[box])
        colours = _fused([light] * len(shares), shares, light, WIDE)
        colours = _fused(colours, shares, light, NARROW)
        floor = np.minimum(light, np.float32(0))
        for name, colour in zip(inside, colours, strict=False):
            made[name][box] = np.maximum(colour, floor) * inside[name][..., None]
    for name, alpha in alphas.items():
        solid = alpha >= 1
        made[name][solid] = plate[solid]
    return made


def _fused(colours: list[Plane], shares: list[Plane], light: Plane, side: int) -> list[Plane]:
    """Return every layer's colour after one blur and one correction."""
    explained = np.zeros_like(light)
    power = np.zeros(light.shape[:2], np.float32)
    means: list[Plane] = []
    for colour, share in zip(colours, shares, strict=True):
        mass = _mean(share, side)
        mean = _mean(colour * share[..., None], side)
        mean /= np.maximum(mass, _SMALL)[..., None]
        means.append(mean)
        explained += mean * share[..., None]
        power += share * share
    light = light - explained
    light /= np.maximum(power, _SMALL)[..., None]
    for mean, share in zip(means, shares, strict=True):
        mean += light * share[..., None]  # noqa: PLW2901 - in place
    return means


def _mean(plane: Plane, side: int) -> Plane:
    # Beyond the picture nothing is known: reflecting it would invent a second edge.
    return np.asarray(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE), np.float32)


def _soft_box(alphas: list[Plane]) -> tuple[slice, slice] | None:
    """Return the part of the picture that soft pixels and their windows need; None without any."""
    if not alphas:
        return None
    soft = np.zeros(alphas[0].shape, bool)
    for alpha in alphas:
        soft |= (alpha > 0) & (alpha < 1)
    rows, columns = np.flatnonzero(soft.any(axis=1)), np.flatnonzero(soft.any(axis=0))
    if len(rows) == 0:
        return None
    reach = (WIDE + NARROW) // 2
    return (
        slice(max(0, int(rows[0]) - reach), int(rows[-1]) + reach + 1),
        slice(max(0, int(columns[0]) - reach), int(columns[-1]) + reach + 1),
    )
