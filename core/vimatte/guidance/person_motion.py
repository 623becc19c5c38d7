"""Where people should be in a frame, from where they were in the one before (or after)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.guidance.person_track import Track, moved_to
from vimatte.guidance.picture import Geometry, Picture


@dataclass(frozen=True, slots=True)
class Known:
    """A track and where it should be in this frame."""

    track: Track
    warped: NDArray[np.float32]
    shift: tuple[float, float]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where they should be, on the grid."""
        return self.warped > 0.5


@dataclass(frozen=True, slots=True)
class Memory:
    """The frame that tracks are from.

    Attributes
    ----------
    geometry : Geometry
    pixels : ndarray of uint8, shape (rows, columns, 3)
        Its picture on its grid.
    """

    geometry: Geometry
    pixels: NDArray[np.uint8]

    @classmethod
    def of(cls, picture: Picture) -> Memory:
        """Return what is to be remembered of a frame."""
        return cls(picture.geometry, picture.grid_pixels)


def expect(tracks: Sequence[Track], memory: Memory | None, picture: Picture) -> list[Known]:
    """Move every track's mask to where the picture says it went.

    Parameters
    ----------
    tracks : sequence of Track
    memory : Memory or None
        The frame that the tracks are from; None when there are no tracks.
    picture : Picture
        This frame.
    """
    if not tracks or memory is None:
        return []
    tracks = [moved_to(track, memory.geometry, picture.geometry) for track in tracks]
    before = memory.pixels
    if memory.geometry != picture.geometry:
        matrix = memory.geometry.grid_into(picture.geometry)
        before = np.asarray(cv2.warpAffine(before, matrix, picture.grid_size), np.uint8)
    flow = _flow(picture.grid_pixels, before)
    scale = picture.size[0] / picture.grid_size[0]
    rows, columns = picture.grid_shape
    at = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).astype(np.float32)
    out = []
    for track in tracks:
        mask = track.mask.astype(np.float32)
        if track.missed:
            out.append(Known(track, mask, (0.0, 0.0)))
            continue
        there = at + flow
        warped = np.asarray(
            cv2.remap(mask, there[..., 0], there[..., 1], cv2.INTER_LINEAR), np.float32
        )
        inside = flow[warped > 0.5]
        shift = -np.median(inside, axis=0) * scale if inside.size else np.zeros(2)
        out.append(Known(track, warped, (float(shift[0]), float(shift[1]))))
    return out


def _flow(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return for each cell where its picture was before, relative to it, in cells."""
    shape = now.shape[:2]
    if min(shape) < 16:  # too small for the optical flow's pyramid
        return np.zeros((*shape, 2), np.float32)
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = [cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) for pixels in (now, before)]
    start = np.zeros((*shape, 2), np.float32)
    threads = cv2.getNumThreads()
    # It works in as many stripes as there are threads, and the stripes show in the numbers.
    cv2.setNumThreads(1)
    try:
        return np.asarray(engine.calc(grey[0], grey[1], start), np.float32)
    finally:
        cv2.setNumThreads(threads)
