"""Joint alphas: instances that share pixels agree, and never sum to more than 1.

At every pixel, with the alphas a_i and reference predictions r_i of the n instances whose regions
cover it, minimise

    sum_i (x_i - a_i)^2 + lam * sum_i (sum_{j != i} x_j - r_i)^2   over x >= 0, sum x <= 1.

The Hessian is c I + d J with c = 1 + lam, d = lam (n - 2) and J all ones; with
b_i = a_i + lam * sum_{k != i} r_k the solution is x_i = max(b_i / c - t, 0), where
t = (d S + mu) / c, S = sum x, and mu >= 0 is the multiplier of the sum. Sorting b makes it exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.window import Window

LOW, HIGH = 1.0 / 255.0, 254.0 / 255.0

Plane = NDArray[np.float32]


def solve_joint(
    windows: Sequence[Window],
    alphas: Sequence[Plane],
    references: Sequence[Plane],
    lam: float = 0.5,
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

    Returns
    -------
    list of ndarray of float32
        Below 1/255 they are 0, above 254/255 they are 1. What an instance gets does not depend on
        the order of instances, nor on instances whose regions do not overlap its own.
    """
    results = [np.clip(alpha, 0, 1) for alpha in alphas]
    for indices, window in _overlaps(windows):
        a = np.stack([alphas[i][window.slices_in(windows[i])] for i in indices])
        r = np.stack([references[i][window.slices_in(windows[i])] for i in indices])
        # Where all predictions are 0 or one instance is alone, there is nothing to agree upon.
        shared = ((a > LOW) | (r > LOW)).sum(axis=0) > 1
        solved = np.clip(a, 0, 1)
        if shared.any():
            solved[:, shared] = _solve(a[:, shared], r[:, shared], lam)
        for x, i in zip(solved, indices, strict=True):
            results[i][window.slices_in(windows[i])] = x
    return [_snap(x) for x in results]


def _solve(a: Plane, r: Plane, lam: float) -> Plane:
    """Solve pixels, arrays of shape (n, pixels), n >= 2."""
    n = len(a)
    c, d = 1 + lam, lam * (n - 2)
    # Sums run over sorted values: the same bits for every order of the instances.
    r_sum = np.sort(r, axis=0).sum(axis=0)
    b = (a + lam * (r_sum - r)) / c
    ordered = -np.sort(-b, axis=0)
    cumulated = np.cumsum(ordered, axis=0)
    counts = np.arange(1, n + 1, dtype=np.float32)[:, None]
    # With k instances above zero: S = cum_k - k t, and t = d S / c (the sum is free) or such
    # that S = 1 (the sum is bound); the larger t of the two is the solution's.
    free = d * cumulated / (c + d * counts)
    bound = (cumulated - 1) / counts
    t = np.maximum(_threshold(ordered, free), _threshold(ordered, bound))
    x: Plane = np.maximum(b - np.maximum(t, 0), 0).astype(np.float32)
    # The last bit of the sum is rounding, and a promise is a promise.
    total = np.sort(x, axis=0).sum(axis=0)
    return np.asarray(np.where(total > 1, x / np.maximum(total, 1), x), np.float32)


def _threshold(ordered: Plane, candidates: Plane) -> Plane:
    """Return the candidate of the largest k whose k-th value stays above it."""
    above = ordered > candidates
    k = above.sum(axis=0)  # the condition holds for a prefix of the sorted values
    picked = np.take_along_axis(candidates, np.maximum(k - 1, 0)[None], axis=0)[0]
    return np.asarray(np.where(k > 0, picked, 0), np.float32)


def _snap(x: Plane) -> Plane:
    x = np.where(x < LOW, np.float32(0), x)
    return np.where(x > HIGH, np.float32(1), x).astype(np.float32, copy=False)


def _overlaps(windows: Sequence[Window]) -> list[tuple[list[int], Window]]:
    """Return cells of the plane that two or more windows cover, with those windows' indices."""
    xs = sorted({w.x for w in windows} | {w.right for w in windows})
    ys = sorted({w.y for w in windows} | {w.bottom for w in windows})
    cells = []
    for top, bottom in zip(ys, ys[1:], strict=False):
        for left, right in zip(xs, xs[1:], strict=False):
            cell = Window(left, top, right - left, bottom - top)
            covering = [i for i, w in enumerate(windows) if w.contains(cell)]
            if len(covering) > 1:
                cells.append((covering, cell))
    return cells
