"""One picture of masks: read with limits, and put where it lies on the shot's canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from vimatte.errors import GuidanceError
from vimatte.frames.image_attributes import message_of
from vimatte.frames.image_file import MAX_PIXELS
from vimatte.frames.square_pixels import canvas_window, is_square, to_canvas
from vimatte.frames.types import FrameHeader, InstanceMask
from vimatte.frames.window import Window, place
from vimatte.guidance.masks_io import mask_of

THRESHOLD = 0.5
_MAX_CHANNELS = 1024
_CONFUSING = {"z", "id", "depth"}


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a picture file."""

    part: int
    index: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What a picture file says of its size and channels.

    Attributes
    ----------
    window, display : Window
        The pixels it holds and the picture they are part of; equal but for EXR.
    channels : dict of str to Channel
        By full name; channels of a named part are called ``part.channel``.
    """

    window: Window
    display: Window
    channels: dict[str, Channel]


def read_layout(path: Path, frame: int) -> Layout:
    """Read the head of a picture file.

    Raises
    ------
    GuidanceError
        When it is missing, no picture, or far too large.
    """
    source = _open(path, frame)
    try:
        return _layout(source, path, frame)
    except UnicodeDecodeError as error:
        raise GuidanceError(
            "a channel of the mask has a name that is no text", frame=frame, path=path
        ) from error
    finally:
        source.close()


def _layout(source: oiio.ImageInput, path: Path, frame: int) -> Layout:
    first = source.spec(0)
    if min(first.width, first.height) < 1 or first.width * first.height > MAX_PIXELS:
        raise GuidanceError(
            f"the mask has {first.width}x{first.height} pixels",
            frame=frame,
            path=path,
            hint=f"at most {MAX_PIXELS} pixels are read",
        )
    channels: dict[str, Channel] = {}
    parts = max(1, min(_MAX_CHANNELS, first.get_int_attribute("oiio:subimages", 1)))
    for part in range(parts):
        spec = source.spec(part)
        same = (spec.x, spec.y, spec.width, spec.height)
        if same != (first.x, first.y, first.width, first.height):
            continue
        prefix = spec.get_string_attribute("oiio:subimagename") if parts > 1 else ""
        for index, name in enumerate(spec.channelnames[:_MAX_CHANNELS]):
            full = name if "." in name or not prefix else f"{prefix}.{name}"
            channels.setdefault(full, Channel(part, index))
    return Layout(
        Window(first.x, first.y, first.width, first.height),
        Window(first.full_x, first.full_y, first.full_width, first.full_height),
        channels,
    )


def mask_layers(layout: Layout) -> dict[str, Channel]:
    """Return the layers of an EXR that are masks: ``name.A``, or any layer of one channel.

    The unnamed layer, depth and cryptomatte layers (whose names end in two digits and which have
    four channels) are none.
    """
    groups: dict[str, dict[str, Channel]] = {}
    for name, channel in layout.channels.items():
        layer, _, component = name.rpartition(".")
        if layer:
            groups.setdefault(layer, {})[component.lower()] = channel
        elif component.lower() not in {"r", "g", "b", "a", "y", "ry", "by", *_CONFUSING}:
            groups.setdefault(component, {})[""] = channel
    out = {}
    for layer, parts in groups.items():
        alpha = parts.get("a") or parts.get("alpha")
        hashes = layer[-2:].isdigit() and {"r", "g", "b", "a"} <= parts.keys()
        if len(parts) == 1 and not _CONFUSING & parts.keys():
            out[layer] = next(iter(parts.values()))
        elif alpha is not None and not hashes:
            out[layer] = alpha
    return out


def read_planes(path: Path, frame: int, channels: Sequence[Channel]) -> list[NDArray[np.float32]]:
    """Read channels of a picture file, one plane each; integers become [0, 1].

    Raises
    ------
    GuidanceError
        When the picture cannot be read.
    """
    source = _open(path, frame)
    try:
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
            planes.append(np.nan_to_num(raw.reshape(raw.shape[0], raw.shape[1])))
    finally:
        source.close()
    return planes


def single_mask(path: Path, frame: int, layout: Layout) -> NDArray[np.bool_]:
    """Read a picture that is one mask: white (or opaque) is inside.

    The brightest of red, green and blue counts, at most the alpha; a picture that is all black
    but has an alpha that is not 1 throughout is its alpha.
    """
    names = {name.rpartition(".")[2].lower(): at for name, at in layout.channels.items()}
    colour = [names[key] for key in ("r", "g", "b") if key in names]
    alpha = names.get("a") or names.get("alpha")
    if not colour:
        colour = [alpha] if alpha is not None else list(layout.channels.values())[:1]
        alpha = None
    planes = read_planes(path, frame, colour if alpha is None else [*colour, alpha])
    value = np.maximum.reduce(planes[: len(colour)])
    if alpha is not None:
        opacity = planes[-1]
        black = not value.any() and bool((opacity < 1).any())
        value = opacity if black else np.minimum(value, opacity)
    return np.asarray(value >= THRESHOLD, np.bool_)


def read_indices(path: Path, frame: int, layout: Layout) -> NDArray[np.uint8]:
    """Read the index of every pixel of a palette PNG, or the value of an 8-bit grey one.

    Raises
    ------
    GuidanceError
        When the picture has another form, or cannot be read.
    """
    try:
        with Image.open(path) as picture:
            mode = picture.mode
            if mode not in ("P", "L", "1"):
                raise GuidanceError(
                    f"the picture has no palette (its form is {mode})",
                    frame=frame,
                    path=path,
                    hint="save one index an instance, or give a folder of masks an instance",
                )
            indices = np.array(picture.convert("L") if mode == "1" else picture, np.uint8)
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
    if indices.shape != layout.window.shape:
        raise GuidanceError("the picture is not of the size it claims", frame=frame, path=path)
    return indices


def lies_on(layout: Layout, header: FrameHeader, frame: int, path: Path) -> Window:
    """Return where a mask's pixels lie on the plate's pixel grid.

    A mask covers the plate's display window, or only its data window; an EXR with a data window of
    its own says itself what it covers.

    Raises
    ------
    GuidanceError
        When its size is neither.
    """
    display, data = header.display_window, header.data_window
    if layout.display.shape == display.shape:
        # The same picture, wherever the two files put its corner.
        x, y = display.x - layout.display.x, display.y - layout.display.y
        window = layout.window
        return Window(window.x + x, window.y + y, window.width, window.height)
    if layout.window.shape == data.shape and layout.window == layout.display:
        return data
    expected = f"{display.width}x{display.height}"
    if data.shape != display.shape:
        expected += f" (or the data window's {data.width}x{data.height})"
    raise GuidanceError(
        f"the mask is {layout.display.width}x{layout.display.height}, expected {expected}",
        frame=frame,
        path=path,
        hint="masks have the size of the plate, in its own pixels",
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


def _open(path: Path, frame: int) -> oiio.ImageInput:
    if not path.is_file():
        raise GuidanceError("the mask is missing", frame=frame, path=path)
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), config)
    if source is None:
        raise GuidanceError(
            f"the mask cannot be opened: {_first_line(message_of(oiio))}", frame=frame, path=path
        )
    return source


def _first_line(message: str) -> str:
    return message.strip().splitlines()[0] if message.strip() else "no picture data"
