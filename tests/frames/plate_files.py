"""Picture files, written the way other programs write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import OpenImageIO as oiio
from numpy.typing import NDArray


def make_spec(
    pixels: NDArray[Any],
    kind: str = "half",
    *,
    origin: tuple[int, int] = (0, 0),
    display: tuple[int, int, int, int] | None = None,
    channels: Sequence[str] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> oiio.ImageSpec:
    height, width, count = pixels.shape
    spec = oiio.ImageSpec(width, height, count, kind)
    spec.x, spec.y = origin
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display or (0, 0, width, height)
    if channels is not None:
        spec.channelnames = tuple(channels)
    for name, value in (attributes or {}).items():
        if isinstance(value, tuple) and isinstance(value[0], str) and isinstance(value[1], tuple):
            spec.attribute(name, oiio.TypeDesc(value[0]), value[1])
        else:
            spec.attribute(name, value)
    return spec


def write(path: Path, *parts: tuple[oiio.ImageSpec, NDArray[Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    output = oiio.ImageOutput.create(str(path))
    assert output, oiio.geterror()
    specs = tuple(spec for spec, _ in parts)
    assert output.open(str(path), specs if len(specs) > 1 else specs[0]), output.geterror()
    for at, (spec, pixels) in enumerate(parts):
        if at:
            assert output.open(str(path), spec, "AppendSubimage"), output.geterror()
        assert output.write_image(pixels), output.geterror()
    output.close()
    return path
