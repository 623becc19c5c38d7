"""Joint alphas: the exact minimiser, the bound, and independence of order and strangers."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from vimatte.frames.window import Window
from vimatte.matting.joint import LOW, snapped, solve_joint, solve_pixels

GRID = 1 << 16


def values(n: int, pixels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Alphas and references on the grid; many are 0 or 1, as in mattes."""
    rng = np.random.default_rng(seed)
    both = np.clip(rng.normal(0.5, 0.8, (2, n, pixels)), 0, 1)
    a, r = np.rint(both * GRID) / GRID
    return a.astype(np.float32), r.astype(np.float32)


def gradient(x: np.ndarray, a: np.ndarray, r: np.ndarray, lam: float) -> np.ndarray:
    """Half the gradient of the cost."""
    residual = x.sum(axis=0) - x - r
    return (x - a) + lam * (residual.sum(axis=0) - residual)


@pytest.mark.parametrize("seed", range(25))
def test_it_is_the_minimiser(seed: int) -> None:
    """Against a solver that knows nothing of the closed form."""
    rng = np.random.default_rng(seed)
    n, lam = int(rng.integers(2, 6)), float(rng.uniform(0, 2))
    a, r = values(n, 1, seed)
    flat_a, flat_r = a[:, 0].astype(float), r[:, 0].astype(float)

    def cost(x: np.ndarray) -> float:
        return ((x - flat_a) ** 2).sum() + lam * ((x.sum() - x - flat_r) ** 2).sum()

    found = minimize(
        cost,
        np.full(n, 0.9 / n),
        bounds=[(0, 1)] * n,
        constraints={"type": "ineq", "fun": lambda x: 1 - x.sum()},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 400},
    )
    x = solve_pixels(a, r, lam)[:, 0]
    assert cost(x) <= cost(found.x) + 1e-4
    np.testing.assert_allclose(x, found.x, atol=2e-3)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.5, 1.0, 4.0]))
def test_the_optimality_conditions_hold(n: int, seed: int, lam: float) -> None:
    a, r = values(n, 64, seed)
    kind = np.float32 if n <= 8 else np.float64
    x = solve_pixels(a.astype(kind), r.astype(kind), lam).astype(np.float64)
    slope = gradient(x, a.astype(float), r.astype(float), lam)
    total = x.sum(axis=0)
    tolerance = 2e-4 * (1 + lam) * n
    multiplier = np.where(total > 1 - 1e-3, np.maximum(0, -slope.min(axis=0)), 0)
    shown = slope + multiplier
    assert np.all(x >= 0)
    assert np.all(total <= 1)
    # All that was to be snapped to 0 may have been left at 0.
    some = a.max(axis=0) > 0.3
    assert np.all(shown[:, some] >= -tolerance)
    assert np.all(np.abs(shown[:, some])[x[:, some] > 1e-3] <= tolerance)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10_000), st.floats(0, 3), st.sampled_from([0, 4, 32]))
def test_the_sum_is_bound_and_the_order_is_nothing(
    n: int, seed: int, lam: float, feather: int
) -> None:
    rng = np.random.default_rng(seed)
    windows = [
        Window(*rng.integers(-6, 7, 2).tolist(), *rng.integers(1, 20, 2).tolist()) for _ in range(n)
    ]
    a = [values(1, w.width * w.height, seed + i)[0].reshape(w.shape) for i, w in enumerate(windows)]
    r = [values(1, w.width * w.height, seed + i)[1].reshape(w.shape) for i, w in enumerate(windows)]
    first = solve_joint(windows, a, r, lam, feather=feather)
    sums = np.zeros((40, 40))
    for window, x in zip(windows, first, strict=True):
        assert x.dtype == np.float32
        assert np.all((x >= 0) & (x <= 1))
        sums[window.slices_in(Window(-10, -10, 40, 40))] += x
    assert sums.max() <= 1
    order = rng.permutation(n).tolist()
    shuffled = solve_joint(
        [windows[i] for i in order],
        [a[i] for i in order],
        [r[i] for i in order],
        lam,
        feather=feather,
    )
    for position, index in enumerate(order):
        np.testing.assert_array_equal(shuffled[position], first[index])


def test_the_inputs_are_left_as_they_are() -> None:
    a, r = values(2, 12, 0)
    a, r = a.reshape(2, 3, 4), r.reshape(2, 3, 4)
    kept = a.copy(), r.copy()
    solve_joint([Window(0, 0, 4, 3)] * 2, list(a), list(r))
    np.testing.assert_array_equal((a, r), kept)


def test_strangers_change_nothing() -> None:
    rng = np.random.default_rng(0)
    windows = [Window(0, 0, 20, 20), Window(10, 5, 20, 20), Window(30, 5, 20, 20)]
    a = [rng.random((20, 20)).astype(np.float32) for _ in windows]
    r = [rng.random((20, 20)).astype(np.float32) for _ in windows]
    pair = solve_joint(windows[:2], a[:2], r[:2])
    three = solve_joint(windows, a, r)
    for x, y in zip(pair, three[:2], strict=True):
        np.testing.assert_array_equal(x, y)


def test_alone_an_instance_is_only_snapped() -> None:
    alpha = np.array([[-0.5, 0.003, 0.01, 0.4, 0.99, 0.998, 1.5]], np.float32)
    (x,) = solve_joint([Window(0, 0, 7, 1)], [alpha], [np.ones_like(alpha)])
    np.testing.assert_array_equal(x, np.array([[0, 0, 0.01, 0.4, 0.99, 1, 1]], np.float32))


def test_outside_of_the_overlap_an_instance_keeps_what_the_network_said() -> None:
    a = np.full((2, 8, 8), 0.4, np.float32)
    first, second = solve_joint([Window(0, 0, 8, 8), Window(4, 0, 8, 8)], list(a), list(a * 2))
    np.testing.assert_array_equal(first[:, :4], a[0, :, :4])
    np.testing.assert_array_equal(second[:, 4:], a[1, :, 4:])
    assert np.all(first[2:-2, 6] != np.float32(0.4))


def test_references_that_agree_change_nothing() -> None:
    one = [Window(0, 0, 1, 1)] * 3
    a = [np.full((1, 1), v, np.float32) for v in (0.5, 0.25, 0.125)]
    r = [np.full((1, 1), 0.875, np.float32) - v for v in a]
    assert solve_joint(one, a, r, feather=0) == a


def test_references_pull() -> None:
    """Each says 0.8 of itself, and 0.9 of the other: what one asks for is the other's to give."""
    a = np.array([[0.8], [0.1]], np.float32)
    r = np.array([[0.0], [0.8]], np.float32)
    np.testing.assert_allclose(solve_pixels(a, r, 0.5)[:, 0], [0.8, 0.1 / 1.5], atol=1e-4)


def test_no_line_shows_where_a_region_ends() -> None:
    """One region ends within the other's matte, and its reference is wrong: no step is seen."""
    wide, narrow = Window(0, 0, 300, 200), Window(100, 0, 300, 200)
    a = [np.full(wide.shape, 0.6, np.float32), np.zeros(narrow.shape, np.float32)]
    r = [np.zeros(wide.shape, np.float32), np.full(narrow.shape, 0.1, np.float32)]
    hard = solve_joint([wide, narrow], a, r, feather=0)[0][100]
    soft = solve_joint([wide, narrow], a, r)[0][100]
    assert abs(hard[100] - hard[99]) > 0.1
    assert np.abs(np.diff(soft)).max() < 0.01
    np.testing.assert_allclose(soft[140:260], hard[140:260])  # inside, the reference counts in full


def test_what_does_not_fit_is_refused() -> None:
    plane = np.zeros((2, 2), np.float32)
    with pytest.raises(ValueError, match="do not cover"):
        solve_joint([Window(0, 0, 3, 2)], [plane], [plane])
    with pytest.raises(ValueError, match="negative"):
        solve_joint([Window(0, 0, 2, 2)], [plane], [plane], -1)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        solve_joint([Window(0, 0, 2, 2)], [plane], [])


def test_nothing_and_empty_windows() -> None:
    assert solve_joint([], [], []) == []
    empty, plane = np.zeros((0, 4), np.float32), np.full((4, 4), 0.5, np.float32)
    found = solve_joint([Window(0, 1, 4, 0), Window(0, 0, 4, 4)], [empty, plane], [empty, plane])
    assert found[0].shape == (0, 4)
    np.testing.assert_array_equal(found[1], plane)


def test_two_regions_of_a_full_hd_plate_take_milliseconds() -> None:
    windows = [Window(400, 200, 640, 640), Window(500, 240, 640, 640)]
    y, x = np.mgrid[:640, :640] - 320.0
    disc = (1 / (1 + np.exp((np.hypot(x, y) - 200) / 5))).astype(np.float32)
    spent = []
    for _ in range(5):
        start = time.process_time()  # of this process: other work on the machine does not count
        solve_joint(windows, [disc, disc], [disc, disc])
        spent.append(time.process_time() - start)
    assert min(spent) < 0.03


def test_nearly_empty_and_nearly_solid_become_so_without_a_jump() -> None:
    alpha = np.linspace(0, 1, 100_001, dtype=np.float32)
    out = snapped(alpha)
    low = np.float32(LOW)
    assert pytest.approx(1 / 255, rel=1e-4) == LOW
    assert not out[alpha <= low].any()
    assert (out[alpha >= 1 - low] == 1).all()
    middle = (alpha >= 2 * low) & (alpha <= 1 - 2 * low)
    np.testing.assert_array_equal(out[middle], alpha[middle])
    steps = np.diff(out)
    assert steps.min() >= 0
    assert steps.max() <= 2.001e-5 + np.finfo(np.float32).eps
    assert np.abs(out - alpha).max() <= LOW + 1e-7


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 2000), min_size=1, max_size=12), st.integers(0, 3000))
def test_what_sums_to_at_most_one_still_does(small: list[int], spare: int) -> None:
    """One instance has most of a pixel, others share the rest: in units of 2^-16."""
    rest = sum(small) + spare
    alphas = [max(0, 65536 - rest), *small] if rest <= 65536 else small[:1]
    out = snapped(np.asarray(alphas, np.float32) / 65536)
    assert float(np.sum(out, dtype=np.float64)) <= 1
