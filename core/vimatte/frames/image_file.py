"""Read one picture file through OpenImageIO, with limits and one kind of error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vimatte.errors import FrameReadError
from vimatte.frames.exr_header import read_empty_header
from vimatte.frames.exr_layers import Part, find_layer, views_of
from vimatte.frames.image_attributes import (
    MAX_PARTS,
    message_of,
    orientation_of,
    pages_of,
    pixel_aspect_of,
    rate_of,
    transfer_of,
)
from vimatte.frames.metadata import kept_metadata
from vimatte.frames.movie_kinds import is_animation, refused_animation
from vimatte.frames.orientation import AS_STORED, Orientation
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window

#: The largest picture that is read: 16384 x 8192, or 1.6 GB as float RGB.
MAX_PIXELS = 2**27
# What cameras and phones write, and the libraries that are here may not read.
_PHOTOS = frozenset({
    ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".dng", ".cr2", ".cr3", ".nef", ".arw",
    ".raf", ".orf", ".rw2", ".psd", ".psb",
})  # fmt: skip
_CONVERT = "write it as EXR, TIFF, PNG or JPEG"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """What a picture file holds, before its pixels are read.

    Attributes
    ----------
    header : FrameHeader
    format : str
        OpenImageIO's name of the format, e.g. ``openexr``.
    depth : str
        The type of a stored value: ``uint8``, ``uint16``, ``half``, ``float``, ...
    views : tuple of str
        The views that the file itself names.
    rate : float or None
        Frames a second, where the file says so.
    part : int
    channels : tuple of int
        One or three channel indices in that part.
    orientation : Orientation
        How stored pixels are laid to be as the header has them.
    transfer : int or None
        The transfer curve's number in ISO/IEC 23091-4, where the file states one.
    pictures : int
        How many pictures of this size the file holds; pages of a TIFF.
    """

    header: FrameHeader
    format: str
    depth: str
    views: tuple[str, ...]
    rate: float | None
    part: int
    channels: tuple[int, ...]
    orientation: Orientation = AS_STORED
    transfer: int | None = None
    pictures: int = 1


def read_header(path: Path, *, view: str | None = None, layer: str | None = None) -> ImageFile:
    """Read what a picture file says of itself.

    Parameters
    ----------
    path : Path
    view, layer : str, optional
        Which picture of an EXR is meant; other formats hold one only.

    Raises
    ------
    FrameReadError
        When it is no picture, is too large, or holds no such view or layer.
    """
    try:
        with _opened(path) as source:
            return _described(source, path, view, layer)
    except FrameReadError:
        empty = _without_pixels(path)
        if empty is None:
            raise
        return empty


def read_pixels(
    path: Path, *, view: str | None = None, layer: str | None = None
) -> tuple[ImageFile, NDArray[np.float32], int]:
    """Read a picture as RGB in its own colour space.

    Pictures are turned and mirrored as their orientation tag (TIFF, Exif, DPX) asks. Integers
    become [0, 1]; grey becomes R = G = B; alpha is ignored and RGB is as stored, neither
    premultiplied nor divided. NaN and infinity become 0.

    Returns
    -------
    image : ImageFile
    pixels : ndarray of float32, shape (data_window.height, data_window.width, 3)
    nonfinite : int
        How many values were NaN or infinite.

    Raises
    ------
    FrameReadError
        As `read_header`, and when the pixels are truncated or corrupt.
    """
    try:
        with _opened(path) as source:
            image = _described(source, path, view, layer)
            begin, end = min(image.channels), max(image.channels) + 1
            raw = source.read_image(image.part, 0, begin, end, oiio.FLOAT)
            trouble = message_of(source)
    except FrameReadError:
        empty = _without_pixels(path)
        if empty is None:
            raise
        return empty, np.zeros((*empty.header.data_window.shape, 3), np.float32), 0
    # A truncated JPEG comes with grey pixels *and* an error: the error counts.
    if raw is None or trouble:
        raise FrameReadError(
            f"cannot read the picture: {_first_line(trouble)}",
            path=path,
            hint="it may be truncated or still being written",
        )
    height, width = image.header.data_window.shape
    if image.orientation.turns % 2:
        height, width = width, height
    pixels: NDArray[np.float32] = raw.reshape(height, width, end - begin)
    chosen = [index - begin for index in image.channels]
    if len(chosen) == 1:
        pixels = np.repeat(pixels[:, :, chosen], 3, axis=2)
    elif chosen != [0, 1, 2] or end - begin != 3:
        pixels = np.ascontiguousarray(pixels[:, :, chosen])
    bad = _clean(pixels) if image.depth in ("half", "float", "double") else 0
    return image, image.orientation.apply(pixels), bad


def _without_pixels(path: Path) -> ImageFile | None:
    """Return what an EXR with an empty data window holds, which the EXR library cannot open."""
    header = read_empty_header(path)
    return None if header is None else ImageFile(header, "openexr", "half", (), None, 0, ())


def _clean(pixels: NDArray[np.float32]) -> int:
    finite = np.isfinite(pixels)
    if finite.all():
        return 0
    np.logical_not(finite, out=finite)
    pixels[finite] = 0
    return int(np.count_nonzero(finite))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    config = oiio.ImageSpec()
    # Plate RGB is taken as stored: without this, RGB of a PNG with alpha would be premultiplied.
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), config)
    if source is None:
        reason = _first_line(message_of(oiio))
        if not path.exists():
            raise FrameReadError("the frame's file is missing", path=path)
        raise FrameReadError(
            f"cannot open the picture: {reason}",
            path=path,
            hint=_CONVERT if path.suffix.lower() in _PHOTOS else None,
        )
    try:
        yield source
    except UnicodeDecodeError:
        raise FrameReadError("the names in the picture's header are damaged", path=path) from None
    finally:
        source.close()


def _described(source: Any, path: Path, view: str | None, layer: str | None) -> ImageFile:
    kind = str(source.format_name())
    specs = _specs(source, path)
    is_exr = kind == "openexr"
    parts = [_part(spec) for spec in specs] if is_exr else []
    if is_exr:
        try:
            found = find_layer(parts, view=view, layer=layer)
        except FrameReadError as error:
            raise FrameReadError(error.message, path=path, hint=error.hint) from None
        part, channels = found.part, found.channels
    else:
        _refuse_names(view, layer, path)
        if kind in ("gif", "png", "webp") and is_animation(path):
            raise refused_animation(path)
        part, channels = 0, (0, 1, 2) if specs[0].nchannels >= 3 else (0,)
    spec = specs[part]
    _refuse_unreadable(spec, path)
    orientation = orientation_of(spec, kind)
    if kind == "dpx" and orientation.turns % 2:
        # OpenImageIO takes the length of a line for their number, and shears the picture.
        raise FrameReadError(
            "the DPX's lines run from top to bottom (its image orientation): it is not read",
            path=path,
            hint="write it with lines from left to right",
        )
    aspect = pixel_aspect_of(spec)
    header = FrameHeader(
        data_window=_turned(_data_window(spec, is_exr), orientation),
        display_window=_turned(_display_window(spec, is_exr), orientation),
        pixel_aspect=1 / aspect if orientation.turns % 2 else aspect,
        metadata=kept_metadata(spec),
    )
    return ImageFile(
        header,
        kind,
        str(spec.format),
        views_of(parts),
        rate_of(spec),
        part,
        channels,
        orientation,
        transfer_of(spec),
        pages_of(source, spec) if kind == "tiff" else 1,
    )


def _turned(window: Window, orientation: Orientation) -> Window:
    return Window(0, 0, window.height, window.width) if orientation.turns % 2 else window


def _specs(source: Any, path: Path) -> list[oiio.ImageSpec]:
    first = source.spec(0)
    count = first.get_int_attribute("oiio:subimages", 1)
    if count > MAX_PARTS:
        raise FrameReadError(f"the file claims {count} parts", path=path)
    return [first, *(source.spec(at) for at in range(1, max(1, count)))]


def _part(spec: oiio.ImageSpec) -> Part:
    views = spec.getattribute("multiView")
    if isinstance(views, str):
        views = (views,)
    elif not (isinstance(views, tuple) and all(isinstance(view, str) for view in views)):
        views = ()
    return Part(
        name=spec.get_string_attribute("oiio:subimagename"),
        view=spec.get_string_attribute("view"),
        multi_view=views,
        channels=tuple(spec.channelnames),
    )


def _refuse_names(view: str | None, layer: str | None, path: Path) -> None:
    if layer is not None:
        raise FrameReadError(f"there is no layer {layer!r}: only EXR has layers", path=path)
    if view is not None:
        raise FrameReadError(f"there is no view {view!r}: the file names no view", path=path)


def _refuse_unreadable(spec: oiio.ImageSpec, path: Path) -> None:
    if spec.deep:
        raise FrameReadError("the picture is deep", path=path, hint="flatten it first")
    if spec.depth > 1:
        raise FrameReadError("the picture is a volume", path=path)
    if min(spec.width, spec.height) < 1 or spec.width * spec.height > MAX_PIXELS:
        raise FrameReadError(
            f"the picture claims {spec.width} x {spec.height} pixels",
            path=path,
            hint=f"at most {MAX_PIXELS} pixels are read",
        )
    if max(spec.full_width, spec.full_height) > MAX_PIXELS:
        raise FrameReadError("the display window is implausibly large", path=path)


def _data_window(spec: oiio.ImageSpec, has_windows: bool) -> Window:
    if not has_windows:
        return Window(0, 0, spec.width, spec.height)
    return Window(spec.x, spec.y, spec.width, spec.height)


def _display_window(spec: oiio.ImageSpec, has_windows: bool) -> Window:
    if not has_windows:
        return Window(0, 0, spec.width, spec.height)
    return Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height)


def _first_line(message: str) -> str:
    return message.strip().splitlines()[0] if message.strip() else "no picture data"
