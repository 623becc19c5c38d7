"""What a host shows of an instance: in which frames it is, and a small picture of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.cache.atomic import hint_for, write_atomically
from vimatte.errors import OutputError
from vimatte.session.session import MatteSession

SIDE = 128
_MARGIN = 0.15


@dataclass
class Appearance:
    """Where an instance has masks.

    Attributes
    ----------
    first, last : int
        Frames; 0 where it has none.
    frames : int
        In how many.
    best : int
        The frame with its largest mask.
    area : int
        Of that mask, in pixels.
    """

    first: int = 0
    last: int = 0
    frames: int = 0
    best: int = 0
    area: int = 0


def appearances(session: MatteSession) -> dict[int, Appearance]:
    """Return where each instance of a guided session is, by id."""
    found = {row.id: Appearance() for row in session.instances}
    for frame in session.frames:
        for key, item in session.guidance(frame).masks.items():
            seen, area = found[key], int(np.count_nonzero(item.mask))
            if not area:
                continue
            if not seen.frames:
                seen.first = frame
            seen.last, seen.frames = frame, seen.frames + 1
            if area > seen.area:
                seen.best, seen.area = frame, area
    return found


def write_thumbnail(session: MatteSession, identity: int, frame: int, path: Path) -> None:
    """Write a square PNG of one instance, what is not of it darkened.

    Raises
    ------
    OutputError
    """
    picture = session.shot.source.read(frame)
    item = session.guidance(frame).masks[identity]
    height, width = picture.pixels.shape[:2]
    mask = np.zeros((height, width), np.float32)
    shared = item.window.intersect(picture.window)
    inner = item.mask[shared.slices_in(item.window)]
    mask[shared.slices_in(picture.window)] = inner.astype(np.float32) / (
        255.0 if inner.dtype == np.uint8 and inner.max(initial=0) > 1 else 1.0
    )
    square = _square(picture.pixels * (0.35 + 0.65 * mask[..., None]), mask)
    image = np.round(np.clip(square[..., ::-1], 0, 1) * 255).astype(np.uint8)
    done, data = cv2.imencode(".png", image)
    if not done:
        raise OutputError("a thumbnail cannot be encoded", path=path, frame=frame)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data.tobytes())
    except OSError as error:
        raise OutputError(
            f"cannot write a thumbnail: {error.strerror}", path=path, hint=hint_for(error)
        ) from error


def _square(pixels: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut a square around the mask out of the picture, black where there is none."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = int(max(bottom - top, right - left) * (1 + 2 * _MARGIN)) + 1
    y, x = int(top + bottom - side) // 2, int(left + right - side) // 2
    out = np.zeros((side, side, 3), np.float32)
    y0, x0 = max(0, y), max(0, x)
    part = pixels[y0 : max(0, y + side), x0 : max(0, x + side)]
    out[y0 - y : y0 - y + part.shape[0], x0 - x : x0 - x + part.shape[1]] = part
    small = cv2.resize(out, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)
