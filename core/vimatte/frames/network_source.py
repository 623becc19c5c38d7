"""A plate as networks see it: square pixels, sRGB-encoded, cut to the region of interest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import ConfigError, FrameReadError
from vimatte.frames.ahead import ahead
from vimatte.frames.brightness import brightness_notices, looked_at, not_finite_notices
from vimatte.frames.colour import NetworkColour
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.square_pixels import canvas_window, from_canvas, is_square, to_canvas
from vimatte.frames.types import FrameHeader, NetworkFrame, Plate, PlateFrame
from vimatte.frames.window import Window
from vimatte.notices import Notice

# In a thumbnail: a light this much above white must not drown its surroundings.
BRIGHTEST = 4.0


class NetworkSource:
    """The frames of a plate, ready for detectors and networks. Thread-safe, as plates are.

    Parameters
    ----------
    plate : Plate
    colour : NetworkColour
    roi : Window, optional
        Only this part, in square pixels of the display window. Frames that hold nothing of it have
        an empty window.
    frames : FrameRange, optional
        The part of the plate that makes the shot; all of it by default.

    Raises
    ------
    ConfigError
        When the roi is empty.
    """

    def __init__(
        self,
        plate: Plate,
        colour: NetworkColour,
        *,
        roi: Window | None = None,
        frames: FrameRange | None = None,
    ) -> None:
        if roi is not None and roi.empty:
            raise ConfigError("the region of interest is empty", hint="--roi X,Y,WIDTH,HEIGHT")
        self._plate = plate
        self._colour = colour
        self._roi = roi
        self._frames = frames
        self._notices: tuple[Notice, ...] | None = None

    @property
    def plate(self) -> Plate:
        """The plate it reads from."""
        return self._plate

    @property
    def frames(self) -> FrameRange:
        """Every frame of the shot."""
        return self._plate.frames if self._frames is None else self._frames

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user should know of how the plate looks to networks.

        Three frames are read for it, once, where values may lie above white at all.
        """
        if self._notices is None:
            self._notices = ()
            if self._colour.may_exceed_white:
                broken: dict[int, int] = {}
                of_brightness = brightness_notices(
                    self._some_frames(broken),
                    self._colour.to_linear,
                    exposure=self._colour.exposure,
                    path=self._plate.path,
                )
                self._notices = of_brightness + not_finite_notices(broken, self._plate.path)
        return self._notices

    def _some_frames(self, broken: dict[int, int]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for frame in looked_at(self.frames):
            try:
                read = self._plate.read(frame)
                if read.nonfinite:
                    broken[frame] = read.nonfinite
                yield frame, read.pixels
            except FrameReadError:  # noqa: PERF203 - three rounds
                continue  # it stops the run where the frame is needed

    def settings(self) -> dict[str, Any]:
        """Return what pixels depend on beside the plate's own, for fingerprints."""
        roi = self._roi
        return {
            **self._colour.settings(),
            "roi": None if roi is None else [roi.x, roi.y, roi.width, roi.height],
        }

    def header(self, frame: int) -> FrameHeader:
        """Return the plate's header of a frame. Raises FrameReadError."""
        return self._plate.header(frame)

    def digest(self, frame: int) -> str:
        """Return the digest of the plate's frame; the settings are not in it."""
        return self._plate.digest(frame)

    def window(self, frame: int) -> Window:
        """Return what `read` would give as the window, without decoding pixels where possible."""
        header = self._plate.header(frame)
        return self._cut(canvas_window(header.data_window, header))

    def read(self, frame: int) -> NetworkFrame:
        """Return one frame.

        Raises
        ------
        FrameReadError
            When the plate cannot be read there.
        """
        pixels, window = self._square(self._plate.read(frame))
        pixels = self._colour.to_network(pixels)
        return NetworkFrame(frame, pixels, window)

    def read_ahead(
        self, frames: Iterable[int], depth: int = 4, threads: int = 2
    ) -> Iterator[NetworkFrame]:
        """Yield frames in the order asked for, while the next ones are read on threads.

        Parameters
        ----------
        frames : iterable of int
        depth : int
            How many frames may be read or waiting at once; memory is bounded by it.
        threads : int

        Yields
        ------
        NetworkFrame
            An error surfaces where its frame would have come. Abandoning the generator waits only
            for the reads already under way.
        """
        yield from ahead(self.read, frames, depth=depth, threads=threads)

    def scene_linear(self, frame: int) -> NDArray[np.float32]:
        """Return a frame's own pixels, as light: see `NetworkColour.to_scene_linear`.

        Returns
        -------
        ndarray of float32, shape (data_window.height, data_window.width, 3)
            Not unsqueezed, not cut to the region of interest.

        Raises
        ------
        FrameReadError, ColorSpaceError
        """
        return self._colour.to_scene_linear(self._plate.read(frame).pixels)

    def scene_linear_settings(self) -> dict[str, Any]:
        """Return what `scene_linear` depends on beside the plate's pixels, for fingerprints."""
        return self._colour.scene_linear_settings()

    def thumbnail(self, frame: int, side: int) -> NDArray[np.uint8]:
        """Return a small picture of a frame, as cheaply as can be: to tell shots apart.

        Parameters
        ----------
        frame : int
        side : int
            The long side, in pixels.

        Returns
        -------
        ndarray of uint8, shape (h, w, 3)
            sRGB-encoded; empty for a frame without pixels.

        Raises
        ------
        FrameReadError
        """
        plate = self._plate.read(frame)
        window = self._cut(canvas_window(plate.header.data_window, plate.header))
        if window.empty:
            return np.zeros((0, 0, 3), np.uint8)
        if is_square(plate.header):
            pixels = plate.pixels[window.slices_in(plate.header.data_window)]
        else:
            pixels = self._square(plate)[0]
        factor = min(1.0, side / max(window.width, window.height))
        size = max(1, round(window.width * factor)), max(1, round(window.height * factor))
        # Shrunk before the colour, which costs more: not what a camera would see, but near it.
        finite = np.fmin(np.fmax(pixels, np.float32(0)), np.float32(BRIGHTEST))
        small = np.asarray(cv2.resize(finite, size, interpolation=cv2.INTER_AREA), np.float32)
        return (self._colour.to_network(small) * np.float32(255) + np.float32(0.5)).astype(np.uint8)

    def _square(self, plate: PlateFrame) -> tuple[NDArray[np.float32], Window]:
        """Return a frame's square pixels in the plate's own colour, and what they cover."""
        canvas = canvas_window(plate.header.data_window, plate.header)
        window = self._cut(canvas)
        # Cut before the costly steps; columns can only be cut once they are square.
        rows = slice(window.y - canvas.y, window.bottom - canvas.y)
        source = plate.header.data_window
        strip = FrameHeader(
            data_window=Window(source.x, window.y, source.width, window.height),
            display_window=plate.header.display_window,
            pixel_aspect=plate.header.pixel_aspect,
        )
        square = to_canvas(plate.pixels[rows], strip)
        columns = slice(window.x - canvas.x, window.right - canvas.x)
        return np.ascontiguousarray(square[:, columns]), window

    def _cut(self, canvas: Window) -> Window:
        return canvas if self._roi is None else canvas.intersect(self._roi)


def alpha_to_plate(
    alpha: NDArray[np.float32], window: Window, header: FrameHeader
) -> NDArray[np.float32]:
    """Put an alpha of the square-pixel canvas onto the plate's own pixels.

    Parameters
    ----------
    alpha : ndarray of float, shape (window.height, window.width)
    window : Window
        What the alpha covers, on the canvas.
    header : FrameHeader
        Of the plate's frame.

    Returns
    -------
    ndarray of float32, shape (data_window.height, data_window.width)
        0 where `window` does not cover the plate. Resampled only where the plate's pixels are not
        square.
    """
    return from_canvas(np.asarray(alpha, np.float32), window, header)
