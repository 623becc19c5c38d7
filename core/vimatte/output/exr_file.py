"""EXR files on disk: written whole or not at all, and read back."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vimatte.cache.atomic import temporary_beside
from vimatte.errors import ConfigError, VerifyError
from vimatte.frames.image_attributes import message_of
from vimatte.frames.metadata import apply_metadata
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.write_error import writing

#: Every half float comes back as it was.
LOSSLESS = ("none", "rle", "zips", "zip", "piz", "pxr24")
#: Alpha comes back as it was (it is run-length coded); R, G and B only roughly.
LOSSY_COLOUR = ("dwaa", "dwab")
COMPRESSIONS = LOSSLESS + LOSSY_COLOUR
# These change alpha too: the instances' sum would no longer be at most 1.
_LOSSY_ALPHA = ("b44", "b44a")
MAX_VALUES = 1 << 31
# What a header may take beside the pixels, roughly: a full disk is asked whether it had room.
_HEADER_BYTES = 1 << 16

Half = NDArray[np.float16]
Single = NDArray[np.float32]


def check_compression(name: str) -> str:
    """Return the name. Raises ConfigError, which lists the known ones."""
    known = f"known: {', '.join(COMPRESSIONS)}"
    if name in _LOSSY_ALPHA:
        raise ConfigError(f"EXR compression {name!r} changes alpha", hint=known)
    if name not in COMPRESSIONS:
        raise ConfigError(f"no EXR compression is called {name!r}", hint=known)
    return name


def write_exr(
    path: Path,
    pixels: Half | Single,
    names: Sequence[str],
    header: FrameHeader,
    *,
    compression: str = "zip",
    extra: Mapping[str, str] | None = None,
    frame: int | None = None,
) -> str:
    """Write an EXR under a temporary name, flush it, check it, rename it.

    Parameters
    ----------
    path : Path
        Its folder must exist.
    pixels : ndarray, shape (data window height, data window width, channels)
        float16 is written as half floats, float32 as 32-bit floats.
    names : sequence of str
        Of the channels.
    header : FrameHeader
        Data window, display window, pixel aspect and metadata of the plate. EXR libraries open no
        empty data window: such a frame gets one black pixel at the window's origin.
    compression : str
        See `COMPRESSIONS`.
    extra : mapping of str to str, optional
        Attributes of our own, ``vimatte/...``; the plate's own ones of that name are dropped.
    frame : int, optional
        For error messages.

    Returns
    -------
    str
        The file's SHA-256.

    Raises
    ------
    OutputError
        When the file cannot be written whole; nothing half-written stays.
    """
    if header.data_window.empty:
        pixels = np.zeros((1, 1, len(names)), pixels.dtype)
    spec = _spec(pixels, names, header, compression, extra or {})
    temporary = temporary_beside(path)
    with writing(path, frame, temporary):
        # By format: the temporary name must not look like a frame to anyone.
        output = oiio.ImageOutput.create("openexr")
        if output is None:
            raise OSError(oiio.geterror())
        done = output.open(str(temporary), spec) and output.write_image(
            np.ascontiguousarray(pixels)
        )
        done = output.close() and done
        if not done:
            raise _failure(temporary, pixels.nbytes, output.geterror())
        # Read, not mapped: a page that a full disk has no room for would kill the process.
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
            data = file.read()
        # The EXR library does not notice when its last buffer finds the disk full; where the file
        # fits into that buffer, nothing of it is there.
        if not is_whole(data):
            raise _failure(temporary, pixels.nbytes, "the file was cut short")
        digest = hashlib.sha256(data).hexdigest()
        temporary.replace(path)
    return digest


def _failure(path: Path, needed: int, said: str) -> OSError:
    """Return what went wrong. OpenEXR never says that a disk is full: the disk is asked."""
    try:
        with path.open("ab", buffering=0) as file:
            left = needed + _HEADER_BYTES
            while left > 0:
                left -= file.write(bytes(min(left, 1 << 20)))
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return OSError(said or "the file could not be written")


def is_whole(data: bytes) -> bool:
    """Whether a scanline EXR file has every block that its header announces, and no byte less."""
    try:
        at = 8
        while data[at] != 0:  # attributes: name, type, size, value
            for _ in range(2):
                at = data.find(b"\0", at) + 1
                if at == 0:
                    return False
            at += 4 + struct.unpack_from("<i", data, at)[0]
        table = at + 1
        first: int = struct.unpack_from("<Q", data, table)[0]
        if first <= table or first > len(data):
            return False
        offsets = sorted(struct.unpack_from(f"<{(first - table) // 8}Q", data, table))
        end: int = first
        for offset in offsets:
            if offset != end:
                return False
            end += 8 + struct.unpack_from("<i", data, offset + 4)[0]
    except (IndexError, struct.error):
        return False
    return end == len(data)


def read_layers(
    path: Path, *, single: bool = False
) -> tuple[dict[str, NDArray[Any]], FrameHeader, dict[str, Any]]:
    """Read a file that `write_exr` wrote.

    Parameters
    ----------
    path : Path
    single : bool
        Return 32-bit floats, as a Cryptomatte has them.

    Returns
    -------
    channels : dict of str to ndarray of float16 or float32, shape (height, width)
        Views of one array.
    header : FrameHeader
        With every attribute of the file as its metadata.
    attributes : dict
        The same attributes.

    Raises
    ------
    VerifyError
        When it is missing, not an EXR, larger than any matte, or damaged.
    """
    file = oiio.ImageInput.open(str(path))
    if file is None:
        raise VerifyError(f"cannot read the file: {_line(oiio)}", path=path)
    try:
        spec = file.spec()
        if spec.width * spec.height * spec.nchannels > MAX_VALUES:
            raise VerifyError("the file is larger than any matte", path=path)
        if spec.deep or spec.depth > 1 or min(spec.width, spec.height) < 1:
            raise VerifyError("the file is no flat picture", path=path)
        pixels = file.read_image(oiio.FLOAT if single else oiio.HALF)
        if pixels is None:
            raise VerifyError(f"the file is damaged: {_line(file)}", path=path)
        names = list(spec.channelnames)
        attributes = {item.name: item.value for item in spec.extra_attribs}
    except UnicodeDecodeError as error:
        raise VerifyError("the names in the file's header are damaged", path=path) from error
    finally:
        file.close()
    header = FrameHeader(
        Window(spec.x, spec.y, spec.width, spec.height),
        Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
        float(spec.getattribute("PixelAspectRatio") or 1.0),
        attributes,
    )
    pixels = np.asarray(pixels).reshape(spec.height, spec.width, spec.nchannels)
    return {n: pixels[..., i] for i, n in enumerate(names)}, header, attributes


def _line(source: Any) -> str:
    return " ".join(message_of(source).split())[:300]


def _spec(
    pixels: Half | Single,
    names: Sequence[str],
    header: FrameHeader,
    compression: str,
    extra: Mapping[str, str],
) -> oiio.ImageSpec:
    window, display = header.data_window, header.display_window
    kind = oiio.HALF if pixels.dtype == np.float16 else oiio.FLOAT
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(names), kind)
    spec.channelnames = tuple(names)
    spec.alpha_channel = list(names).index("A") if "A" in names else -1
    spec.x, spec.y = window.x, window.y
    spec.full_x, spec.full_y = display.x, display.y
    spec.full_width, spec.full_height = display.width, display.height
    # A plate may be a matte of ours: what it says about itself is not true of this one.
    kept = {k: v for k, v in header.metadata.items() if not k.lower().startswith("vimatte/")}
    apply_metadata(spec, kept)
    if "DateTime" not in kept:  # else OpenImageIO writes now, and equal mattes had unequal bytes
        spec.attribute("DateTime", "")
    spec.attribute("PixelAspectRatio", float(header.pixel_aspect))
    spec.attribute("compression", compression)
    # No colour space either: OpenImageIO would take "scene_linear" for ACEScg and write that down.
    for key, text in extra.items():
        spec.attribute(key, text)
    return spec
