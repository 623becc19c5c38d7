"""Procedural alpha mattes with exact truth: shapes, hair, fur, holes, veils, defocus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SUPERSAMPLE = 3
_SHIFT = 4  # cv2 draws with this many fractional bits
_UNIT = 1 << _SHIFT

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Noise:
    """Band-limited noise, before it is spread out.

    Attributes
    ----------
    size : tuple of int
        Height and width in pixels.
    grid : ndarray of float32, shape (R, C), in [-1, 1]
    """

    size: tuple[int, int]
    grid: Plane


def make_matte(size: int, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Draw one subject.

    Parameters
    ----------
    size : int
        Width and height in pixels.
    rng : numpy.random.Generator

    Returns
    -------
    alpha : ndarray of float32, shape (size, size)
        Exact coverage in [0, 1].
    shade : ndarray of float32, shape (size, size)
        A factor for the foreground's colour, about 0.4 to 1.6: strands differ in brightness.
    """
    big = size * SUPERSAMPLE
    body = _body(big, rng)
    shade = np.ones((big, big), np.float32)
    kind = rng.random()
    if kind < 0.45:
        body = _hair(body, shade, rng, count=int(rng.integers(150, 900)), length=(0.06, 0.30))
    elif kind < 0.70:
        body = _hair(body, shade, rng, count=int(rng.integers(1200, 3000)), length=(0.015, 0.06))
    elif kind < 0.80:
        body = _holes(body, rng)
    alpha = _plane(cv2.resize(body, (size, size), interpolation=cv2.INTER_AREA))
    shade = _plane(cv2.resize(shade, (size, size), interpolation=cv2.INTER_AREA))
    if rng.random() < 0.12:
        alpha = _veil(alpha, rng)
    if rng.random() < 0.35:
        alpha = _defocus(alpha, rng)
    return _plane(np.clip(alpha, 0, 1)), shade


def smooth_noise(height: int, width: int, cell: float, rng: np.random.Generator) -> Plane:
    """Return band-limited noise in about [-1, 1], its features about `cell` pixels wide."""
    return spread(draw_noise(height, width, cell, rng))


def draw_noise(height: int, width: int, cell: float, rng: np.random.Generator) -> Noise:
    """Draw noise whose features are about `cell` pixels wide."""
    rows = max(2, int(np.ceil(height / cell)) + 1)
    columns = max(2, int(np.ceil(width / cell)) + 1)
    return Noise((height, width), rng.uniform(-1, 1, (rows, columns)).astype(np.float32))


def spread(noise: Noise) -> Plane:
    """Return noise at its size, in about [-1, 1]."""
    height, width = noise.size
    return _plane(cv2.resize(noise.grid, (width, height), interpolation=cv2.INTER_CUBIC))


def _body(big: int, rng: np.random.Generator) -> Plane:
    canvas = np.zeros((big, big), np.uint8)
    centre = big * rng.uniform(0.42, 0.58, 2)
    spread = big * rng.uniform(0.10, 0.26)
    if rng.random() < 0.5:
        _blob(canvas, centre, spread, rng)
    for _ in range(int(rng.integers(2, 7))):
        start = centre + rng.normal(0, spread * 0.6, 2)
        end = start + rng.normal(0, spread, 2)
        thick = int(max(3, spread * rng.uniform(0.15, 0.9)))
        cv2.line(canvas, _point(start), _point(end), 255, thick, cv2.LINE_AA, _SHIFT)
    if rng.random() < 0.3:
        _blob(canvas, centre + rng.normal(0, spread * 0.7, 2), spread * 0.6, rng)
    return _plane(canvas.astype(np.float32) / 255)


def _blob(
    canvas: NDArray[np.uint8], centre: NDArray[np.float64], radius: float, rng: np.random.Generator
) -> None:
    angles = np.linspace(0, 2 * np.pi, 160, endpoint=False)
    wave = np.ones_like(angles)
    for order in range(1, 7):
        wave += rng.normal(0, 0.22 / order) * np.cos(order * angles + rng.uniform(0, 6.28))
    wave = np.clip(wave, 0.25, 2)
    stretch = rng.uniform(0.6, 1.6)
    x = centre[0] + radius * wave * np.cos(angles) * stretch
    y = centre[1] + radius * wave * np.sin(angles) / stretch
    points = np.round(np.stack([x, y], axis=1) * _UNIT).astype(np.int32)
    cv2.fillPoly(canvas, [points], 255, cv2.LINE_AA, _SHIFT)


def _hair(
    body: Plane,
    shade: Plane,
    rng: np.random.Generator,
    count: int,
    length: tuple[float, float],
) -> Plane:
    """Grow `count` strands from the outline of `body`, which is changed in place with `shade`."""
    big = body.shape[0]
    contours, _ = cv2.findContours(
        (body > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    if not contours:
        return body
    outline = max(contours, key=len)[:, 0].astype(np.float64)
    first, part = rng.integers(len(outline)), rng.uniform(0.25, 1.0)
    indices = (first + rng.integers(0, max(1, int(len(outline) * part)), count)) % len(outline)
    ahead = outline[(indices + 4) % len(outline)]
    tangent = ahead - outline[indices - 4]
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-6
    layer = np.round(body * 255).astype(np.uint8)
    tone = np.round(shade * 100).astype(np.uint8)
    gravity = rng.normal(0, 0.8, 2)
    curl = rng.normal(0, 0.5)
    reach = big * rng.uniform(*length)
    thickness = max(1, round(SUPERSAMPLE * rng.uniform(0.35, 1.2)))
    steps = np.linspace(0, 1, 9)[:, None]
    for root, out in zip(outline[indices], normal, strict=True):
        direction = out + rng.normal(0, 0.45, 2)
        side = np.array([-direction[1], direction[0]]) * (curl + rng.normal(0, 0.25))
        span = reach * rng.uniform(0.3, 1.2)
        path = root - out * 3 + span * (direction * steps + (gravity + side) * steps**2 * 0.6)
        points = [np.round(path * _UNIT).astype(np.int32)]
        cv2.polylines(
            tone, points, False, int(rng.integers(40, 161)), thickness + 1, cv2.LINE_AA, _SHIFT
        )
        # The tip is thinner than any pen: it is drawn paler instead.
        middle = len(steps) * 2 // 3
        tip = [points[0][middle - 1 :]]
        pale = np.zeros(1, np.uint8)
        pale[0] = int(255 * rng.uniform(0.45, 0.9))
        cv2.polylines(layer, tip, False, int(pale[0]), thickness, cv2.LINE_AA, _SHIFT)
        cv2.polylines(layer, [points[0][:middle]], False, 255, thickness, cv2.LINE_AA, _SHIFT)
    shade[:] = tone.astype(np.float32) / 100
    return np.maximum(body, layer.astype(np.float32) / 255)


def _holes(body: Plane, rng: np.random.Generator) -> Plane:
    big = body.shape[0]
    canvas = np.zeros((big, big), np.uint8)
    for _ in range(int(rng.integers(3, 30))):
        centre = tuple(int(v) for v in rng.integers(0, big * _UNIT, 2))
        axes = tuple(int(v) for v in rng.uniform(0.008, 0.05, 2) * big * _UNIT)
        cv2.ellipse(canvas, centre, axes, rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA, _SHIFT)
    return _plane(body * (1 - canvas.astype(np.float32) / 255))


def _veil(alpha: Plane, rng: np.random.Generator) -> Plane:
    height, width = alpha.shape
    noise = smooth_noise(height, width, height / rng.uniform(2, 6), rng)
    density = np.clip(rng.uniform(0.3, 0.9) + 0.5 * noise, 0.05, 1)
    where = np.clip(3 * smooth_noise(height, width, height / 3, rng), 0, 1)
    return _plane(alpha * (1 - where * (1 - density)))


def _defocus(alpha: Plane, rng: np.random.Generator) -> Plane:
    sigma = rng.uniform(0.8, 5)
    height, width = alpha.shape
    soft = _plane(cv2.GaussianBlur(alpha, (0, 0), sigma))
    if rng.random() < 0.5:
        return soft
    where = np.clip(0.5 + 1.5 * smooth_noise(height, width, height / 2, rng), 0, 1)
    return _plane(alpha * (1 - where) + soft * where)


def _plane(values: NDArray[Any]) -> Plane:
    return np.asarray(values, np.float32)


def _point(xy: NDArray[np.float64]) -> tuple[int, int]:
    return round(xy[0] * _UNIT), round(xy[1] * _UNIT)
