"""Whether a plate is as bright as networks expect: told from a few frames, before any is matted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.frame_range import FrameRange
from vimatte.notices import Notice

# Samples a frame: enough to know how bright most of it is.
_ROWS, _COLUMNS = 135, 240
#: Rec.709's weights.
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_GREY = 0.18
# Below it, a pixel is black: what lies around a rendered element says nothing of exposure.
_BLACK = 1e-4
# A plate is told of when this share of what is not black lies above white, and its mean on a log
# scale is more than two stops above white. Skies, snow and fires leave more of a picture below;
# mattes of plates up to four stops too bright are as good as others.
_SHARE = 0.75
_FAR = 4.0


def looked_at(frames: FrameRange) -> Sequence[int]:
    """Return the frames that stand for a shot: its first, middle and last."""
    if len(frames) < 3:
        return list(frames)
    middle = next(islice(frames, len(frames) // 2, None))
    return [frames.first, middle, frames.last]


def brightness_notices(
    pictures: Iterable[tuple[int, NDArray[np.float32]]],
    to_linear: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    *,
    exposure: float,
    path: Path,
) -> tuple[Notice, ...]:
    """Say where a plate is far above white, or black.

    Parameters
    ----------
    pictures : iterable of (int, ndarray of float32, shape (h, w, 3))
        Frames with their pixels, in the plate's own colour.
    to_linear : callable
        To linear Rec.709, without the exposure.
    exposure : float
        The stops that are added already.
    path : Path
    """
    light, seen = [np.zeros(0, np.float32)], []
    for frame, pixels in pictures:
        if pixels.size == 0:
            continue
        rows = -(-pixels.shape[0] // _ROWS)
        columns = -(-pixels.shape[1] // _COLUMNS)
        some = np.ascontiguousarray(pixels[rows // 2 :: rows, columns // 2 :: columns])
        light.append((to_linear(some) @ _LUMINANCE).ravel() * np.float32(2.0**exposure))
        seen.append(frame)
    if not seen:
        return ()
    together = np.concatenate(light)
    lit = together[np.isfinite(together) & (together > _BLACK)]
    frames = str(FrameRange.of(seen))
    if not lit.size:
        return (
            Notice(
                "black-plate",
                "the plate is black in the frames that were looked at",
                frames,
                str(path),
                "if it should not be: another --layer, or --exposure",
            ),
        )
    mean = math.exp(float(np.log(lit.astype(np.float64)).mean()))
    if mean < _FAR or float(np.mean(lit > 1)) < _SHARE:
        return ()
    better = exposure - round(math.log2(mean / _GREY))
    return (
        Notice(
            "above-white",
            f"most of the plate lies above white; try --exposure {better:g}",
            frames,
            str(path),
            "networks know pictures whose white is 1; mattes of much brighter ones have holes",
        ),
    )


def not_finite_notices(broken: Mapping[int, int], path: Path) -> tuple[Notice, ...]:
    """Say where a plate holds values that are no numbers.

    Parameters
    ----------
    broken : mapping of int to int
        How many values are NaN or infinite, by frame.
    path : Path
    """
    if not broken:
        return ()
    return (
        Notice(
            "not-finite",
            f"the plate holds values that are NaN or infinite ({sum(broken.values()):,} in the "
            "frames that were looked at); they are read as black",
            str(FrameRange.of(broken)),
            str(path),
            "matting can go wrong around them: mend or render these pixels again",
        ),
    )
