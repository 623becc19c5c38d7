"""What a picture file's attributes say, as far as they can be believed."""

from __future__ import annotations

import math
from typing import Any

import OpenImageIO as oiio

#: Parts or pages of a file that are looked at.
MAX_PARTS = 1000
# A pixel aspect outside is a mistake in the file, not a lens.
_ASPECTS = (0.125, 8.0)


def pixel_aspect_of(spec: oiio.ImageSpec) -> float:
    """Return the width of a pixel over its height; 1 where the file says something absurd."""
    aspect = float(spec.get_float_attribute("PixelAspectRatio", 1.0))
    return aspect if _ASPECTS[0] <= aspect <= _ASPECTS[1] else 1.0


def rate_of(spec: oiio.ImageSpec) -> float | None:
    """Return the frames a second, where the file says so."""
    value = spec.getattribute("FramesPerSecond")
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int) and value[1]:
        value = value[0] / value[1]
    if isinstance(value, (int, float)) and math.isfinite(value) and 0 < value < 1e5:
        return float(value)
    return None


def transfer_of(spec: oiio.ImageSpec) -> int | None:
    """Return the transfer curve by its number in ISO/IEC 23091-4, where the file states one."""
    code = spec.getattribute("CICP")
    if isinstance(code, tuple) and len(code) == 4 and isinstance(code[1], int):
        return code[1]
    return None


def pages_of(source: Any, first: oiio.ImageSpec) -> int:
    """Count the pages of a TIFF; smaller copies of the first one are none."""
    count, at = 1, 1
    while at < MAX_PARTS and source.seek_subimage(at, 0):
        spec = source.spec()
        count += (spec.width, spec.height) == (first.width, first.height)
        at += 1
    message_of(source)  # beyond the last page
    source.seek_subimage(0, 0)
    return count


def message_of(source: Any) -> str:
    """Return the library's own words; a damaged file can put bytes in them that are no text."""
    try:
        return str(source.geterror())
    except UnicodeDecodeError:
        return "the file is damaged"
