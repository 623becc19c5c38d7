"""Joint alphas: the exact minimiser, the bound, and independence of order and strangers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from vimatte.frames.window import Window
from vimatte.matting.joint import HIGH, LOW, solve_joint

PIXEL = Window(0, 0, 1, 1)


def pixel(a: list[float], r: list[float], lam: float) -> np.ndarray:
    planes = [np.full((1, 1), v, np.float32) for v in a]
    refs = [np.full((1, 1), v, np.float32) for v in r]
    return np.array([x[0, 0] for x in solve_joint([PIXEL] * len(a), planes, refs, lam)])


def brute(a: list[float], r: list[float], lam: float) -> np.ndarray:
    a_, r_ = np.array(a), np.array(r)

    def cost(x: np.ndarray) -> float:
        return ((x - a_) ** 2).sum() + lam * ((x.sum() - x - r_) ** 2).sum()

    found = minimize(
        cost,
        np.full(len(a), 0.9 / len(a)),
        bounds=[(0, 1)] * len(a),
        constraints={"type": "ineq", "fun": lambda x: 1 - x.sum()},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 400},
    )
    return found.x


@pytest.mark.parametrize("seed", range(25))
def test_it_is_the_minimiser(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    a, r = rng.random(n) * 0.9 + 0.05, rng.random(n)
    lam = float(rng.uniform(0, 2))
    expected = brute(list(a), list(r), lam)
    expected = np.where(expected < LOW, 0, np.where(expected > HIGH, 1, expected))
    np.testing.assert_allclose(pixel(list(a), list(r), lam), expected, atol=2e-3)


def test_one_instance_is_left_as_it_is() -> None:
    assert pixel([0.4], [0.9], 0.5)[0] == pytest.approx(0.4)


def test_snapping() -> None:
    assert pixel([0.003], [0.0], 0.5)[0] == 0
    assert pixel([0.998], [0.0], 0.5)[0] == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10_000), st.floats(0, 3))
def test_sum_and_order(n: int, seed: int, lam: float) -> None:
    rng = np.random.default_rng(seed)
    a = rng.random((n, 5, 7)).astype(np.float32)
    r = rng.random((n, 5, 7)).astype(np.float32)
    windows = [Window(0, 0, 7, 5)] * n
    first = solve_joint(windows, list(a), list(r), lam)
    assert np.sum(first, axis=0, dtype=np.float64).max() <= 1 + 1e-6
    order = rng.permutation(n)
    shuffled = solve_joint(windows, [a[i] for i in order], [r[i] for i in order], lam)
    for position, index in enumerate(order):
        np.testing.assert_array_equal(shuffled[position], first[index])


def test_strangers_change_nothing() -> None:
    rng = np.random.default_rng(0)
    windows = [Window(0, 0, 20, 20), Window(10, 5, 20, 20), Window(200, 200, 20, 20)]
    a = [rng.random((20, 20)).astype(np.float32) for _ in windows]
    r = [rng.random((20, 20)).astype(np.float32) for _ in windows]
    pair = solve_joint(windows[:2], a[:2], r[:2])
    three = solve_joint(windows, a, r)
    for x, y in itertools.zip_longest(pair, three[:2]):
        np.testing.assert_array_equal(x, y)
    # Outside of the overlap an instance keeps what the network said.
    outside = np.clip(a[0][:, :10], 0, 1)
    outside = np.where(outside < LOW, 0, np.where(outside > HIGH, 1, outside))
    np.testing.assert_array_equal(three[0][:, :10], outside)


def test_a_reference_that_agrees_changes_nothing() -> None:
    np.testing.assert_allclose(pixel([0.6, 0.3], [0.3, 0.6], 0.5), [0.6, 0.3], atol=1e-6)


def test_an_empty_list() -> None:
    assert solve_joint([], [], []) == []
