"""Subjects and places drawn from nothing: what the benchmark is made of where there is no footage.

The subjects' alphas come from `vimatte.training.strands`, which training uses too (with other
seeds): figures on them show that a network works, not how it does on what it never saw.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.training.strands import make_matte, smooth_noise

Picture = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_SWAY = 0.025  # of the subject's size: how far its upper end swings


class ProceduralSubject:
    """A body with hair, fur, holes or a veil that sways; straight colour and alpha.

    Parameters
    ----------
    size : int
        Width and height in pixels.
    seed : sequence of int
    """

    def __init__(self, size: int, seed: list[int]) -> None:
        rng = np.random.default_rng(seed)
        alpha, shade = make_matte(size, rng)
        # A matte of little coverage is no subject; one of the next draws is.
        for _ in range(20):
            if float((alpha > 0.5).mean()) > 0.06:
                break
            alpha, shade = make_matte(size, rng)
        paint = _paint(size, size, rng) * np.clip(shade, 0.4, 1.6)[..., None]
        self._rgba = np.dstack([np.clip(paint, 0, 1), alpha]).astype(np.float32)
        self._period = float(rng.uniform(22, 44))
        self._phase = float(rng.uniform(0, 2 * math.pi))

    def frame(self, number: int) -> Bytes:
        """Return a frame, shape (size, size, 4), straight, 8 bits."""
        size = self._rgba.shape[0]
        x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
        swing = math.sin(2 * math.pi * number / self._period + self._phase)
        ripple = np.sin(3 * y / size + 2 * math.pi * number / self._period)
        shift = _SWAY * size * (1 - y / size) * (0.7 * swing + 0.3 * ripple)
        moved = cv2.remap(
            self._rgba, x + shift.astype(np.float32), y, cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return np.round(np.clip(moved, 0, 1) * 255).astype(np.uint8)


def procedural_plate(width: int, height: int, seed: list[int]) -> Picture:
    """Return a place: surfaces, edges and texture of several sizes, shape (H, W, 3), sRGB."""
    rng = np.random.default_rng(seed)
    plate: Picture = _paint(height, width, rng)
    for _ in range(int(rng.integers(6, 14))):
        corners = rng.uniform(0, 1, 2) * [width, height] + rng.normal(0, 0.22 * width, (4, 2))
        where = np.zeros((height, width), np.uint8)
        hull = cv2.convexHull(np.round(corners).astype(np.int32))
        cv2.fillPoly(where, [hull], 255, cv2.LINE_AA)
        soft = where.astype(np.float32)[..., None] / 255
        plate = np.asarray(plate * (1 - soft) + _paint(height, width, rng) * soft, np.float32)
    for _ in range(int(rng.integers(10, 40))):
        ends = np.round(rng.uniform(0, 1, (2, 2)) * [width, height]).astype(int)
        colour = tuple(float(v) for v in rng.uniform(0, 1, 3))
        thick = int(rng.integers(1, max(2, height // 90)))
        cv2.line(plate, tuple(map(int, ends[0])), tuple(map(int, ends[1])), colour, thick)
    fine = smooth_noise(height, width, 2.5, rng) * np.float32(rng.uniform(0.01, 0.06))
    return np.asarray(np.clip(plate + fine[..., None], 0, 1), np.float32)


def _paint(height: int, width: int, rng: np.random.Generator) -> Picture:
    base, other = (rng.uniform(0.05, 0.95, 3).astype(np.float32) for _ in range(2))
    # Most of what is filmed is less colourful than chance.
    dull = np.float32(rng.uniform(0.2, 0.9))
    base, other = (c + dull * (c.mean() - c) for c in (base, other))
    paint = np.empty((height, width, 3), np.float32)
    mix = np.zeros((height, width), np.float32)
    for share in (0.6, 0.25, 0.15):
        cell = max(3.0, max(height, width) * share * float(rng.uniform(0.05, 0.6)))
        mix += share * smooth_noise(height, width, cell, rng)
    mix = np.clip(0.5 + 0.8 * mix, 0, 1)
    paint[:] = base * mix[..., None] + other * (1 - mix[..., None])
    return paint
