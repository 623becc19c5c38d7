"""Pictures for people: mattes over a checkerboard, coloured overlays, PNG and JPEG bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import OutputError
from vimatte.frames.window import Window, place

# Squares of the checkerboard along a picture's long side.
SQUARES = 48
LIGHT, DARK = 0.66, 0.44
# How far an overlay hides the plate, and how far the plate is dimmed outside of it.
TINT, DIM = 0.5, 0.75
PREVIEW_SIDE = 960

Plane = NDArray[np.float32]
Picture = NDArray[np.uint8]
# What a picture needs of an instance: what its alpha covers, the alpha, its colour.
Layer = tuple[Window, Plane, tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A plate's frame with its mattes, at the size of the pictures to make.

    Attributes
    ----------
    pixels : ndarray of float32, shape (height, width, 3)
        sRGB-encoded, in [0, 1].
    layers : tuple of (ndarray of float32, shape (height, width), colour)
        Alpha in [0, 1] and the instance's sRGB-encoded colour.
    """

    pixels: Plane
    layers: tuple[tuple[Plane, tuple[float, float, float]], ...]

    @classmethod
    def of(
        cls,
        pixels: Plane,
        window: Window,
        layers: Sequence[Layer],
        long_side: int | None = None,
    ) -> Scene:
        """Lay everything on the plate's window and shrink it.

        Parameters
        ----------
        pixels : ndarray of float32, shape (window.height, window.width, 3)
            sRGB-encoded, in [0, 1].
        window : Window
            What the pixels cover; where it is empty the pictures have one pixel.
        layers : sequence of Layer
        long_side : int, optional
            The pictures' long side is at most this; by default the size stays.
        """
        if window.empty:
            return cls(np.zeros((1, 1, 3), np.float32), ())
        size = _size(window, long_side)
        return cls(
            _resized(pixels, size),
            tuple(
                (_resized(_placed(alpha, covered, window), size), colour)
                for covered, alpha, colour in layers
            ),
        )

    def plate(self) -> Picture:
        """Return the plate."""
        return _bytes(self.pixels)

    def overlay(self) -> Picture:
        """Return the dimmed plate with every instance tinted and outlined in its colour."""
        out = self.pixels * DIM
        for alpha, colour in self.layers:
            weight = (alpha * TINT)[..., None]
            out += weight * (np.asarray(colour, np.float32) - out)
        for alpha, colour in self.layers:
            inside = (alpha > 0.5).astype(np.uint8)
            edge = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))
            out[edge > 0] = colour
        return _bytes(out)

    def matte(self) -> Picture:
        """Return the alphas alone, each in its instance's colour over black."""
        out = np.zeros_like(self.pixels)
        for alpha, colour in self.layers:
            out += alpha[..., None] * np.asarray(colour, np.float32)
        return _bytes(out)

    def over_checkerboard(self) -> Picture:
        """Return what the mattes keep of the plate, over a checkerboard."""
        height, width = self.pixels.shape[:2]
        total = np.zeros((height, width), np.float32)
        for alpha, _ in self.layers:
            total += alpha
        total = np.clip(total, 0, 1)[..., None]
        square = max(4, round(max(height, width) / SQUARES))
        rows, columns = np.arange(height) // square, np.arange(width) // square
        odd = (rows[:, None] + columns) % 2 > 0
        board = np.asarray(np.where(odd, LIGHT, DARK), np.float32)[..., None]
        return _bytes(self.pixels * total + board * (1 - total))


def over_checkerboard(
    pixels: Plane, window: Window, layers: Sequence[Layer], long_side: int | None = None
) -> Picture:
    """Return the plate's instances over a checkerboard; parameters as for `Scene.of`."""
    return Scene.of(pixels, window, layers, long_side).over_checkerboard()


def preview_picture(
    pixels: Plane,
    window: Window,
    layers: Sequence[Layer],
    long_side: int | None = PREVIEW_SIDE,
) -> Picture:
    """Return a frame's preview: the overlay, and beside or below it what the mattes keep.

    Parameters
    ----------
    pixels, window, layers
        As for `Scene.of`.
    long_side : int, optional
        Of each of the two pictures, at most; None keeps the plate's size.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    scene = Scene.of(pixels, window, layers, long_side)
    height, width = scene.pixels.shape[:2]
    beside = 0 if width > height else 1
    return np.concatenate([scene.overlay(), scene.over_checkerboard()], axis=beside)


def encode(picture: Picture, suffix: str = ".png", quality: int = 85) -> bytes:
    """Return a picture as the bytes of a PNG or JPEG file. Raises OutputError."""
    if not picture.size:  # a frame without a pixel
        picture = np.zeros((1, 1, 3), np.uint8)
    options = [int(cv2.IMWRITE_JPEG_QUALITY), quality] if suffix == ".jpg" else []
    done, data = cv2.imencode(suffix, np.ascontiguousarray(picture[..., ::-1]), options)
    if not done:
        raise OutputError(f"cannot encode a picture of {picture.shape}")
    return bytes(data.tobytes())


def _size(window: Window, long_side: int | None) -> tuple[int, int]:
    factor = min(1.0, (long_side or 1 << 30) / max(window.width, window.height))
    return max(1, round(window.width * factor)), max(1, round(window.height * factor))


def _resized(array: Plane, size: tuple[int, int]) -> Plane:
    if (array.shape[1], array.shape[0]) == size:
        return array
    return np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_AREA), np.float32)


def _placed(alpha: Plane, covered: Window, window: Window) -> Plane:
    return np.asarray(place(alpha, covered, window), np.float32)


def _bytes(values: Plane) -> Picture:
    return np.asarray(np.clip(np.round(values * 255), 0, 255), np.uint8)
