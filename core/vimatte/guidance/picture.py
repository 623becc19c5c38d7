"""A frame as the person networks see it: 8-bit, of bounded size, cut into tiles and regions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.frames.types import NetworkFrame
from vimatte.frames.window import Window
from vimatte.guidance.pose_nets import REGION_SIZE, Region

SHORT_SIDE = 1080
"""Larger frames are scaled down to this short side; the networks see 256 pixels of a person."""
GRID_SIDE = 320
"""The long side of the grid on which people are compared, moved and painted out."""
THUMB_SIDE = 128
"""The long side of the thumbnail from which scene cuts are told."""
_GREY = 118


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the picture that the detector sees as a whole."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Geometry:
    """The coordinate systems that lie on a frame.

    *Picture* pixels are the canvas's (`NetworkFrame.window`), scaled down where the frame is
    large; the *grid* is a small raster over the same rectangle.

    Attributes
    ----------
    window : Window
        Not empty.
    """

    window: Window

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture, in picture pixels."""
        width, height = self.window.width, self.window.height
        return _fit(width, height, SHORT_SIDE / min(width, height))

    @property
    def grid_size(self) -> tuple[int, int]:
        """Columns and rows of the grid."""
        width, height = self.window.width, self.window.height
        return _fit(width, height, GRID_SIDE / max(width, height))

    @property
    def to_grid(self) -> NDArray[np.float64]:
        """The 2x3 matrix from picture pixels to the grid's."""
        return _scaling(self.size, self.grid_size)

    @property
    def to_canvas(self) -> NDArray[np.float64]:
        """The 2x3 matrix from picture pixels to those of the frame's window."""
        return _scaling(self.size, (self.window.width, self.window.height))

    def into(self, other: Geometry) -> NDArray[np.float64]:
        """Return the 2x3 matrix from these picture pixels to those of another frame."""
        shifted = self.to_canvas
        shifted[:, 2] += (self.window.x - other.window.x, self.window.y - other.window.y)
        return chain(_scaling((other.window.width, other.window.height), other.size), shifted)

    def grid_into(self, other: Geometry) -> NDArray[np.float64]:
        """Return the 2x3 matrix from this grid to that of another frame."""
        up = _scaling(self.grid_size, self.size)
        return chain(other.to_grid, chain(self.into(other), up))


class Picture:
    """A frame's pixels, 8-bit and of bounded size, with its `Geometry`.

    Parameters
    ----------
    frame : NetworkFrame
        Its window must not be empty.
    """

    def __init__(self, frame: NetworkFrame) -> None:
        self.frame = frame.frame
        self.window: Window = frame.window
        self.geometry = Geometry(frame.window)
        self.size = self.geometry.size
        pixels = (np.clip(frame.pixels, 0.0, 1.0) * np.float32(255) + np.float32(0.5)).astype(
            np.uint8
        )
        self.pixels: NDArray[np.uint8] = _resize(pixels, self.size)
        self.grid_size = self.geometry.grid_size

    @property
    def grid_shape(self) -> tuple[int, int]:
        """``(rows, columns)`` of the grid."""
        return self.grid_size[1], self.grid_size[0]

    @cached_property
    def grid_pixels(self) -> NDArray[np.uint8]:
        """The picture on the grid, shape (rows, columns, 3)."""
        return _resize(self.pixels, self.grid_size)

    @cached_property
    def thumb(self) -> NDArray[np.uint8]:
        """The picture with a long side of `THUMB_SIDE`."""
        width, height = self.size
        return _resize(self.pixels, _fit(width, height, THUMB_SIDE / max(width, height)))

    @cached_property
    def _levels(self) -> list[NDArray[np.uint8]]:
        """The picture, halved again and again: a crop of a large region must not alias."""
        levels = [self.pixels]
        while min(levels[-1].shape[:2]) >= 64:
            height, width = levels[-1].shape[:2]
            levels.append(_resize(levels[-1], (width // 2, height // 2)))
        return levels

    def tile(self, tile: Tile, hidden: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
        """Return a tile's pixels, with the cells of `hidden` (on the grid) painted grey.

        A large tile comes halved, or halved again: at least 448 pixels of it are left.
        """
        level = int(np.log2(max(1.0, min(tile.width, tile.height) / 448)))
        pixels = self._levels[min(level, len(self._levels) - 1)]
        across, down = pixels.shape[1] / self.size[0], pixels.shape[0] / self.size[1]
        rows = slice(round(tile.y * down), round((tile.y + tile.height) * down))
        columns = slice(round(tile.x * across), round((tile.x + tile.width) * across))
        part = pixels[rows, columns]
        if hidden is None or not hidden.any():
            return part
        row = (np.arange(rows.start, rows.stop) * self.grid_size[1]) // pixels.shape[0]
        column = (np.arange(columns.start, columns.stop) * self.grid_size[0]) // pixels.shape[1]
        painted = part.copy()
        painted[hidden[np.ix_(row, column)]] = _GREY
        return painted

    def crop(self, region: Region, hidden: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
        """Return a region upright at 256x256; black outside the picture, `hidden` painted grey."""
        matrix = region.to_picture()
        level = max(0, min(len(self._levels) - 1, int(np.log2(max(1.0, region.side / 384)) + 0.5)))
        pixels = self._levels[level]
        down = _scaling(self.size, (pixels.shape[1], pixels.shape[0]))
        crop = _warp(pixels, chain(down, matrix), cv2.INTER_LINEAR)
        if hidden is not None and hidden.any():
            mask = _warp(
                hidden.astype(np.uint8) * 255,
                chain(self.geometry.to_grid, matrix),
                cv2.INTER_LINEAR,
            )
            crop[mask > 127] = _GREY
        return crop

    def grid_logits(self, logits: NDArray[np.float32], region: Region) -> NDArray[np.float32]:
        """Return a region's mask logits on the grid; -8 outside the region."""
        return spread(logits, chain(self.geometry.to_grid, region.to_picture()), self.grid_size)

    def canvas_logits(
        self, logits: NDArray[np.float32], region: Region
    ) -> tuple[NDArray[np.float32], Window]:
        """Return a region's mask logits at full size, on the part of the window it may touch."""
        matrix = chain(self.geometry.to_canvas, region.to_picture())
        box = _touched(logits, matrix).intersect(
            Window(0, 0, self.window.width, self.window.height)
        )
        matrix[:, 2] -= (box.x, box.y)
        part = Window(self.window.x + box.x, self.window.y + box.y, box.width, box.height)
        if box.empty:
            return np.zeros(part.shape, np.float32), part
        return spread(logits, matrix, (box.width, box.height)), part


def _touched(logits: NDArray[np.float32], matrix: NDArray[np.float64]) -> Window:
    """Return the box of the region's cells whose logits are not plainly negative, in the target."""
    inside = logits > -6.0
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size == 0:
        return Window(0, 0, 0, 0)
    xs, ys = (columns[0] - 2.0, columns[-1] + 2.0), (rows[0] - 2.0, rows[-1] + 2.0)
    corners = np.array([(x, y, 1.0) for x in xs for y in ys]) @ matrix.T
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def spread(
    logits: NDArray[np.float32], matrix: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Return `logits` moved by `matrix` onto an array of `size` (width, height); -8 elsewhere."""
    return np.asarray(
        cv2.warpAffine(
            logits,
            matrix,
            size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=-8.0,
        ),
        np.float32,
    )


def _fit(width: int, height: int, scale: float) -> tuple[int, int]:
    scale = min(1.0, scale)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resize(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _scaling(source: tuple[int, int], target: tuple[int, int]) -> NDArray[np.float64]:
    """Return the matrix between two rasters of one rectangle, pixel centres on pixel centres."""
    x, y = target[0] / source[0], target[1] / source[1]
    return np.array([[x, 0.0, (x - 1) / 2], [0.0, y, (y - 1) / 2]])


def chain(after: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix that does `first`, then `after`."""
    out = after[:, :2] @ first
    out[:, 2] += after[:, 2]
    return out


def _warp(pixels: NDArray[np.uint8], matrix: NDArray[np.float64], how: int) -> NDArray[np.uint8]:
    return np.asarray(
        cv2.warpAffine(
            pixels,
            matrix,
            (REGION_SIZE, REGION_SIZE),
            flags=how | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0, 0, 0),
        ),
        np.uint8,
    )
