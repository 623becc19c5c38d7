"""What a picture file's attributes say, as far as they can be believed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import OpenImageIO as oiio

from vimatte.frames.orientation import AS_STORED, Orientation

#: Parts or pages of a file that are looked at.
MAX_PARTS = 1000
# A pixel aspect outside is a mistake in the file, not a lens.
_ASPECTS = (0.125, 8.0)

# Transfer curves that say nothing: reserved and unspecified.
_SILENT = (0, 2, 3)


def pixel_aspect_of(spec: oiio.ImageSpec) -> float:
    """Return the width of a pixel over its height; 1 where the file says something absurd."""
    aspect = float(spec.get_float_attribute("PixelAspectRatio", 1.0))
    return aspect if _ASPECTS[0] <= aspect <= _ASPECTS[1] else 1.0


def orientation_of(spec: oiio.ImageSpec, kind: str) -> Orientation:
    """Return how stored pixels are to be laid, by the tag of TIFF, Exif or DPX.

    An EXR has no orientation of its own: what one carries came with the attributes of another file,
    whose pixels were turned already or never will be, and hosts ignore it.

    Parameters
    ----------
    spec : ImageSpec
    kind : str
        OpenImageIO's name of the format, e.g. ``openexr``.
    """
    number = 1 if kind == "openexr" else spec.get_int_attribute("Orientation", 1)
    return Orientation.of_tag(number)


def file_orientation(path: Path) -> Orientation:
    """Return how a file's pixels are to be laid; as stored where it cannot be opened."""
    if path.suffix.lower() == ".exr":
        return AS_STORED  # known without opening it
    source = oiio.ImageInput.open(str(path))
    if source is None:
        message_of(oiio)
        return AS_STORED
    try:
        return orientation_of(source.spec(0), str(source.format_name()))
    except UnicodeDecodeError:
        return AS_STORED  # in the names of channels; whoever reads the pixels says so
    finally:
        source.close()


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
        return None if code[1] in _SILENT else code[1]
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
