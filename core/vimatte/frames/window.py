"""A rectangle of pixels in display-window coordinates, and moving arrays between two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open rectangle of pixels.

    Attributes
    ----------
    x, y : int
        The first column and row, in pixels; y grows downwards, as in an EXR data window.
        They may be negative: overscan lies outside the display window.
    width, height : int
        The size in pixels; 0 is legal and means that the window is empty.

    Raises
    ------
    ValueError
        When the width or the height is negative.
    """

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 0 or self.height < 0:
            raise ValueError(f"a window cannot have a negative size: {self}")

    @property
    def right(self) -> int:
        """The first column to the right of the window."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below the window."""
        return self.y + self.height

    @property
    def shape(self) -> tuple[int, int]:
        """``(height, width)``, as numpy arrays have it."""
        return self.height, self.width

    @property
    def empty(self) -> bool:
        """Whether the window holds no pixel."""
        return self.width == 0 or self.height == 0

    def intersect(self, other: Window) -> Window:
        """Return the part that both windows share; an empty window where they do not meet."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        return Window(
            x,
            y,
            max(0, min(self.right, other.right) - x),
            max(0, min(self.bottom, other.bottom) - y),
        )

    def union(self, other: Window) -> Window:
        """Return the smallest window that holds both; an empty one adds nothing."""
        if self.empty:
            return other
        if other.empty:
            return self
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Window(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def grow(self, pixels: int) -> Window:
        """Return the window with a margin of `pixels` on all four sides."""
        return Window(
            self.x - pixels, self.y - pixels, self.width + 2 * pixels, self.height + 2 * pixels
        )

    def contains(self, other: Window) -> bool:
        """Whether `other` lies wholly inside."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    def slices_in(self, outer: Window) -> tuple[slice, slice]:
        """Return the ``(rows, columns)`` of this window within an array that covers `outer`.

        Raises
        ------
        ValueError
            When this window does not lie wholly inside `outer`.
        """
        if not outer.contains(self):
            raise ValueError(f"{self} is not inside {outer}")
        top, left = self.y - outer.y, self.x - outer.x
        return slice(top, top + self.height), slice(left, left + self.width)


def place(
    pixels: NDArray[np.generic], source: Window, target: Window, fill: float = 0.0
) -> NDArray[np.generic]:
    """Return `pixels`, which cover `source`, as an array that covers `target`.

    Parameters
    ----------
    pixels : ndarray, shape (source.height, source.width[, channels])
    source, target : Window
    fill : float
        The value of pixels of `target` that `source` does not cover.

    Returns
    -------
    ndarray, shape (target.height, target.width[, channels])
        Always a new array.

    Raises
    ------
    ValueError
        When `pixels` is not of the size of `source`.
    """
    if pixels.shape[:2] != source.shape:
        raise ValueError(f"an array of {pixels.shape[:2]} does not cover {source}")
    out = np.full(target.shape + pixels.shape[2:], fill, dtype=pixels.dtype)
    shared = source.intersect(target)
    if not shared.empty:
        out[shared.slices_in(target)] = pixels[shared.slices_in(source)]
    return out
