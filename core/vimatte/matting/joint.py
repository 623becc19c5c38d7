"""Joint alphas: instances that share pixels agree, and never sum to more than 1.

At every pixel, with the alphas a_i and reference predictions r_i of the n instances whose regions
cover it, minimise

    sum_i (x_i - a_i)^2 + lam * sum_i (sum_{j != i} x_j - r_i)^2   over x >= 0, sum x <= 1.

The Hessian is c I + d J with c = 1 + lam, d = lam (n - 2) and J all ones. With
b_i = (a_i + lam * sum_{k != i} r_k) / c the solution is x_i = max(b_i - t, 0), where
t = (d S + mu) / c, S = sum x, and mu >= 0 is the multiplier of the sum. For a set of k instances
above zero whose b sum to s, t is d s / (c + d k) where the sum is free and (s - 1) / k where it is
bound. Both grow as the set shrinks to the right one: exact after n rounds at most.

Values are rounded to multiples of 2^-16 before they are added up. Such sums are exact, so the bits
of a result do not depend on the order of the instances, and the promise of a sum of at most 1 is
kept to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.window import Window

#: Alphas up to this are empty, and from 1 - this on solid: 1/255, on the grid of 2^-16.
LOW = 257 / 65536
# Plate pixels over which a reference prediction fades out towards the border of its region.
FEATHER = 32

Plane = NDArray[np.float32]
Stack = NDArray[np.floating[Any]]

_GRID = 1 << 16
# Sums over more instances than this might not fit into the 24 bits of a 32-bit float.
_SINGLE_PRECISION_INSTANCES = 8
# Pixels worked on at once, so that temporary arrays stay in the processor's cache.
_BAND_PIXELS = 32768


def solve_joint(
    windows: Sequence[Window],
    alphas: Sequence[Plane],
    references: Sequence[Plane],
    lam: float = 0.5,
    *,
    feather: int = FEATHER,
) -> list[Plane]:
    """Return the joint alphas of all instances.

    Parameters
    ----------
    windows : sequence of Window
        The region of each instance.
    alphas, references : sequence of ndarray of float32, shape (height, width) of its window
        Each instance's alpha and its prediction of the sum of all others, in [0, 1].
    lam : float
        Weight of the reference predictions; with 0 only the sum is bounded.
    feather : int
        Pixels over which a reference prediction gives way, towards its region's border, to what
        the others say themselves: where one region ends, no line shows in another's matte.

    Returns
    -------
    list of ndarray of float32
        Up to 1/255 they are 0, from 254/255 on they are 1, see `snapped`. What an instance gets
        does not depend on the order of instances, nor on instances whose regions do not overlap
        its own.

    Raises
    ------
    ValueError
        When the sequences do not fit each other, or `lam` or `feather` is negative.
    """
    if lam < 0 or feather < 0:
        raise ValueError(f"lam is {lam} and feather {feather}: neither can be negative")
    for window, alpha, reference in zip(windows, alphas, references, strict=True):
        if alpha.shape != window.shape or reference.shape != window.shape:
            raise ValueError(f"{alpha.shape} and {reference.shape} do not cover {window}")
    joint = [np.clip(alpha, 0, 1).astype(np.float32, copy=False) for alpha in alphas]
    for members, cell in _shared_cells(windows):
        for band in _bands(cell):
            views = [joint[i][band.slices_in(windows[i])] for i in members]
            others = [references[i][band.slices_in(windows[i])] for i in members]
            kind = np.float32 if len(members) <= _SINGLE_PRECISION_INSTANCES else np.float64
            a: Stack = np.stack(views).astype(kind, copy=False)
            r: Stack = np.stack(others).astype(kind, copy=False)
            _round(a)
            _round(np.clip(r, 0, 1, out=r))
            if feather > 0:
                _fade(a, r, [_weights(windows[i], band, feather) for i in members])
            for view, solved in zip(views, solve_pixels(a, r, lam), strict=True):
                view[...] = solved
    return [snapped(alpha) for alpha in joint]


def snapped(alpha: Plane) -> Plane:
    """Return an alpha that is 0 up to `LOW` and 1 from 1 - `LOW` on.

    In between it is what it was, but for the next 1/255 at each end, where it catches up at twice
    the slope: with a mere threshold, a difference in an alpha's last bits would be one of 1/255.
    What sums to at most 1 still does: an alpha gains at the top no more than the others, which
    share the rest, lose at the bottom, and on the grid of 2^-16 all of it is exact.

    Parameters
    ----------
    alpha : ndarray of float32, in [0, 1]
    """
    low = np.float32(LOW)
    lifted = np.maximum(2 * (alpha - low), 0)
    lowered = np.minimum(2 * (alpha + low) - 1, 1)
    return np.asarray(np.maximum(np.minimum(alpha, lifted), lowered), np.float32)


def solve_pixels(a: Stack, r: Stack, lam: float) -> Stack:
    """Solve pixels that the same instances cover.

    Parameters
    ----------
    a, r : ndarray, shape (instances, ...), two instances or more
        Alphas and references in [0, 1], multiples of 2^-16.
    lam : float

    Returns
    -------
    ndarray of the same shape and type
        Multiples of 2^-16 that sum to at most 1 over the instances.
    """
    b = a
    if lam:
        b = r.sum(axis=0) - r
        b *= lam
        b += a
        b /= 1 + lam
        _round(b)
    # x is at most b: where every b will be snapped to 0 there is nothing to solve.
    if b.max(initial=0) < LOW:
        return np.zeros_like(b)
    return _solve(b, lam)


def _solve(b: Stack, lam: float) -> Stack:
    """Return the minimiser for given b."""
    count = len(b)
    c, d = 1 + lam, lam * (count - 2)
    k: Any = count
    s = b.sum(axis=0)
    above: NDArray[np.bool_] = np.ones(b.shape, np.bool_)
    for _ in range(count):
        t = np.maximum((s - 1) / k, 0)
        if d:
            np.maximum(t, s * d / (c + d * k), out=t)
        # What is equal to t is 0 either way; counting it keeps pixels of zeros from a second round.
        # A set only ever shrinks: a pixel that is done stays so in the rounds that others need.
        above &= b >= t
        now = above.sum(axis=0, dtype=b.dtype)
        if np.array_equal(now, np.broadcast_to(k, now.shape)):
            break
        k, s = now, (b * above).sum(axis=0)
    x: Stack = np.maximum(b - t, 0)
    # Down, because rounding may have made t too small, by less than a step of the grid.
    x *= _GRID
    np.floor(x, out=x)
    x /= _GRID
    return x


def _round(values: Stack) -> None:
    """Round to multiples of 2^-16, in place."""
    values *= _GRID
    np.rint(values, out=values)
    values /= _GRID


def _fade(a: Stack, r: Stack, weights: Sequence[Plane | None]) -> None:
    """Replace references, in place, by the others' own alphas as far as their weight is below 1."""
    if all(weight is None for weight in weights):
        return
    total = a.sum(axis=0)
    for i, weight in enumerate(weights):
        if weight is not None:
            others = np.minimum(total - a[i], 1)
            r[i] += (1 - weight) * (others - r[i])
            _round(r[i])


def _weights(window: Window, band: Window, feather: int) -> Plane | None:
    """Return 1 inside of a window, falling to 0 at its border, for the pixels of a band.

    None stands for all ones.
    """
    if min(window.shape) > 2 * feather and window.grow(-feather).contains(band):
        return None
    x = np.arange(band.x, band.right, dtype=np.float32) + np.float32(0.5)
    y = np.arange(band.y, band.bottom, dtype=np.float32) + np.float32(0.5)
    across = np.minimum(x - window.x, window.right - x) / np.float32(feather)
    down = np.minimum(y - window.y, window.bottom - y) / np.float32(feather)
    weights: Plane = np.minimum(np.minimum(across[None, :], down[:, None]), np.float32(1))
    return weights


def _shared_cells(windows: Sequence[Window]) -> Iterator[tuple[list[int], Window]]:
    """Yield rectangles that two or more windows cover, with those windows' indices."""
    ys = sorted({w.y for w in windows} | {w.bottom for w in windows})
    for top, bottom in pairwise(ys):
        rows = [i for i, w in enumerate(windows) if w.y <= top and bottom <= w.bottom]
        if len(rows) < 2:
            continue
        xs = sorted({windows[i].x for i in rows} | {windows[i].right for i in rows})
        for left, right in pairwise(xs):
            members = [i for i in rows if windows[i].x <= left and right <= windows[i].right]
            if len(members) > 1:
                yield members, Window(left, top, right - left, bottom - top)


def _bands(cell: Window) -> Iterator[Window]:
    """Yield a window's rows in bands of about `_BAND_PIXELS`."""
    height = max(1, _BAND_PIXELS // cell.width)
    for y in range(cell.y, cell.bottom, height):
        yield Window(cell.x, y, cell.width, min(height, cell.bottom - y))
