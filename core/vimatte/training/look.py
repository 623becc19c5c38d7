"""How a layer looks and how a camera sees it, as numbers: colours, ripple, blur, grain, JPEG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.training.strands import Noise, draw_noise

Field = TypeVar("Field")
Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Recolouring:
    """Another look for the same subject, applied in the order of the attributes.

    Attributes
    ----------
    channels : tuple of int, optional
        A new order of red, green and blue.
    mix : ndarray of float32, shape (3, 3)
        Multiplied from the right.
    gamma : float
    saturation : float
        0 is grey, 1 changes nothing.
    black, white : float
        What 0 and 1 become.
    """

    channels: tuple[int, ...] | None
    mix: Plane
    gamma: float
    saturation: float
    black: float
    white: float


@dataclass(frozen=True)
class Ripple:
    """A soft displacement that swings over time: cloth and hair do not move rigidly.

    Attributes
    ----------
    across, down : Noise
        Of the crop's size.
    reach : tuple of float
        Pixels by which each displaces at most, about.
    speed : float
        Radians a frame.
    """

    across: Noise
    down: Noise
    reach: tuple[float, float]
    speed: float


@dataclass(frozen=True)
class Blur:
    """Motion blur or defocus of one layer, held over the clip.

    Attributes
    ----------
    kernel : ndarray of float32, shape (K, K), K at most `WIDEST_BLUR`
        Sums to 1; its centre is at K // 2.
    """

    kernel: Plane


WIDEST_BLUR = 13
# Coarse grain: the sigma of its blur in pixels, and what brings its strength back.
COARSE_GRAIN, COARSE_GAIN = 0.6, 1.8


@dataclass(frozen=True)
class Camera(Generic[Field]):
    """What a camera does to the whole clip, applied in the order of the attributes.

    Attributes
    ----------
    exposure : float
        A factor.
    sigma : float
        Of the blur in pixels; 0 leaves it sharp.
    grain : field, optional
        Noise of unit strength, or where it comes from.
    coarse : bool
        The grain is wider than a pixel.
    strength : float
        Of the grain.
    quality : int, optional
        Of JPEG.
    """

    exposure: float
    sigma: float
    grain: Field | None
    coarse: bool
    strength: float
    quality: int | None


def draw_recolouring(rng: np.random.Generator) -> Recolouring:
    """Draw another look; see `Recolouring`."""
    channels = tuple(int(c) for c in rng.permutation(3)) if rng.random() < 0.5 else None
    mix = np.eye(3) * rng.uniform(0.75, 1.25, (3, 1)) + rng.normal(0, 0.06, (3, 3))
    gamma = float(np.exp(rng.normal(0, 0.3)))
    saturation = float(rng.uniform(0.3, 1.4))
    black, white = float(rng.uniform(0, 0.12)), float(rng.uniform(0.8, 1.0))
    return Recolouring(channels, mix.astype(np.float32), gamma, saturation, black, white)


def draw_ripple(size: int, rng: np.random.Generator) -> Ripple:
    """Draw the ripple of a crop `size` pixels wide; see `Ripple`."""
    cell = size / rng.uniform(2, 6)
    across = draw_noise(size, size, cell, rng)
    aside = float(rng.uniform(1, 5))
    down = draw_noise(size, size, cell, rng)
    return Ripple(across, down, (aside, float(rng.uniform(1, 5))), float(rng.uniform(0.3, 0.9)))


def draw_blur(rng: np.random.Generator) -> Blur | None:
    """Draw a layer's blur by its own motion or the lens; most layers are sharp."""
    pick = rng.random()
    if pick > 0.35:
        return None
    if pick < 0.2:
        length, angle = int(rng.integers(3, WIDEST_BLUR + 1)), rng.uniform(0, np.pi)
        kernel = np.zeros((length, length), np.float32)
        middle = (length - 1) / 2
        delta = np.array([np.cos(angle), np.sin(angle)]) * middle
        ends = [tuple(round(v) for v in (middle - delta, middle + delta)[i]) for i in (0, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    else:
        radius = int(rng.integers(1, 4))
        kernel = np.asarray(
            cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), np.float32
        )
    kernel /= kernel.sum()
    return Blur(kernel)


def draw_camera(
    rng: np.random.Generator, grain: Callable[[np.random.Generator], Field]
) -> Camera[Field]:
    """Draw exposure, blur, grain and compression.

    Parameters
    ----------
    rng : numpy.random.Generator
    grain : callable
        Called at the grain's turn: returns the field, or what it is to be made from.
    """
    exposure = float(np.exp(rng.normal(0, 0.15)))
    sigma = float(rng.uniform(0.4, 1.2)) if rng.random() < 0.15 else 0.0
    field: Field | None = None
    coarse, strength = False, 0.0
    if rng.random() < 0.6:
        field = grain(rng)
        coarse = bool(rng.random() < 0.5)
        strength = float(rng.uniform(0, 0.04))
    quality = int(rng.integers(40, 95)) if rng.random() < 0.4 else None
    return Camera(exposure, sigma, field, coarse, strength, quality)
