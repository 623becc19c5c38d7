"""What surfaces are made of, as numbers: pieces of photographs, cloth, and patches of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vimatte.training.material import Material
from vimatte.training.strands import Noise, draw_noise


@dataclass(frozen=True)
class Photograph:
    """A square piece of a photograph that drifts slowly, or of a video that does.

    Attributes
    ----------
    number : int
        Which of the material's backgrounds, or of its videos.
    frames : tuple of int, optional
        The video's frames, one a frame; None where a photograph is taken.
    size : int
        Side in pixels of what is made of it.
    window : int
        Side in pixels of the piece of the photograph.
    corners : tuple of (int, int)
        Top and left of the piece, one a frame.
    flip : bool
        Left and right change places.
    sigma : float
        Of the Gaussian blur at `size`, in pixels; 0 leaves it sharp.
    """

    number: int
    frames: tuple[int, ...] | None
    size: int
    window: int
    corners: tuple[tuple[int, int], ...]
    flip: bool
    sigma: float


@dataclass(frozen=True)
class Cloth:
    """A plain colour with soft light and fine grain.

    Attributes
    ----------
    colour : ndarray of float32, shape (3,), in [0, 1]
    light, grain : Noise
    roughness : float
        How strong the grain is, 0 to 0.25.
    """

    colour: NDArray[np.float32]
    light: Noise
    grain: Noise
    roughness: float


@dataclass(frozen=True)
class Patchwork:
    """Several surfaces with edges between them: an edge inside a subject is not its outline.

    Attributes
    ----------
    size : tuple of int
        Height and width in pixels.
    ground : Photograph or Cloth
        A photograph is as large as the longer side and is cut to `size`.
    patches : tuple of (Noise, float, Photograph or Cloth)
        A patch lies wherever its noise is above its level.
    """

    size: tuple[int, int]
    ground: Photograph | Cloth
    patches: tuple[tuple[Noise, float, Photograph | Cloth], ...]


def draw_photograph(
    material: Material, frames: int, size: int, rng: np.random.Generator
) -> Photograph:
    """Draw a piece of a photograph and how it drifts; see `Photograph`.

    One in four is of a video, where there are any.
    """
    shown = None
    if material.videos and rng.random() < 0.25:
        number = int(rng.integers(len(material.videos)))
        shown = draw_stretch(len(material.videos[number]), frames, rng)
        height, width = material.videos[number].shape[1:3]
    else:
        number = int(rng.integers(len(material.backgrounds)))
        height, width = material.backgrounds[number].shape[:2]
    window = min(height, width, int(size * np.exp(rng.uniform(np.log(0.7), np.log(4.0)))))
    pan = rng.normal(0, 3.0, 2) * window / size if rng.random() < 0.6 else np.zeros(2)
    top, left = rng.uniform(0, 1, 2) * [height - window, width - window]
    flip = bool(rng.random() < 0.5)
    corners = tuple(
        (
            int(np.clip(top + pan[0] * t, 0, height - window)),
            int(np.clip(left + pan[1] * t, 0, width - window)),
        )
        for t in range(frames)
    )
    sigma = float(rng.uniform(0.5, 5)) if rng.random() < 0.4 else 0.0
    return Photograph(number, shown, size, window, corners, flip, sigma)


def draw_stretch(length: int, frames: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Draw consecutive or every other frame of a clip of `length` frames."""
    step = int(rng.integers(1, 3))
    start = int(rng.integers(0, max(1, length - frames * step)))
    # There and back again, where a clip is shorter than what is asked for.
    at = (start + step * np.arange(frames)) % max(1, 2 * length - 2)
    return tuple(int(frame) for frame in np.where(at < length, at, 2 * length - 2 - at))


def draw_patchwork(
    material: Material, height: int, width: int, rng: np.random.Generator
) -> Patchwork:
    """Draw a surface of up to five parts; see `Patchwork`."""
    ground = _draw_surface(material, height, width, rng)
    patches = []
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.3, 0.3, 0.25, 0.15]))):
        cell = max(height, width) / rng.uniform(1.5, 6)
        level = float(rng.uniform(-0.3, 0.5))
        where = draw_noise(height, width, cell, rng)
        patches.append((where, level, _draw_surface(material, height, width, rng)))
    return Patchwork((height, width), ground, tuple(patches))


def _draw_surface(
    material: Material, height: int, width: int, rng: np.random.Generator
) -> Photograph | Cloth:
    longest = max(height, width)
    if rng.random() < 0.5:
        return draw_photograph(material, 1, longest, rng)
    colour = rng.uniform(0, 1, 3).astype(np.float32) ** 1.3
    light = draw_noise(height, width, longest / rng.uniform(1, 6), rng)
    roughness = float(rng.uniform(0, 0.25))
    grain = draw_noise(height, width, float(rng.uniform(1.5, 5)), rng)
    return Cloth(colour, light, grain, roughness)
