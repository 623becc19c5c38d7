"""Errors along the motion: what moves with the subject is no error over time."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from vimatte.evaluate.temporal_metrics import (
    PlateMotion,
    alpha_flow,
    look_up,
    messddt,
    shared_band,
)


def disc(x: float, radius: float = 14, size: tuple[int, int] = (64, 96)) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.clip(radius + 0.5 - np.hypot(columns - x, rows - size[0] / 2), 0, 1).astype(
        np.float32
    )


def test_zero_flow_is_the_identity_and_one_pixel_is_one_pixel() -> None:
    plane = np.arange(12, dtype=np.float32).reshape(3, 4)
    flow = np.zeros((3, 4, 2), np.float32)
    assert (look_up(plane, flow) == plane).all()
    flow[..., 0] = 1  # x, not y: the released MaGGIe code has them swapped
    assert look_up(plane, flow)[:, :3].tolist() == plane[:, 1:].tolist()
    flow[..., 0] = 0.5
    assert look_up(plane, flow)[0, 0] == 0.5


def test_messddt_of_a_still_subject_by_hand() -> None:
    true = np.stack([disc(40)] * 3)
    predicted = true.copy()
    predicted[1, 0, 0] = 0.5  # far from the subject: squared 0.25 for each of two pairs
    assert messddt(predicted, true) == pytest.approx(1e4 * 0.25 / (64 * 96))
    assert messddt(true, true) == 0
    assert math.isnan(messddt(true[:1], true[:1]))
    with pytest.raises(ValueError, match="shapes differ"):
        messddt(true, true[:2])


def test_an_error_that_moves_along_costs_little() -> None:
    true = np.stack([disc(30), disc(34)])
    moving = np.stack([disc(30, 17), disc(34, 17)])
    staying = np.stack([disc(30, 17), disc(30, 17)])
    assert messddt(moving, true) < 0.25 * messddt(staying, true)


def test_the_flow_of_a_moved_disc_is_its_motion() -> None:
    flow = alpha_flow(disc(30), disc(34))
    edge = (disc(30) > 0.1) & (disc(30) < 0.9)
    assert np.median(flow[edge][:, 0]) == pytest.approx(4, abs=1.5)


@pytest.fixture
def panned() -> tuple[np.ndarray, np.ndarray]:
    """A textured plate, and the same three pixels further right."""
    noise = np.random.default_rng(1).random((20, 30, 3)).astype(np.float32)
    wide = cv2.resize(noise, (160, 96), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return wide[:, 10:138], wide[:, 7:135]


def test_a_matte_that_follows_the_plate_is_steady(panned: tuple[np.ndarray, np.ndarray]) -> None:
    motion = PlateMotion(*panned)
    assert motion.reliable.mean() > 0.8
    before, follows = disc(60, 20, (96, 128)), disc(63, 20, (96, 128))
    band = shared_band(before, follows)
    steady = np.divide(*motion.difference(before, follows, band))
    stays = np.divide(*motion.difference(before, before, band))
    assert steady < 0.02
    assert stays > 4 * steady


def test_tiny_plates_have_no_flow() -> None:
    plate = np.random.default_rng(1).random((8, 8, 3))
    motion = PlateMotion(plate, plate[::-1])
    total, count = motion.difference(np.zeros((8, 8)), np.ones((8, 8)), np.ones((8, 8), bool))
    assert (total, count) == (64, 64)
    assert motion.difference(np.zeros((8, 8)), np.ones((8, 8)), np.zeros((8, 8), bool)) == (0, 0)
