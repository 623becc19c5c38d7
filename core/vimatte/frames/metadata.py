"""Which attributes of a plate's frame are kept for its matte, and how they are written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import OpenImageIO as oiio

#: An attribute beyond this many bytes is a payload (thumbnail, profile), not metadata.
MAX_ATTRIBUTE = 65536

# What would lie on a matte: how the plate's file was stored, which view and channels it held, what
# its colours meant, and Cryptomatte layers that the matte does not have.
_DROPPED_PREFIXES = (
    "oiio:", "openexr:", "png:", "jpeg:", "tiff:", "dpx:", "bmp:", "targa:", "webp:", "gif:",
    "jpeg2000:", "heif:", "raw:", "ffmpeg:", "ICCProfile", "icc:", "cryptomatte/",
    "exr/cryptomatte/", "thumbnail",
)  # fmt: skip
_DROPPED = frozenset({
    "acesimagecontainerflag", "adoptedneutral", "ccv:cicp", "channels", "chromaticities",
    "chunkcount", "cicp", "colorinteropid", "compression", "compressionquality", "datawindow",
    "deepimagestate", "displaywindow", "exif:colorspace", "gamma", "idmanifest", "lineorder",
    "lookmodtransform", "maxsamplesperpixel", "multiview", "name", "orientation",
    "pixelaspectratio", "planarconfig", "preview", "renderingtransform", "textureformat",
    "tiles", "type", "version",
    "view", "whiteluminance", "wrapmodes",
})  # fmt: skip
_LEGAL_NAME = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")


class TypedTuple(tuple[Any, ...]):
    """A tuple that remembers which OpenImageIO type it was: a time code is more than two ints."""

    type: str

    @classmethod
    def of(cls, values: tuple[Any, ...], type_name: str) -> TypedTuple:
        """Return the values with their type, e.g. ``timecode`` or ``rational``."""
        made = cls(values)
        made.type = type_name
        return made


def kept_metadata(spec: oiio.ImageSpec) -> dict[str, Any]:
    """Return the attributes of a frame that stay true on its matte.

    Time code, key code, camera and lens, frame rate, owner, comments and the like are kept; what
    describes the storage, channels, views or colours of the plate's file is not.
    """
    kept: dict[str, Any] = {}
    for attribute in spec.extra_attribs:
        name, value = attribute.name, attribute.value
        lowered = name.lower()
        if lowered in _DROPPED or lowered.startswith(_LOWERED_PREFIXES):
            continue
        if not _LEGAL_NAME.fullmatch(name) or attribute.type.size() > MAX_ATTRIBUTE:
            continue
        if isinstance(value, tuple) and all(map(_is_plain, value)):
            kept[name] = TypedTuple.of(value, str(attribute.type))
        elif _is_plain(value):
            kept[name] = value
    return kept


def apply_metadata(spec: oiio.ImageSpec, metadata: Mapping[str, Any]) -> None:
    """Set attributes, as `kept_metadata` gave them, on the spec of a file to write."""
    for name, value in metadata.items():
        if isinstance(value, TypedTuple):
            spec.attribute(name, oiio.TypeDesc(value.type), tuple(value))
        elif isinstance(value, tuple):
            spec.attribute(name, oiio.TypeDesc(_array_type(value)), value)
        else:
            spec.attribute(name, value)


def _is_plain(value: Any) -> bool:
    if not isinstance(value, str):
        return isinstance(value, (int, float))
    try:
        value.encode()
    except UnicodeEncodeError:
        return False  # Latin-1 comments exist; bytes that are no UTF-8 cannot be written again
    return len(value) <= MAX_ATTRIBUTE


_LOWERED_PREFIXES = tuple(prefix.lower() for prefix in _DROPPED_PREFIXES)


def _array_type(values: tuple[Any, ...]) -> str:
    kind = "float"
    if all(isinstance(v, str) for v in values):
        kind = "string"
    elif all(isinstance(v, int) for v in values):
        kind = "int"
    return f"{kind}[{len(values)}]"
