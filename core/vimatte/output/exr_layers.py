"""The layered EXR: one file a frame, the same channels in every file of a shot."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vimatte.errors import ConfigError, OutputError, VerifyError
from vimatte.frames.metadata import apply_metadata
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.half import to_half_floor

COMPRESSIONS = ("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab")
MAX_PIXELS = 1 << 30

Plane = NDArray[np.float32]
Half = NDArray[np.float16]


def channel_names(instances: Sequence[str], foreground: bool = False) -> list[str]:
    """Return the channels of every file of a shot, in order.

    Parameters
    ----------
    instances : sequence of str
        Names, as `vimatte.output.names.check_names` allows.
    foreground : bool
        Whether each instance also has R, G and B.
    """
    names = ["R", "G", "B", "A"]
    for instance in instances:
        if foreground:
            names += [f"{instance}.{c}" for c in "RGB"]
        names.append(f"{instance}.A")
    return names


def stack_layers(
    shape: tuple[int, int],
    instances: Sequence[str],
    alphas: Mapping[str, Plane],
    foregrounds: Mapping[str, Plane] | None = None,
) -> Half:
    """Return the pixels of a file, channels as `channel_names` has them.

    Every alpha is rounded towards zero, so their sum stays at most 1; R, G, B and A are that sum,
    rounded the same way.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the data window.
    instances : sequence of str
    alphas : mapping of str to ndarray of float32, shape (height, width), in [0, 1]
        An instance that is not in it is absent: zeros.
    foregrounds : mapping of str to ndarray of float32, shape (height, width, 3), optional
        Premultiplied colour, scene-linear.

    Returns
    -------
    ndarray of float16, shape (height, width, channels)
    """
    foreground = foregrounds is not None
    pixels = np.zeros((*shape, len(channel_names(instances, foreground))), np.float16)
    total = np.zeros(shape, np.float32)
    at = 4
    for name in instances:
        if foregrounds is not None:
            if name in foregrounds:
                pixels[..., at : at + 3] = np.clip(foregrounds[name], -65504, 65504)
            at += 3
        if name in alphas:
            half = to_half_floor(alphas[name])
            pixels[..., at] = half
            total += half
        at += 1
    pixels[..., :4] = to_half_floor(total)[..., None]
    return pixels


def check_compression(name: str) -> str:
    """Return the name. Raises ConfigError, which lists the known ones."""
    if name not in COMPRESSIONS:
        raise ConfigError(
            f"no EXR compression is called {name!r}", hint=f"known: {', '.join(COMPRESSIONS)}"
        )
    return name


def write_exr(
    path: Path,
    pixels: Half,
    names: Sequence[str],
    header: FrameHeader,
    *,
    compression: str = "zip",
    extra: Mapping[str, str] | None = None,
    frame: int | None = None,
) -> None:
    """Write a half-float EXR under a temporary name, flush it, rename it.

    Parameters
    ----------
    path : Path
        Its folder must exist.
    pixels : ndarray of float16, shape (data window height, data window width, channels)
    names : sequence of str
        Of the channels.
    header : FrameHeader
        Data window, display window, pixel aspect and metadata of the plate. EXR knows no empty
        data window: such a frame gets one black pixel at the window's origin.
    compression : str
        See `COMPRESSIONS`.
    extra : mapping of str to str, optional
        Attributes of our own.
    frame : int, optional
        For error messages.

    Raises
    ------
    OutputError
        When the file cannot be written whole; nothing half-written stays.
    """
    window, display = header.data_window, header.display_window
    if window.empty:
        pixels = np.zeros((1, 1, len(names)), np.float16)
    height, width = pixels.shape[:2]
    spec = oiio.ImageSpec(width, height, len(names), oiio.HALF)
    spec.channelnames = tuple(names)
    spec.alpha_channel = names.index("A") if "A" in names else -1
    spec.x, spec.y = window.x, window.y
    spec.full_x, spec.full_y = display.x, display.y
    spec.full_width, spec.full_height = display.width, display.height
    apply_metadata(spec, header.metadata)
    spec.attribute("PixelAspectRatio", float(header.pixel_aspect))
    spec.attribute("compression", compression)
    spec.attribute("oiio:ColorSpace", "scene_linear")
    for key, text in (extra or {}).items():
        spec.attribute(key, text)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(3)}.tmp.exr")
    output = oiio.ImageOutput.create(str(temporary))
    if output is None:
        raise OutputError(f"no EXR writer: {oiio.geterror()}", path=path)
    try:
        whole = output.open(str(temporary), spec) and output.write_image(
            np.ascontiguousarray(pixels)
        )
        whole = output.close() and whole
        if not whole:
            raise OutputError(
                f"cannot write the EXR: {output.geterror() or 'the disk may be full'}",
                frame=frame,
                path=path,
                hint="check the folder's permissions and free space",
            )
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"cannot write the EXR: {error.strerror or error}",
            frame=frame,
            path=path,
            hint="check the folder's permissions and free space",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_layers(path: Path) -> tuple[dict[str, Half], FrameHeader, dict[str, Any]]:
    """Read a file this module wrote.

    Returns
    -------
    channels : dict of str to ndarray of float16, shape (height, width)
    header : FrameHeader
    attributes : dict

    Raises
    ------
    VerifyError
        When it is missing, not an EXR, or damaged.
    """
    file = oiio.ImageInput.open(str(path))
    if file is None:
        raise VerifyError(f"cannot read the file: {oiio.geterror()}", path=path)
    try:
        spec = file.spec()
        if spec.width * spec.height * spec.nchannels > MAX_PIXELS:
            raise VerifyError("the file is larger than any matte", path=path)
        pixels = file.read_image(oiio.HALF)
        if pixels is None:
            raise VerifyError(f"the file is damaged: {file.geterror()}", path=path)
    finally:
        file.close()
    attributes = {item.name: item.value for item in spec.extra_attribs}
    header = FrameHeader(
        Window(spec.x, spec.y, spec.width, spec.height),
        Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
        float(spec.getattribute("PixelAspectRatio") or 1.0),
        attributes,
    )
    pixels = np.asarray(pixels).reshape(spec.height, spec.width, spec.nchannels)
    return {n: pixels[..., i] for i, n in enumerate(spec.channelnames)}, header, attributes
