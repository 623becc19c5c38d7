"""One picture of masks: read with limits, and put where it lies on the shot's canvas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vimatte.errors import GuidanceError
from vimatte.frames.exr_header import read_empty_header
from vimatte.frames.image_attributes import message_of, orientation_of
from vimatte.frames.image_file import MAX_PIXELS
from vimatte.frames.square_pixels import canvas_window, is_square, to_canvas
from vimatte.frames.types import FrameHeader, InstanceMask
from vimatte.frames.window import Window, place
from vimatte.guidance.mask_channels import (
    PICTURE_NAMES,
    Channel,
    Layout,
    MatteChannels,
    matte_channels,
)
from vimatte.guidance.mask_indices import has_coloured_palette, read_index_picture
from vimatte.guidance.masks_io import mask_of

THRESHOLD = 0.5
_MAX_CHANNELS = 1024
_CRYPTOMATTE_NAME = re.compile(r"(?:exr/)?cryptomatte/[^/]+/name")
_SOME = 0.05
_WHOLE = (oiio.UINT32, oiio.INT32)
_REAL = (oiio.HALF, oiio.FLOAT, oiio.DOUBLE)


@dataclass(frozen=True, slots=True)
class Matte:
    """A picture that is one mask.

    Attributes
    ----------
    values : ndarray of float32, shape (area.window.height, area.window.width)
        1 is inside.
    area : Layout or Channel
        Which windows it has.
    """

    values: NDArray[np.float32]
    area: Layout | Channel

    def as_indices(self) -> Matte:
        """Return the matte whose inside is all that is not 0."""
        return Matte((self.values > 0).astype(np.float32), self.area)


def read_layout(path: Path, frame: int, what: str = "the mask") -> Layout:
    """Read the head of a picture file; `what` it is called in messages.

    Raises
    ------
    GuidanceError
        When it is missing, no picture, or far too large.
    """
    empty = read_empty_header(path)
    if empty is not None:  # nothing was drawn: the library does not open such a file
        return Layout(empty.data_window, empty.display_window, {})
    source = _open(path, frame, what)
    try:
        return _layout(source, path, frame, what)
    except UnicodeDecodeError as error:
        raise GuidanceError(
            f"a channel of {what} has a name that is no text", frame=frame, path=path
        ) from error
    finally:
        source.close()


def _layout(source: oiio.ImageInput, path: Path, frame: int, what: str) -> Layout:
    first = source.spec(0)
    channels: dict[str, Channel] = {}
    cryptomattes: set[str] = set()
    unread: list[str] = []
    parts = max(1, min(_MAX_CHANNELS, first.get_int_attribute("oiio:subimages", 1)))
    for part in range(parts):
        spec = source.spec(part)
        if min(spec.width, spec.height) < 1 or spec.width * spec.height > MAX_PIXELS:
            raise GuidanceError(
                f"{what} has {spec.width}x{spec.height} pixels",
                frame=frame,
                path=path,
                hint=f"at most {MAX_PIXELS} pixels are read",
            )
        prefix = _part_name(spec, parts)
        if spec.deep:
            unread.append(f"{prefix or f'part {part}'} (deep)")
            continue
        cryptomattes.update(
            str(item.value) for item in spec.extra_attribs if _CRYPTOMATTE_NAME.fullmatch(item.name)
        )
        window, display = _windows(spec, source.format_name())
        for index, name in enumerate(spec.channelnames[:_MAX_CHANNELS]):
            full = name if "." in name or not prefix else f"{prefix}.{name}"
            if full in channels and prefix:
                full = f"{prefix}.{name}"
            stored = spec.channelformats[index] if spec.channelformats else spec.format
            whole, real = stored.basetype in _WHOLE, stored.basetype in _REAL
            channel = Channel(part, index, window, display, whole, real)
            if channels.setdefault(full, channel) != channel:
                unread.append(f"{full} of part {part}")
        unread += spec.channelnames[_MAX_CHANNELS:]
    window, display = _windows(first, source.format_name())
    return Layout(window, display, channels, frozenset(cryptomattes), tuple(unread))


def _part_name(spec: oiio.ImageSpec, parts: int) -> str:
    """Return what the unnamed channels of a part are called by; empty for the picture."""
    name = spec.get_string_attribute("oiio:subimagename")
    # A single part is named too where the frame before had two; a picture in it stays unnamed.
    single = parts == 1 and sum("." not in channel for channel in spec.channelnames) != 1
    return "" if single or name.casefold() in PICTURE_NAMES else name


def _windows(spec: oiio.ImageSpec, kind: str) -> tuple[Window, Window]:
    if orientation_of(spec, kind).turns % 2:
        turned = Window(0, 0, spec.height, spec.width)
        return turned, turned
    return (
        Window(spec.x, spec.y, spec.width, spec.height),
        Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
    )


def read_planes(path: Path, frame: int, channels: Sequence[Channel]) -> list[NDArray[np.float32]]:
    """Read channels of a picture file, one plane each; integers become [0, 1].

    Planes are turned and mirrored as an orientation tag asks, like the plate's pictures.

    Raises
    ------
    GuidanceError
        When the picture cannot be read.
    """
    source = _open(path, frame)
    try:
        laid = orientation_of(source.spec(0), source.format_name())
        if laid.turns % 2 and source.format_name() == "dpx":
            raise GuidanceError(
                "the DPX's lines run from top to bottom (its image orientation): it is not read",
                frame=frame,
                path=path,
                hint="write it with lines from left to right",
            )
        planes = []
        for channel in channels:
            raw = source.read_image(channel.part, 0, channel.index, channel.index + 1, oiio.FLOAT)
            trouble = message_of(source)
            if raw is None or trouble:
                raise GuidanceError(
                    f"the mask cannot be read: {_first_line(trouble)}",
                    frame=frame,
                    path=path,
                    hint="it may be truncated or still being written",
                )
            planes.append(laid.apply(np.nan_to_num(raw.reshape(raw.shape[0], raw.shape[1]))))
    finally:
        source.close()
    return planes


def channels_of_matte(
    path: Path,
    frame: int,
    layout: Layout,
    what: str = "the mask",
    hint: str = "write one layer a file, or give the sequence itself: each layer is an instance",
) -> MatteChannels:
    """Return the channels of a picture that is one mask; `what` it is called in messages.

    Raises
    ------
    GuidanceError
        When several layers could be it.
    """
    found = matte_channels(layout)
    if found is None:
        names = sorted({name.rpartition(".")[0] for name in layout.channels})
        raise GuidanceError(
            f"the file has several layers, any of which could be {what}: {', '.join(names)}",
            frame=frame,
            path=path,
            hint=hint,
        )
    return found


def read_matte(path: Path, frame: int, layout: Layout, *, by_alpha: bool = False) -> Matte:
    """Read a picture that is one mask: white (or opaque) is inside.

    The brightest of red, green and blue counts, at most the alpha; a picture that is all black
    but has an alpha that is not 1 throughout is its alpha. A palette of colours, of which the
    first is black, has indices: all others are inside.

    Parameters
    ----------
    path : Path
    frame : int
    layout : Layout
    by_alpha : bool
        The colours are a picture's: the alpha alone counts.

    Raises
    ------
    GuidanceError
        When it cannot be read, or several layers could be the mask.
    """
    if layout.window.empty:
        return Matte(np.zeros(layout.window.shape, np.float32), layout)
    channels = channels_of_matte(path, frame, layout)
    area, alpha = channels.colour[0], channels.alpha
    if len(channels.colour) == 3 and has_coloured_palette(path):
        inside = read_index_picture(path, frame).codes != 0
        if inside.shape == area.window.shape:
            return Matte(inside.astype(np.float32), area)
    if alpha is not None and by_alpha:
        return Matte(read_planes(path, frame, [alpha])[0], area)
    wanted = channels.colour if alpha is None else [*channels.colour, alpha]
    planes = read_planes(path, frame, wanted)
    value = np.maximum.reduce(planes[: len(channels.colour)])
    if alpha is not None:
        opacity = planes[-1]
        black = not value.any() and bool((opacity < 1).any())
        value = opacity if black else np.minimum(value, opacity)
    return Matte(np.asarray(value, np.float32), area)


def single_mask(path: Path, frame: int, layout: Layout) -> NDArray[np.bool_]:
    """Read a picture that is one mask: at least half as bright as white is inside."""
    return np.asarray(read_matte(path, frame, layout).values >= THRESHOLD, np.bool_)


def colours_are_a_picture(path: Path, frame: int, layout: Layout) -> bool:
    """Whether a file holds somebody's colours with their matte as alpha: a cut-out.

    White or black with an alpha, and a matte that is as bright as its alpha, are none.
    """
    if layout.window.empty:
        return False
    channels = channels_of_matte(path, frame, layout)
    if channels.alpha is None:
        return False
    *colour, alpha = read_planes(path, frame, [*channels.colour, channels.alpha])
    inside = alpha > THRESHOLD
    if not inside.any() or np.ptp(alpha) < _SOME:
        return False
    high, low = np.maximum.reduce(colour)[inside], np.minimum.reduce(colour)[inside]
    grey = (high > 0.1) & (high < 0.9) & (np.abs(high - alpha[inside]) > _SOME)
    return bool(np.mean(high - low > _SOME) > 0.05 or np.mean(grey) > 0.25)


def lies_on(
    area: Layout | Channel, header: FrameHeader, frame: int, path: Path, what: str = "the mask"
) -> Window:
    """Return where a mask's pixels lie on the plate's pixel grid.

    A mask covers the plate's display window, or only its data window; an EXR with a data window of
    its own says itself what it covers.

    Raises
    ------
    GuidanceError
        When its size is neither.
    """
    display, data = header.display_window, header.data_window
    if area.display.shape == display.shape:
        # The same picture, wherever the two files put its corner.
        x, y = display.x - area.display.x, display.y - area.display.y
        window = area.window
        return Window(window.x + x, window.y + y, window.width, window.height)
    if area.window.shape == data.shape and area.window == area.display:
        return data
    expected = f"{display.width}x{display.height}"
    if data.shape != display.shape:
        expected += f" (or the data window's {data.width}x{data.height})"
    raise GuidanceError(
        f"{what} is {area.display.width}x{area.display.height}, expected {expected}",
        frame=frame,
        path=path,
        hint="masks have the size of the plate, in its own pixels and turned as it asks to be by a "
        "movie's rotation or an orientation tag",
    )


def on_canvas(
    mask: NDArray[np.bool_], window: Window, header: FrameHeader, wanted: Window
) -> InstanceMask | None:
    """Put a mask of plate pixels onto the square-pixel canvas, cut to `wanted` and to its box.

    Returns
    -------
    InstanceMask or None
        None when nothing of it is left.
    """
    found = mask_of(mask, window)
    if found is None:
        return None
    source = found.window if is_square(header) else found.window.grow(1)
    pixels = place(found.mask, found.window, source)[:, :, None].astype(np.float32)
    strip = FrameHeader(source, header.display_window, header.pixel_aspect)
    square = to_canvas(pixels, strip)[:, :, 0]
    target = canvas_window(source, header)
    cut = target.intersect(wanted)
    return mask_of(np.asarray(place(square >= THRESHOLD, target, cut), np.bool_), cut)


def _open(path: Path, frame: int, what: str = "the mask") -> oiio.ImageInput:
    if not path.is_file():
        raise GuidanceError(f"{what} is missing", frame=frame, path=path)
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), config)
    if source is None:
        raise GuidanceError(
            f"{what} cannot be opened: {_first_line(message_of(oiio))}", frame=frame, path=path
        )
    return source


def _first_line(message: str) -> str:
    return message.strip().splitlines()[0] if message.strip() else "no picture data"
