"""A shot made by arithmetic, as heavy as a real one: photo-like noise, figures with soft outlines.

Grain keeps EXR compression honest, strands at the outline give the unknown band a real width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.frames.window import Window

Plane = NDArray[np.float32]
FIRST = 1001
STRAND = 0.05  # of the smaller radius: how far the outline is neither inside nor outside


@dataclass(frozen=True)
class Figure:
    """An ellipse with a wobbling, stranded outline that sways about its place, in pixels."""

    x: float
    y: float
    across: float
    down: float
    sway: float

    def alpha(self, frame: int, width: int, height: int) -> Plane:
        """Return its soft alpha in a frame, shape (height, width)."""
        at = self.x + self.sway * np.sin(frame * 0.15 + self.x)
        rows, columns = np.ogrid[:height, :width]
        u = (columns - at).astype(np.float32) / np.float32(self.across)
        v = (rows - self.y).astype(np.float32) / np.float32(self.down)
        angle, radius = np.arctan2(v, u), np.hypot(u, v)
        wobble = 0.04 * np.sin(5 * angle + 0.1 * frame) + 0.015 * np.sin(90 * angle + frame)
        return np.clip((1 - radius + wobble) / STRAND + 0.5, 0, 1).astype(np.float32)


def two_people(width: int, height: int, cover: float = 0.15) -> list[Figure]:
    """Return two standing figures that each cover this part of the frame."""
    down = 0.42 * height
    across = cover * width * height / (np.pi * down)
    return [Figure(width * x, height * 0.5, across, down, width * 0.03) for x in (0.3, 0.7)]


def row_of_discs(width: int, height: int, count: int) -> list[Figure]:
    """Return `count` discs of equal size on a grid of 4 x 2 cells."""
    radius = min(width / 4, height / 2) * 0.36
    return [
        Figure(width * (i % 4 + 0.5) / 4, height * (i // 4 + 0.5) / 2, radius, radius, 0.0)
        for i in range(count)
    ]


class Scene:
    """Frames of figures before a background, and their masks."""

    def __init__(self, width: int, height: int, figures: Sequence[Figure], seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.width, self.height, self.figures = width, height, list(figures)
        self._ground = _texture(rng, width, height, 0.05)
        self._cloth = [_texture(rng, width, height, 0.4) for _ in figures]
        self._grain = rng.normal(1, 0.03, (height, width, 3)).astype(np.float32)

    def alphas(self, frame: int) -> list[Plane]:
        """Return every figure's alpha; later figures stand behind earlier ones."""
        free = np.ones((self.height, self.width), np.float32)
        found = []
        for figure in self.figures:
            alpha = figure.alpha(frame, self.width, self.height) * free
            free -= alpha
            found.append(alpha)
        return found

    def pixels(self, frame: int) -> Plane:
        """Return a frame, scene-linear, shape (height, width, 3)."""
        picture = np.roll(self._ground, 2 * frame, axis=1)
        for alpha, cloth in zip(self.alphas(frame), self._cloth, strict=True):
            picture += alpha[..., None] * (cloth - picture)
        shift = np.random.default_rng(frame).integers(self.height)
        return picture * np.roll(self._grain, int(shift), axis=0)

    def guidance(self, frame: int) -> GuidanceFrame:
        """Return the masks of a frame, without writing them."""
        masks = {}
        for key, alpha in enumerate(self.alphas(frame), start=1):
            x, y, width, height = cv2.boundingRect((alpha > 0.5).astype(np.uint8))
            window = Window(x, y, width, height)
            inside = alpha[y : y + height, x : x + width] > 0.5
            masks[key] = InstanceMask(window, inside)
        return GuidanceFrame(frame, masks)

    def write(self, folder: Path, frames: int) -> tuple[Path, Path]:
        """Write half-float EXR and a folder of masks an instance; return plate and masks."""
        plate, masks = folder / "plate", folder / "masks"
        plate.mkdir(parents=True)
        for frame in range(FIRST, FIRST + frames):
            write_plain(plate / f"plate.{frame}.exr", self.pixels(frame), "RGB")
            for key, alpha in enumerate(self.alphas(frame), start=1):
                place = masks / f"figure{key}"
                place.mkdir(parents=True, exist_ok=True)
                picture = np.where(alpha > 0.5, np.uint8(255), np.uint8(0))
                cv2.imwrite(str(place / f"mask.{frame}.png"), picture)
        return plate / "plate.####.exr", masks


def write_plain(path: Path, pixels: NDArray[np.floating], names: Sequence[str]) -> None:
    """Write a half-float EXR by OpenImageIO alone."""
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, oiio.HALF)
    spec.channelnames = tuple(names)
    spec.attribute("compression", "zip")
    output = oiio.ImageOutput.create(str(path))
    if not (output.open(str(path), spec) and output.write_image(pixels) and output.close()):
        raise OSError(output.geterror())


def _texture(rng: np.random.Generator, width: int, height: int, level: float) -> Plane:
    """Return octaves of smooth noise, each half as strong: roughly what photographs are."""
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(7):
        coarse = rng.random((2 + (height >> (7 - octave)), 2 + (width >> (7 - octave)), 3))
        layer = cv2.resize(
            coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        total += (layer - 0.5) * np.float32(0.6**octave)
    return np.asarray(np.float32(level) * np.exp(1.5 * total), np.float32)
