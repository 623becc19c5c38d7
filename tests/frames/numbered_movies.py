"""Movies each of whose pictures spells its number."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

SIZE = 64


def numbered(number: int) -> NDArray[np.uint8]:
    """A picture that spells its number in eight stripes, with a black mark at its top left."""
    bits = [(number >> at) & 1 for at in range(8)]
    row = np.repeat(np.array(bits, np.uint8) * 200 + 20, SIZE // 8)
    picture = np.array(np.broadcast_to(row[None, :, None], (SIZE, SIZE, 3)))
    picture[: SIZE // 8, : SIZE // 2] = 0  # so that every way to lay it looks different
    return picture


def number_of(pixels: NDArray[np.float32]) -> int:
    stripes = pixels[SIZE // 2, SIZE // 16 :: SIZE // 8, 1]
    return sum(1 << at for at, value in enumerate(stripes) if value > 0.45)


def set_display_matrix(path: Path, a: float, b: float, c: float, d: float) -> None:
    """Write what an MP4 asks of its first track: x' = a x + c y, y' = b x + d y."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4
    at += 40 if content[at] == 0 else 52  # version 1 has 64-bit times
    values = [round(value * 65536) for value in (a, b, 0, c, d, 0, 0, 0)]
    struct.pack_into(">9i", content, at, *values, 1 << 30)
    path.write_bytes(content)


def write_movie(
    path: Path,
    count: int = 40,
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    times: Sequence[int] | None = None,
    rate: int | Fraction = 25,
    rotation: float = 0,
    prepare: Callable[[Any], None] | None = None,
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width = stream.height = SIZE
        stream.pix_fmt = pixel_format
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if prepare is not None:
            prepare(stream)
        if rotation:
            stream.set_display_rotation(rotation)
        for at in range(count):
            picture = av.VideoFrame.from_ndarray(numbered(at), "rgb24").reformat(
                format=pixel_format
            )
            if times is not None:
                picture.pts, picture.time_base = times[at], Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
