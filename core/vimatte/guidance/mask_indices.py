"""Pictures whose values are indices: palette PNGs, and grey ones with a value an instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from vimatte.errors import GuidanceError
from vimatte.frames.image_attributes import file_orientation

MOST_VALUES = 32
"""An index map has at most so many values beside 0 where no palette says that it is one; and grey
values up to it are indices whatever they look like, since as a matte they would all be outside."""
_FLAT = 0.05
# How far apart the channels of a grey picture may lie: lossy tools made some of them.
_GREY = 8
_KINDS = ("palette", "grey", "colour", "alpha", "greys")
_KERNEL = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class IndexPicture:
    """A picture of indices, or one that may be.

    Attributes
    ----------
    codes : ndarray of uint8 or uint16, shape (height, width)
        The index of every pixel, or its grey value where there is no coloured palette.
    indices : ndarray of uint8, shape (height, width), or None
        What the file holds, where it has a palette of greys.
    top : int
        The largest value there could be.
    kind : {"palette", "greys", "grey", "colour", "alpha"}
        A palette of colours or one of greys, or none.
    """

    codes: NDArray[Any]
    indices: NDArray[np.uint8] | None
    top: int
    kind: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How the pictures of a sequence are read, one way for the whole shot.

    Attributes
    ----------
    indexed : bool
        Whether each value is an instance; otherwise the pictures are one instance's matte.
    certain : bool
        Whether the pictures say so themselves, by a palette.
    values : tuple of int
        The values beside 0 that the shot has; not all where they are many.
    """

    indexed: bool
    certain: bool
    values: tuple[int, ...] = ()


def read_index_picture(path: Path, frame: int) -> IndexPicture:
    """Read a PNG whose values may be indices, turned and mirrored as its tag asks.

    Raises
    ------
    GuidanceError
        When it cannot be read.
    """
    try:
        with Image.open(path) as picture:
            found = _read(picture)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        KeyError,
        OverflowError,
    ) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise GuidanceError(f"the mask cannot be read: {reason}", frame=frame, path=path) from error
    laid = file_orientation(path)
    indices = None if found.indices is None else laid.apply(found.indices)
    return replace(found, codes=laid.apply(found.codes), indices=indices)


def statistics(pictures: Iterable[IndexPicture]) -> dict[str, NDArray[Any]]:
    """Return what `decide` needs of a shot's pictures, small enough to keep.

    Returns
    -------
    dict
        ``values``: int64, a row ``(value, pixels, pixels amid their own)`` for each value beside 0;
        of a picture with more than `MOST_VALUES` not all. ``kinds``: int64, which of palette (0),
        grey (1), colour (2), alpha (3) and a palette of greys (4) there are. ``top``: int64, the
        largest possible value.
    """
    totals: dict[int, list[int]] = {}
    kinds: set[int] = set()
    top = 1
    for picture in pictures:
        kinds.add(_KINDS.index(picture.kind))
        top = max(top, picture.top)
        codes = picture.codes
        found, counts = np.unique(codes, return_counts=True)
        amid = codes[cv2.erode(codes, _KERNEL) == cv2.dilate(codes, _KERNEL)]
        inner = dict(zip(*(a.tolist() for a in np.unique(amid, return_counts=True)), strict=True))
        kept = [(v, n) for v, n in zip(found.tolist(), counts.tolist(), strict=True) if v]
        for value, count in kept[: MOST_VALUES + 1]:
            entry = totals.setdefault(value, [0, 0])
            entry[0] += count
            entry[1] += inner.get(value, 0)
    rows = [(value, *entry) for value, entry in sorted(totals.items())]
    return {
        "values": np.asarray(rows, np.int64).reshape(-1, 3),
        "kinds": np.asarray(sorted(kinds), np.int64),
        "top": np.asarray([top], np.int64),
    }


def decide(shot: Mapping[str, NDArray[Any]]) -> Reading | None:
    """Decide for a whole shot what its pictures are.

    A coloured palette makes an index map. Grey pictures are one where their values are few and
    lie in areas of one value, or are all small; what has soft edges or an alpha is a matte.

    Parameters
    ----------
    shot : mapping of str to ndarray
        From `statistics`.

    Returns
    -------
    Reading or None
        None where pictures are in colour, which is neither.
    """
    kinds = {_KINDS[kind] for kind in shot["kinds"].tolist()}
    top = int(shot["top"][0])
    rows = shot["values"].tolist()
    values = tuple(int(value) for value, _, _ in rows)
    if "alpha" in kinds:
        return Reading(False, True, values)
    if "colour" in kinds:
        return None
    if "palette" in kinds:
        return Reading(True, True, values)
    certain = kinds == {"greys"}
    if not values or values[-1] <= MOST_VALUES:
        return Reading(True, certain, values)
    flat = all(inner >= _FLAT * count for _, count, inner in rows)
    if len(values) > MOST_VALUES or not flat:
        return Reading(False, False, values)
    # A single value that is white, or nearly, is a hard matte.
    return Reading(len(values) > 1 or 2 * values[0] < top, certain, values)


def _read(picture: Image.Image) -> IndexPicture:
    if picture.mode == "P":
        indices = np.array(picture, np.uint8)
        colours = np.zeros((256, 3), np.uint8)
        palette = np.asarray(picture.getpalette("RGB") or (), np.uint8).reshape(-1, 3)[:256]
        colours[: len(palette)] = palette
        used = colours[np.unique(indices)]
        if np.ptp(used, axis=1).max(initial=0) > _GREY:
            return IndexPicture(indices, None, 255, "palette")
        # Greys with black first may be indices or a matte; their values tell, see `decide`.
        own = indices if not colours[0].any() else None
        kind = "grey" if own is None else "greys"
        return IndexPicture(colours[indices][..., 0], own, 255, kind)
    if picture.mode.startswith("I"):
        return IndexPicture(np.array(picture).astype(np.uint16), None, 65535, "grey")
    if picture.mode in ("1", "L"):
        return IndexPicture(np.array(picture.convert("L"), np.uint8), None, 255, "grey")
    if "A" in picture.getbands() and picture.getextrema()[-1] != (255, 255):
        alpha = np.array(picture.getchannel("A"), np.uint8)
        return IndexPicture(alpha, None, 255, "alpha")
    pixels = np.array(picture.convert("RGB"), np.uint8)
    far = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2) > _GREY
    kind = "colour" if far.any() else "grey"
    return IndexPicture(np.ascontiguousarray(pixels.max(axis=2)), None, 255, kind)


def has_coloured_palette(path: Path) -> bool:
    """Whether a picture is a PNG with a palette of colours, of which the first is black."""
    if path.suffix.lower() != ".png":
        return False
    try:
        with Image.open(path) as picture:
            if picture.mode != "P":
                return False
            palette = np.asarray(picture.getpalette("RGB") or (), np.uint8).reshape(-1, 3)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False  # reading its pixels says what is wrong
    return bool(len(palette) and not palette[0].any() and np.ptp(palette, axis=1).max() > _GREY)
