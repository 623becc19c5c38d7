"""What flows between the parts: a plate's frame, and the picture a network sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.frame_range import FrameRange
from vimatte.frames.window import Window
from vimatte.notices import Notice

#: What a plate's values mean when nobody says: scene-linear (EXR), sRGB (8-bit files and ordinary
#: movies), or not to be guessed (log, DPX, 16-bit integers, HDR movies).
Encoding = Literal["scene-linear", "srgb", "unknown"]


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What a frame's file says beside its pixels; enough to write a matte that matches it.

    Attributes
    ----------
    data_window, display_window : Window
        In the plate's own pixels (anamorphic plates are not unsqueezed here).
    pixel_aspect : float
        Width of a pixel over its height.
    metadata : mapping of str to value
        Attributes worth keeping on the matte: time code, camera, frame rate, ... Values are what
        OpenImageIO gives (int, float, str, tuples of them that know their type). Attributes that
        would lie on a matte (``cryptomatte/*``, view and channel-structure attributes) are not in
        it. `vimatte.frames.metadata.apply_metadata` sets them on a file to write.
    """

    data_window: Window
    display_window: Window
    pixel_aspect: float = 1.0
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlateFrame:
    """One frame of a plate, as its file has it.

    Attributes
    ----------
    frame : int
        The plate's frame number.
    pixels : ndarray of float32, shape (data_window.height, data_window.width, 3)
        RGB in the plate's colour space; non-finite values are replaced by 0 and counted.
    header : FrameHeader
    nonfinite : int
        How many values (not pixels) were NaN or infinite in the file.
    """

    frame: int
    pixels: NDArray[np.float32]
    header: FrameHeader
    nonfinite: int = 0


class Plate(Protocol):
    """A shot's frames: one view and one layer of an image sequence, a still or a movie.

    ``read`` and ``header`` may be called from several threads at once.
    """

    @property
    def name(self) -> str:
        """A legal file stem taken from the plate's own name, e.g. ``sh010`` for sh010.####.exr."""

    @property
    def path(self) -> Path:
        """What was opened: the pattern, still or movie, with its view chosen."""

    @property
    def encoding(self) -> Encoding:
        """What the values mean when no colour space is given."""

    @property
    def frames(self) -> FrameRange:
        """Every frame the plate has, in order. Holes are simply not in it."""

    @property
    def rate(self) -> float | None:
        """Frames a second, where the plate knows it."""

    @property
    def transfer(self) -> int | None:
        """Its transfer curve's number in ISO/IEC 23091-4, where its files state one."""

    @property
    def turns(self) -> int:
        """Quarter turns to the left by which its pictures are turned, as its files ask; 0 to 3."""

    @property
    def mirrored(self) -> bool:
        """Whether its pictures are mirrored, left to right and before they are turned."""

    @property
    def notices(self) -> Sequence[Notice]:
        """What the user should know of its files: holes, unused files, doubtful pictures, ..."""

    def read(self, frame: int) -> PlateFrame:
        """Return one frame. Raises FrameReadError, with frame, path and hint."""

    def header(self, frame: int) -> FrameHeader:
        """Return what `read` would give as the header, without decoding pixels where possible."""

    def digest(self, frame: int) -> str:
        """Return a hexadecimal digest of the frame's content: equal content, equal digest.

        It depends on no path, time or host. Size and modification time may only save rehashing.
        """

    def close(self) -> None:
        """Release files and threads. Idempotent."""


@dataclass(frozen=True, slots=True)
class NetworkFrame:
    """A frame as detectors and networks see it.

    Attributes
    ----------
    frame : int
        The plate's frame number.
    pixels : ndarray of float32, shape (window.height, window.width, 3)
        sRGB-encoded RGB in [0, 1], square pixels, no NaN.
    window : Window
        What the pixels cover: the plate's data window in display-window coordinates of *square*
        pixels (an anamorphic plate's columns are multiplied by its pixel aspect).
    """

    frame: int
    pixels: NDArray[np.float32]
    window: Window


@dataclass(frozen=True, slots=True)
class InstanceMask:
    """A binary mask of one instance in one frame.

    Attributes
    ----------
    window : Window
        The mask's box, square pixels, display-window coordinates.
    mask : ndarray of bool, shape (window.height, window.width)
    """

    window: Window
    mask: NDArray[np.bool_]

    @property
    def area(self) -> int:
        """How many pixels are inside."""
        return int(np.count_nonzero(self.mask))


@dataclass(frozen=True, slots=True)
class GuidanceFrame:
    """The coarse masks of every instance that is present in one frame.

    Attributes
    ----------
    frame : int
        The plate's frame number.
    masks : mapping of int to InstanceMask
        By instance id (ids start at 1 and never change within a shot). An absent instance is
        simply not in it. Masks may overlap when the provider says so.
    """

    frame: int
    masks: Mapping[int, InstanceMask]
