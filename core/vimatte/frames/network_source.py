"""A plate as networks see it: square pixels, sRGB-encoded, cut to the region of interest."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import ConfigError
from vimatte.frames.colour import NetworkColour
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.square_pixels import canvas_window, from_canvas, to_canvas
from vimatte.frames.types import FrameHeader, NetworkFrame, Plate
from vimatte.frames.window import Window


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

    @property
    def plate(self) -> Plate:
        """The plate it reads from."""
        return self._plate

    @property
    def frames(self) -> FrameRange:
        """Every frame of the shot."""
        return self._plate.frames if self._frames is None else self._frames

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
        plate = self._plate.read(frame)
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
        pixels = self._colour.to_network(np.ascontiguousarray(square[:, columns]))
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
        pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="read-ahead")
        waiting: deque[Future[NetworkFrame]] = deque()
        try:
            for frame in frames:
                waiting.append(pool.submit(self.read, frame))
                if len(waiting) >= max(1, depth):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

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
