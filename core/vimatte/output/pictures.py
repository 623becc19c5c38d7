"""Pictures for people: mattes over a checkerboard, coloured overlays, PNG files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import OutputError
from vimatte.frames.window import Window

CHECKER = 16
LIGHT, DARK = 0.62, 0.42

Plane = NDArray[np.float32]
Picture = NDArray[np.uint8]
# What a picture needs of an instance: what its alpha covers, the alpha, its colour.
Layer = tuple[Window, Plane, tuple[float, float, float]]


def over_checkerboard(pixels: Plane, window: Window, layers: Sequence[Layer]) -> Picture:
    """Return the plate's people over a checkerboard.

    Parameters
    ----------
    pixels : ndarray of float32, shape (window.height, window.width, 3)
        sRGB-encoded, in [0, 1].
    window : Window
        What the pixels cover.
    layers : sequence of Layer

    Returns
    -------
    ndarray of uint8, shape (window.height, window.width, 3)
    """
    total = np.zeros(window.shape, np.float32)
    for covered, alpha, _ in layers:
        _add(total, window, covered, alpha)
    rows, columns = np.indices(window.shape)
    board = np.where((rows // CHECKER + columns // CHECKER) % 2, LIGHT, DARK).astype(np.float32)
    total = np.clip(total, 0, 1)[..., None]
    return _bytes(pixels * total + board[..., None] * (1 - total))


def overlay(
    pixels: Plane, window: Window, layers: Sequence[Layer], strength: float = 0.6
) -> Picture:
    """Return the plate with every instance tinted in its colour; arguments as above."""
    out = pixels * 0.8
    for covered, alpha, colour in layers:
        weight = np.zeros(window.shape, np.float32)
        _add(weight, window, covered, alpha)
        weight = np.clip(weight, 0, 1)[..., None] * strength
        out = out * (1 - weight) + np.asarray(colour, np.float32) * weight
    return _bytes(out)


def matte(window: Window, layers: Sequence[Layer]) -> Picture:
    """Return the alphas alone, each in its instance's colour over black."""
    out = np.zeros((*window.shape, 3), np.float32)
    for covered, alpha, colour in layers:
        weight = np.zeros(window.shape, np.float32)
        _add(weight, window, covered, alpha)
        out += weight[..., None] * np.asarray(colour, np.float32)
    return _bytes(out)


def shrink(picture: Picture, long_side: int) -> Picture:
    """Return a picture whose long side is at most `long_side` pixels."""
    factor = long_side / max(picture.shape[:2])
    if factor >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def encode(picture: Picture, suffix: str = ".png", quality: int = 85) -> bytes:
    """Return a picture as the bytes of a PNG or JPEG file."""
    options = [int(cv2.IMWRITE_JPEG_QUALITY), quality] if suffix == ".jpg" else []
    done, data = cv2.imencode(suffix, picture[..., ::-1], options)
    if not done:
        raise OutputError(f"cannot encode a picture of {picture.shape}")
    return bytes(data.tobytes())


def write_file(path: Path, data: bytes, frame: int | None = None) -> None:
    """Write bytes under a temporary name, flush, rename. Raises OutputError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write: {error.strerror or error}",
            frame=frame,
            path=path,
            hint="check the folder's permissions and free space",
        ) from error


def _add(target: Plane, window: Window, covered: Window, alpha: Plane) -> None:
    shared = covered.intersect(window)
    if not shared.empty:
        target[shared.slices_in(window)] += alpha[shared.slices_in(covered)]


def _bytes(values: Plane) -> Picture:
    return np.asarray(np.clip(np.round(values * 255), 0, 255), np.uint8)
