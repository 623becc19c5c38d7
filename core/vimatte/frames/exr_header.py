"""Read the header of an EXR whose data window is empty, which the EXR library refuses to open."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window

_MAGIC = b"\x76\x2f\x31\x01"
_MULTI_PART = 0x1000
_MAX_HEADER = 1 << 20
_WANTED = {b"dataWindow": b"box2i", b"displayWindow": b"box2i", b"pixelAspectRatio": b"float"}


def read_empty_header(path: Path) -> FrameHeader | None:
    """Return the windows of a single-part EXR with an empty data window, else None.

    Some tools write a frame in which nothing was rendered so: the window's last column or row lies
    before its first. Anything else, damage included, is left to the EXR library to judge.
    """
    if path.suffix.lower() != ".exr":
        return None
    try:
        with path.open("rb") as file:
            found = _attributes(file)
    except OSError:
        return None  # opening it again, with the EXR library, reports this
    if found is None or any(name not in found for name in _WANTED):
        return None
    data = struct.unpack("<4i", found[b"dataWindow"])
    if data[2] >= data[0] and data[3] >= data[1]:
        return None
    display = struct.unpack("<4i", found[b"displayWindow"])
    width, height = display[2] - display[0] + 1, display[3] - display[1] + 1
    aspect = struct.unpack("<f", found[b"pixelAspectRatio"])[0]
    if width < 1 or height < 1 or not 0.125 <= aspect <= 8:
        return None
    return FrameHeader(
        data_window=Window(data[0], data[1], 0, 0),
        display_window=Window(display[0], display[1], width, height),
        pixel_aspect=aspect,
    )


def _attributes(file: BinaryIO) -> dict[bytes, bytes] | None:
    """Return the wanted attributes' raw values; None when the header is not plain."""
    if file.read(4) != _MAGIC:
        return None
    flags = file.read(4)
    if len(flags) < 4 or struct.unpack("<I", flags)[0] & _MULTI_PART:
        return None
    found: dict[bytes, bytes] = {}
    while len(found) < len(_WANTED) and file.tell() < _MAX_HEADER:
        name = _text(file)
        if not name:
            break
        kind = _text(file)
        size_bytes = file.read(4)
        if kind is None or len(size_bytes) < 4:
            return None
        size = struct.unpack("<i", size_bytes)[0]
        if not 0 <= size <= _MAX_HEADER:
            return None
        value = file.read(size)
        if len(value) < size:
            return None
        if _WANTED.get(name) == kind:
            found[name] = value
    expected = {b"box2i": 16, b"float": 4}
    return found if all(len(v) == expected[_WANTED[k]] for k, v in found.items()) else None


def _text(file: BinaryIO) -> bytes | None:
    """Read a zero-terminated name of at most 255 bytes."""
    text = bytearray()
    while len(text) < 256:
        byte = file.read(1)
        if not byte:
            return None
        if byte == b"\0":
            return bytes(text)
        text += byte
    return None
