"""How a stored picture is to be turned and mirrored to be as it is meant."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

# What the orientations of TIFF and Exif ask for; DPX has the same eight under other numbers, which
# OpenImageIO translates.
_TAGGED = {
    1: (0, False), 2: (0, True), 3: (2, False), 4: (2, True),
    5: (1, True), 6: (3, False), 7: (3, True), 8: (1, False),
}  # fmt: skip
_BY_MATRIX = {
    (1, 0, 0, 1): (0, False), (-1, 0, 0, 1): (0, True),
    (-1, 0, 0, -1): (2, False), (1, 0, 0, -1): (2, True),
    (0, -1, 1, 0): (1, False), (0, 1, -1, 0): (3, False),
    (0, 1, 1, 0): (1, True), (0, -1, -1, 0): (3, True),
}  # fmt: skip
# Of the length of a matrix's sides; FFmpeg, too, lets one degree pass.
_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to lay a picture.

    Attributes
    ----------
    turns : int
        Quarter turns to the left, 0 to 3; made after mirroring.
    mirrored : bool
        Left and right are exchanged, before the turns.
    """

    turns: int = 0
    mirrored: bool = False

    @classmethod
    def of_tag(cls, number: int) -> Orientation:
        """Return that of a TIFF or Exif orientation, 1 to 8; others mean as stored."""
        return cls(*_TAGGED.get(number, (0, False)))

    @classmethod
    def of_matrix(cls, content: bytes) -> Orientation | None:
        """Return that of a movie's display matrix; None where it is no multiple of 90 degrees.

        A matrix of zeros, which some writers leave, asks for nothing.

        Parameters
        ----------
        content : bytes
            Nine 32-bit integers, as FFmpeg gives them.
        """
        if len(content) < 36:
            return cls()
        matrix = struct.unpack("=9i", content[:36])
        a, b, c, d = (value / 65536 for value in (matrix[0], matrix[1], matrix[3], matrix[4]))
        across, down = float(np.hypot(a, b)), float(np.hypot(c, d))
        if not across or not down:
            return cls()
        sides = (a / across, b / across, c / down, d / down)
        signs = tuple(round(side) for side in sides)
        if max(abs(side - sign) for side, sign in zip(sides, signs, strict=True)) > _TOLERANCE:
            return None
        found = _BY_MATRIX.get(signs)
        return None if found is None else cls(*found)

    @property
    def as_stored(self) -> bool:
        """Whether nothing is to be done."""
        return self == AS_STORED

    def apply(self, pixels: NDArray[T]) -> NDArray[T]:
        """Return a picture, shape (h, w) or (h, w, channels), as it is meant."""
        if self.as_stored:
            return pixels
        mirrored = pixels[:, ::-1] if self.mirrored else pixels
        return np.ascontiguousarray(np.rot90(mirrored, self.turns))

    def __str__(self) -> str:
        turned = ("", "turned by 90 degrees to the left", "turned by 180 degrees",
                  "turned by 90 degrees to the right")[self.turns]  # fmt: skip
        if self.mirrored and self.turns == 2:
            return "flipped upside down"
        return " and ".join(part for part in ("mirrored" if self.mirrored else "", turned) if part)


#: How most pictures lie.
AS_STORED = Orientation()
