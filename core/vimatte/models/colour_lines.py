"""Let a matte's edges follow the plate: alpha as a linear function of colour in small windows.

Where a matte is soft, foreground and background are each nearly one colour within a few pixels (or
lie on a line of colours), so alpha there is a linear function of the plate's colour: Levin,
Lischinski, Weiss, "A Closed-Form Solution to Natural Image Matting", PAMI 2008, eq. 2. Fitting it
to a given alpha in every window and averaging what the windows say of a pixel is the guided filter
(He, Sun, Tang, PAMI 2013, eq. 5, 6 and 8). Here the fit is weighted: pixels that the network calls
foreground or background say which colours these have; soft ones count for little. Two fits follow
each other: one in wide windows at half the size, its coefficients enlarged (He, Sun, "Fast Guided
Filter", 2015), then one in narrow windows. There is nothing to learn in here, but the network is
trained through it, as in Wu, Zheng, Zhang, Huang, "Fast End-to-End Trainable Guided Filter",
CVPR 2018.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import torch
import torch.nn.functional as F
from torch import Tensor

# From a window's middle to its side: in half-size pixels, and in pixels.
WIDE_RADIUS, NARROW_RADIUS = 5, 2
#: What a pixel sees beyond itself in the wide fit, in pixels: a window around every pixel of its
#: own window, one more for the enlargement, and the rest to the next multiple of 4.
WIDE_HALO = 24
#: The same in the narrow fit.
NARROW_HALO = 2 * NARROW_RADIUS
# Variance of the colours (of the range 0 to 1, squared) below which a window counts as flat.
WIDE_EPSILON, NARROW_EPSILON = 3e-5, 1e-4
# A pixel of alpha one half weighs 1, a solid or empty one 1 + 1 / SOFTNESS.
SOFTNESS = 0.05
# Alpha is soft if it is farther than this from 0 and from 1, and only there is it changed: spread
# by a pixel to each side, a faint rim of the fit was what most of its errors came from.
SOFT_FROM = 1.0 / 255.0
_PAIRS = tuple(combinations_with_replacement(range(3), 2))


def fit_wide(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Refit the soft parts of a matte to the plate in windows of 22 x 22 pixels.

    Parameters
    ----------
    rgb : Tensor, shape (N, 3, H + 48, W + 48)
        The plate with a halo of `WIDE_HALO` pixels on each side, in [0, 1]; H and W even.
    alpha : Tensor, shape (N, 1, H + 48, W + 48), in [0, 1]
        With the same halo.

    Returns
    -------
    Tensor, shape (N, 1, H, W), in [0, 1]
        As it was wherever it is not soft (see `softness`): what is empty stays empty.
    """
    rgb, alpha = rgb.float(), alpha.float()
    colour, weight = _around_grey(rgb), _certainty(alpha)
    half = (_halved(colour), _halved(alpha), _halved(weight))
    lines = _lines(*half, radius=WIDE_RADIUS, epsilon=WIDE_EPSILON)
    lines = _middle(lines, WIDE_HALO // 2 - 2 * WIDE_RADIUS - 1)
    lines = F.interpolate(lines, scale_factor=2, mode="bilinear", align_corners=False)
    return _applied(_middle(lines, 2), colour, alpha, WIDE_HALO)


def fit_narrow(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Refit the soft parts of a matte to the plate in windows of 5 x 5 pixels.

    Parameters
    ----------
    rgb, alpha : Tensor, shapes (N, 3, H + 8, W + 8) and (N, 1, H + 8, W + 8), in [0, 1]
        With a halo of `NARROW_HALO` pixels on each side.

    Returns
    -------
    Tensor, shape (N, 1, H, W), in [0, 1]
        See `fit_wide`.
    """
    rgb, alpha = rgb.float(), alpha.float()
    colour = _around_grey(rgb)
    lines = _lines(colour, alpha, _certainty(alpha), radius=NARROW_RADIUS, epsilon=NARROW_EPSILON)
    return _applied(lines, colour, alpha, NARROW_HALO)


def follow_colour_lines(rgb: Tensor, alpha: Tensor, where: Tensor) -> Tensor:
    """Run both fits over whole pictures.

    Parameters
    ----------
    rgb : Tensor, shape (N, 3, H, W), in [0, 1]
    alpha : Tensor, shape (N, 1, H, W), in [0, 1]
    where : Tensor, shape (N, 1, H, W), in [0, 1]
        How far a pixel may be changed; where it is 0 nothing is.
    """
    for fit, halo in ((fit_wide, WIDE_HALO), (fit_narrow, NARROW_HALO)):
        around = (F.pad(x, (halo,) * 4, mode="reflect") for x in (rgb, alpha))
        alpha = torch.lerp(alpha.float(), fit(*around), where.float())
    return alpha


def softness(alpha: Tensor) -> Tensor:
    """Return how far a fit may change an alpha, in [0, 1]; of the same shape.

    0 up to 1/255 from empty and from solid, 1 from 2/255 on, and linear in between: with a
    threshold, a difference in an alpha's last bits would decide whether it is changed at all
    (`docs/decisions/0009-threads-and-bits.md`).
    """
    # Without a gradient, or the network would learn to look certain.
    known = alpha.detach()
    return (torch.minimum(known, 1 - known) / SOFT_FROM - 1).clamp(0, 1)


def box_sum(x: Tensor, side: int) -> Tensor:
    """Return the sums over all windows of `side` x `side` that lie inside of `x`.

    By doubling, without running sums: those would differ from tile to tile in their last bits.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    side : int

    Returns
    -------
    Tensor, shape (N, C, H - side + 1, W - side + 1)
    """
    for axis in (2, 3):
        length = x.shape[axis] - side + 1
        # `run` holds sums of `span` neighbours; spans of the powers of two in `side` add up to it.
        run, span, start = x, 1, 0
        total: Tensor | None = None
        while span <= side:
            if side & span:
                part = run.narrow(axis, start, length)
                total = part if total is None else total + part
                start += span
            if 2 * span <= side:
                count = run.shape[axis] - span
                run = run.narrow(axis, 0, count) + run.narrow(axis, span, count)
            span *= 2
        assert total is not None
        x = total
    return x


def _around_grey(rgb: Tensor) -> Tensor:
    # Variances in 32-bit floats lose digits far from zero.
    return rgb - 0.5


def _certainty(alpha: Tensor) -> Tensor:
    """Return how much a pixel's alpha is worth in the fit."""
    # Without a gradient, or the network would learn to look certain.
    known = alpha.detach()
    return 1 / (4 * known * (1 - known) + SOFTNESS)


def _lines(colour: Tensor, alpha: Tensor, weight: Tensor, *, radius: int, epsilon: float) -> Tensor:
    """Return slope and offset of alpha over colour, (N, 4, H - 4 * radius, W - 4 * radius)."""
    side = 2 * radius + 1
    seen, weighed = weight * colour, weight * alpha
    products = [seen[:, i : i + 1] * colour[:, j : j + 1] for i, j in _PAIRS]
    terms = [weight, seen, weighed, weighed * colour, *products]
    sums = box_sum(torch.cat(terms, dim=1), side)
    means = sums[:, 1:] / sums[:, :1]
    middle, level = means[:, :3], means[:, 3:4]
    slope = _solve(
        [
            means[:, 7 + k] - middle[:, i] * middle[:, j] + (epsilon if i == j else 0)
            for k, (i, j) in enumerate(_PAIRS)
        ],
        [means[:, 4 + i] - middle[:, i] * level[:, 0] for i in range(3)],
    )
    offset = level - (slope * middle).sum(dim=1, keepdim=True)
    return box_sum(torch.cat([slope, offset], dim=1), side) / side**2


def _applied(lines: Tensor, colour: Tensor, alpha: Tensor, halo: int) -> Tensor:
    """Return what the lines say of soft pixels, and the others as they are; without the halo."""
    fitted = (lines[:, :3] * _middle(colour, halo)).sum(dim=1, keepdim=True) + lines[:, 3:]
    alpha = _middle(alpha, halo)
    return torch.lerp(alpha, fitted.clamp(0, 1), softness(alpha))


def _solve(matrix: list[Tensor], right: list[Tensor]) -> Tensor:
    """Solve a symmetric 3x3 system a pixel, given as xx, xy, xz, yy, yz, zz.

    By elimination: of grey pictures, whose colours lie on a line, the determinant is smaller than
    the rounding of its own terms, and an adjugate over it would be noise.
    """
    xx, xy, xz, yy, yz, zz = matrix
    b0, b1, b2 = right
    first, second = xy / xx, xz / xx
    pivot1, rest = yy - first * xy, yz - second * xy
    third = rest / pivot1
    pivot2 = zz - second * xz - third * rest
    y1 = b1 - first * b0
    s2 = (b2 - second * b0 - third * y1) / pivot2
    s1 = (y1 - rest * s2) / pivot1
    return torch.stack([(b0 - xy * s1 - xz * s2) / xx, s1, s2], dim=1)


def _halved(x: Tensor) -> Tensor:
    """Return the means of 2 x 2 pixels; torch's pooling takes five times as long for it."""
    rows = x[:, :, ::2] + x[:, :, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def _middle(x: Tensor, border: int) -> Tensor:
    return x[:, :, border : x.shape[2] - border, border : x.shape[3] - border]
