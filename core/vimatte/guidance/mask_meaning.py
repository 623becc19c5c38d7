"""What the values of a sequence of single mattes mean: one answer for the whole shot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vimatte.guidance.mask_channels import MatteChannels
from vimatte.guidance.mask_indices import MOST_VALUES, read_index_picture
from vimatte.guidance.mask_picture import channels_of_matte, colours_are_a_picture, read_layout

# So many frames, spread over the shot, tell whether an RGBA sequence is a cut-out.
_LOOKED_AT = 12
# The formats of whole numbers in which somebody saves a mask of 0 and 1.
_WHOLE = frozenset((".png", ".tif", ".tiff", ".bmp", ".tga"))
Arrays = Mapping[str, NDArray[Any]]
Keep = Callable[[Callable[[], dict[str, NDArray[Any]]]], Arrays]


class Meaning(IntEnum):
    """What is inside."""

    BRIGHT = 0  # white
    ALPHA = 1  # what the alpha says: the colours are a picture's
    INDEX = 2  # whatever is not 0


def meaning_of(
    files: Mapping[int, Path], keep: Keep | None = None
) -> tuple[Meaning, tuple[str, ...]]:
    """Tell what the values of pictures that are one mask each mean.

    Parameters
    ----------
    files : mapping of int to Path
        The shot's, by frame, ascending; at least one.
    keep : callable, optional
        Keeps what a look through all of them gives.

    Returns
    -------
    meaning : Meaning
    unused : tuple of str
        Layers of the first file beside the mask.

    Raises
    ------
    GuidanceError
        When the first file cannot be read, or several of its layers could be the mask.
    """
    frame, path = next(iter(files.items()))
    layout = read_layout(path, frame)
    if layout.window.empty or not layout.channels:
        return Meaning.BRIGHT, ()
    channels = channels_of_matte(path, frame, layout)
    meaning = Meaning.BRIGHT
    if channels.alpha is not None:
        some = _spread(files.items())
        if any(colours_are_a_picture(p, f, read_layout(p, f)) for f, p in some):
            meaning = Meaning.ALPHA
    elif _is_whole(path, channels) and _is_dark(_spread(files.items())):
        every = keep or (lambda make: make())
        found = every(lambda: {"indices": np.asarray([_are_indices(files.items())])})
        meaning = Meaning.INDEX if found["indices"][0] else Meaning.BRIGHT
    return meaning, channels.unused


def _is_whole(path: Path, channels: MatteChannels) -> bool:
    """Whether values may be numbers of instances: of floating-point ones 1 is white."""
    return path.suffix.lower() in _WHOLE and not channels.colour[0].real


def _spread(files: Iterable[tuple[int, Path]]) -> list[tuple[int, Path]]:
    listed = list(files)
    return listed[:: max(1, len(listed) // _LOOKED_AT)]


def _is_dark(files: Iterable[tuple[int, Path]]) -> bool:
    """Whether no picture has a value that only a matte has; most tell it by the first."""
    return all(brightest <= MOST_VALUES for brightest in _brightest(files))


def _are_indices(files: Iterable[tuple[int, Path]]) -> bool:
    """Whether there are values, but none that only a matte has."""
    top = 0
    for brightest in _brightest(files):
        top = max(top, brightest)
        if top > MOST_VALUES:
            return False
    return top > 0


def _brightest(files: Iterable[tuple[int, Path]]) -> Iterator[int]:
    for frame, path in files:
        read_layout(path, frame)  # refuses what is far too large
        yield int(read_index_picture(path, frame).codes.max(initial=0))
