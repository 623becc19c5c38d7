"""A shot: one view and one layer of one plate, and how its colour is to be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import ConfigError, FrameRangeError, FrameReadError, InputError
from vimatte.frames.colour import NetworkColour
from vimatte.frames.digest_cache import DigestCache
from vimatte.frames.frame_range import MAX_FRAMES, MOST_NUMBER, FrameRange
from vimatte.frames.given_path import given_path
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.open_plate import open_plate
from vimatte.frames.sequence_notices import OF_MISSING_FRAMES
from vimatte.frames.square_pixels import is_square
from vimatte.frames.types import Plate
from vimatte.frames.window import Window, place
from vimatte.notices import Notice
from vimatte.options import SHOT

#: So that the last frame of a long movie is a frame number, too.
MOST_START = MOST_NUMBER - MAX_FRAMES


_NUMBERS = ("whole", "number")


@dataclass(frozen=True)
class Shot:
    """What to matte.

    Attributes
    ----------
    path : str or Path
        An image sequence (``sh010.####.exr``, ``sh010.%04d.exr``), a still or a movie.
    frames : str or FrameRange, optional
        Part of the plate, e.g. ``1001-1100``; all of it by default.
    colorspace : str, optional
        The plate's colour space; by default the OCIO config's file rules, then scene-linear for
        EXR and sRGB for 8 bits.
    ocio : str, optional
        An OCIO config; by default ``$OCIO``, then the built-in ACES config.
    exposure : float
        Stops added before the networks see the plate; one value for the whole shot.
    view, layer : str, optional
        The view and the layer of a multi-view or multi-layer plate.
    roi : Window, optional
        Only this part of the plate, in square pixels of the display window.
    start_frame : int
        The number of a movie's first frame.

    Raises
    ------
    InputError
        When a path or a name is empty, or the start is no frame number.
    """

    path: str | Path
    frames: str | FrameRange | None = None
    colorspace: str | None = None
    ocio: str | None = None
    exposure: float = 0.0
    view: str | None = None
    layer: str | None = None
    roi: Window | None = None
    start_frame: int = 1

    def __post_init__(self) -> None:
        given_path(self.path, "the plate")
        if self.ocio is not None:
            given_path(self.ocio, "the OCIO config")
        for name in ("colorspace", "view", "layer"):
            value = getattr(self, name)
            if value is not None and not value.strip():
                raise InputError(f"the plate's {name} is empty", hint="leave it out, or name one")
        for row in SHOT:
            trouble = row.wrong(getattr(self, row.name)) if row.kind in _NUMBERS else None
            if trouble is not None:
                raise ConfigError(trouble, hint=row.help)
        if self.roi is not None and not isinstance(self.roi, Window):
            raise ConfigError(f"roi is a vimatte.Window, not {str(self.roi)[:80]!r}")
        if abs(self.start_frame) > MOST_START:
            raise InputError(
                f"a movie cannot start at frame {self.start_frame}",
                path=self.path,
                hint=f"frame numbers have at most nine digits; a start goes to {MOST_START}",
            )

    def open(self, digests: DigestCache | None = None) -> OpenShot:
        """Open the plate and settle its colour.

        Raises
        ------
        FrameReadError
            When nothing matches the path.
        FrameRangeError
            When a frame asked for is not in the plate.
        ColorSpaceError
            When the colour space is unknown, or must be given and is not.
        """
        plate = open_plate(
            self.path,
            view=self.view,
            layer=self.layer,
            start_frame=self.start_frame,
            digest_cache=digests,
        )
        try:
            frames = self._chosen(plate)
            colour = NetworkColour(
                self.colorspace, plate=plate, ocio=self.ocio, exposure=self.exposure
            )
        except BaseException:
            plate.close()
            raise
        return OpenShot(
            self, plate, frames, NetworkSource(plate, colour, roi=self.roi, frames=frames)
        )

    def _chosen(self, plate: Plate) -> FrameRange:
        if self.frames is None:
            return plate.frames
        wanted = self.frames
        if not isinstance(wanted, FrameRange):
            wanted = FrameRange.parse(wanted)
        absent = wanted.without(plate.frames)
        if len(absent):
            has = f"the plate has {plate.frames}" if len(plate.frames) else "the plate has none"
            why = [notice.message for notice in plate.notices if _concerns(notice, absent)]
            raise FrameRangeError(
                f"{len(absent)} of the frames asked for {'is' if len(absent) == 1 else 'are'} "
                f"not in the plate: {absent}",
                path=self.path,
                hint="; ".join([has, *why]),
            )
        return wanted


@dataclass(frozen=True)
class OpenShot:
    """A shot whose plate is open.

    Attributes
    ----------
    shot : Shot
    plate : Plate
    frames : FrameRange
        The frames to matte.
    source : NetworkSource
        The frames as networks see them.
    """

    shot: Shot
    plate: Plate
    frames: FrameRange
    source: NetworkSource

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user should know of the plate, but for holes that they have chosen around."""
        found = self.plate.notices
        if self.shot.frames is not None:
            found = [notice for notice in found if notice.code not in OF_MISSING_FRAMES]
        return tuple(found)

    def picture(self, frame: int) -> NDArray[np.float32]:
        """Return a frame over its whole display window, sRGB-encoded, shape (H, W, 3), in [0, 1].

        Raises
        ------
        FrameReadError
            When the plate cannot be read there, or its pixels are not square: mattes are published
            in the plate's own pixels.
        """
        header = self.source.header(frame)
        if not is_square(header):
            raise FrameReadError("the plate's pixels are not square", frame=frame)
        read = self.source.read(frame)
        return np.asarray(place(read.pixels, read.window, header.display_window), np.float32)

    def close(self) -> None:
        """Close the plate."""
        self.plate.close()


def _concerns(notice: Notice, frames: FrameRange) -> bool:
    """Whether a notice is about frames that are asked for and has more to say than that."""
    if not notice.frames or notice.code == "plate-hole":
        return False
    return len(FrameRange.parse(notice.frames).intersect(frames)) > 0
