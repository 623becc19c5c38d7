"""Between a plate's own pixel grid and the square pixels that networks see.

Networks see every plate with square pixels: an anamorphic plate's columns are stretched by its
pixel aspect. The canvas is that of the display window: column ``x`` of the plate covers columns
``x * aspect`` to ``(x + 1) * aspect`` of the canvas, so frames whose data window varies stay on
one lattice. A window that ends between two columns is rounded outwards. Rows are never touched.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import FrameReadError
from vimatte.frames.image_file import MAX_PIXELS
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window, place

_TOLERANCE = 1e-6
_BLOCK_ROWS = 64


def is_square(header: FrameHeader) -> bool:
    """Whether the plate's pixels are square already."""
    return abs(header.pixel_aspect - 1.0) < 1e-4


def canvas_window(window: Window, header: FrameHeader) -> Window:
    """Return where a window of plate pixels lies on the square-pixel canvas.

    Raises
    ------
    FrameReadError
        When the stretched plate is too large to hold.
    """
    if is_square(header):
        return window
    left = math.floor(window.x * header.pixel_aspect + _TOLERANCE)
    right = math.ceil(window.right * header.pixel_aspect - _TOLERANCE)
    stretched = Window(left, window.y, max(0, right - left), window.height)
    if stretched.width * stretched.height > MAX_PIXELS:
        raise FrameReadError("the plate is too large without its squeeze")
    return Window(left, window.y, 0, window.height) if window.empty else stretched


def to_canvas(pixels: NDArray[np.float32], header: FrameHeader) -> NDArray[np.float32]:
    """Stretch a plate's pixels, which cover its data window, to square pixels.

    Parameters
    ----------
    pixels : ndarray of float32, shape (data_window.height, data_window.width, channels)
    header : FrameHeader

    Returns
    -------
    ndarray of float32, shape (h, w, channels)
        Covers ``canvas_window(header.data_window, header)``.
    """
    source = header.data_window
    target = canvas_window(source, header)
    if is_square(header) or source.empty:
        return pixels.reshape(*target.shape, pixels.shape[2])
    aspect = header.pixel_aspect
    return _resample(pixels, target.x - source.x * aspect, aspect, target.width)


def from_canvas(
    pixels: NDArray[np.float32], window: Window, header: FrameHeader
) -> NDArray[np.float32]:
    """Squeeze a single channel from the canvas back onto the plate's data window.

    Parameters
    ----------
    pixels : ndarray of float32, shape (window.height, window.width)
    window : Window
        What the pixels cover, on the canvas. Beyond it the result is 0.
    header : FrameHeader

    Returns
    -------
    ndarray of float32, shape (data_window.height, data_window.width)
    """
    canvas = canvas_window(header.data_window, header)
    placed = np.asarray(place(pixels, window, canvas), dtype=np.float32)
    target = header.data_window
    if is_square(header) or target.empty:
        return placed.reshape(target.shape)
    aspect = header.pixel_aspect
    start = (target.x * aspect - canvas.x) / aspect
    return _resample(placed[:, :, None], start, 1 / aspect, target.width)[:, :, 0]


def _resample(
    pixels: NDArray[np.float32], start: float, scale: float, width: int
) -> NDArray[np.float32]:
    """Resample columns: target column i covers ``(start + i) / scale`` ... of the source.

    Going up is linear, going down is the exact mean over what a column covers, so a constant stays
    constant and a squeeze after a stretch by a whole number gives nearly the same picture.
    """
    edges = (start + np.arange(width + 1, dtype=np.float64)) / scale
    if scale < 1:
        return _means(pixels, edges)
    columns = pixels.shape[1]
    centres = np.clip((edges[:-1] + edges[1:]) / 2 - 0.5, 0, columns - 1)
    left = np.floor(centres).astype(np.intp)
    share = (centres - left).astype(np.float32)[None, :, None]
    made: NDArray[np.float32] = np.take(pixels, left, axis=1)
    right = np.take(pixels, np.minimum(left + 1, columns - 1), axis=1)
    right -= made
    right *= share
    made += right
    return made


def _means(pixels: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the mean of the columns between neighbouring edges, each row for itself."""
    columns = pixels.shape[1]
    edges = np.clip(edges, 0, columns)
    left = np.minimum(np.floor(edges).astype(np.intp), columns - 1)
    share = (edges - left)[None, :, None]
    covered = np.maximum(np.diff(edges), _TOLERANCE)[None, :, None]
    made = np.empty((len(pixels), len(edges) - 1, pixels.shape[2]), np.float32)
    # Rows at a time: running sums need doubles, and a whole plate of them would be large.
    for top in range(0, len(pixels), _BLOCK_ROWS):
        block = pixels[top : top + _BLOCK_ROWS].astype(np.float64)
        sums = np.zeros((len(block), columns + 1, block.shape[2]))
        np.cumsum(block, axis=1, out=sums[:, 1:])
        at_edges = np.take(sums, left, axis=1) + share * np.take(block, left, axis=1)
        made[top : top + len(block)] = np.diff(at_edges, axis=1) / covered
    return made
