"""Where a shot that is an edit changes scenes, told from thumbnails by PySceneDetect."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

_RATE = 24.0
_WINDOW = 2
_SHORTEST = 3


class SceneCuts:
    """The adaptive content detector, fed frame by frame.

    It compares each frame's change in hue, saturation and brightness with the change in the two
    frames before and after, so that fast motion and whip pans are no cuts. Call `add` for every
    frame in order, then `finish`.
    """

    def __init__(self) -> None:
        from scenedetect import AdaptiveDetector  # noqa: PLC0415 - it imports much

        self._detector = AdaptiveDetector(window_width=_WINDOW, min_scene_len=_SHORTEST)
        self._frames: list[int] = []
        self._last: NDArray[np.uint8] | None = None
        self._fed = 0
        self._found: list[int] = []

    def add(self, frame: int, thumb: NDArray[np.uint8]) -> None:
        """Take the next frame.

        Parameters
        ----------
        frame : int
            The plate's number; holes in the numbers do not matter.
        thumb : ndarray of uint8, shape (height, width, 3)
            sRGB. An empty one (a frame without pixels) is left out.
        """
        if thumb.size == 0:
            return
        if self._last is None:
            # The detector judges a frame by its neighbours on both sides: give the ends some.
            for _ in range(_WINDOW + _SHORTEST):
                self._feed(frame, thumb)
        elif thumb.shape != self._last.shape:
            size = (self._last.shape[1], self._last.shape[0])
            thumb = np.asarray(cv2.resize(thumb, size, interpolation=cv2.INTER_AREA), np.uint8)
        self._feed(frame, thumb)
        self._last = thumb

    def finish(self) -> tuple[int, ...]:
        """Return the frames that start a new scene, ascending; never the first."""
        if self._last is not None:
            for _ in range(_WINDOW):
                self._feed(self._frames[-1], self._last)
        first = self._frames[0] if self._frames else 0
        return tuple(sorted({frame for frame in self._found if frame != first}))

    def _feed(self, frame: int, thumb: NDArray[np.uint8]) -> None:
        from scenedetect import FrameTimecode  # noqa: PLC0415

        self._frames.append(frame)
        at = FrameTimecode(self._fed, fps=_RATE)
        for cut in self._detector.process_frame(at, np.ascontiguousarray(thumb[:, :, ::-1])):
            self._found.append(self._frames[cut.frame_num])
        self._fed += 1


def scene_cuts(thumbs: Iterable[tuple[int, NDArray[np.uint8]]]) -> tuple[int, ...]:
    """Return the frames that start a new scene; see `SceneCuts`."""
    cuts = SceneCuts()
    for frame, thumb in thumbs:
        cuts.add(frame, thumb)
    return cuts.finish()
