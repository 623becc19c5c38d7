from __future__ import annotations

from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte.frames.metadata import MAX_ATTRIBUTE, apply_metadata, kept_metadata

TYPED: dict[str, tuple[str, Any]] = {
    "smpte:TimeCode": ("timecode", (0x01020304, 7)),
    "smpte:KeyCode": ("keycode", (1, 2, 3, 4, 5, 6, 7)),
    "FramesPerSecond": ("rational", (24000, 1001)),
    "worldToCamera": ("matrix", tuple(float(v) for v in range(16))),
    "lens": ("float2", (1.0, 2.0)),
    "names": ("string[3]", ("a", "b", "c")),
    "focus": ("float", 1.5),
    "take": ("int", 3),
    "camera": ("string", "A001"),
}


def test_what_is_kept_can_be_written_again(tmp_path: Any) -> None:
    spec = oiio.ImageSpec(2, 2, 3, "half")
    for name, (kind, value) in TYPED.items():
        spec.attribute(name, oiio.TypeDesc(kind), value)
    for generation in range(2):
        path = str(tmp_path / f"{generation}.exr")
        output = oiio.ImageOutput.create(path)
        assert output.open(path, spec)
        assert output.write_image(np.zeros((2, 2, 3), np.float32))
        output.close()
        read = oiio.ImageInput.open(path).spec()
        kept = kept_metadata(read)
        types = {a.name: str(a.type) for a in read.extra_attribs}
        for name, (kind, value) in TYPED.items():
            assert kept[name] == value
            assert types[name] == kind
        spec = oiio.ImageSpec(2, 2, 3, "half")
        apply_metadata(spec, kept)


@pytest.mark.parametrize(
    "name",
    [
        "cryptomatte/0123abc/name", "cryptomatte/0123abc/manifest", "exr/cryptomatte/0123abc/hash",
        "view", "multiView", "name", "type", "chunkCount", "tiles", "compression", "channels",
        "openexr:lineOrder", "oiio:ColorSpace", "chromaticities", "ICCProfile", "Orientation",
        "PixelAspectRatio", "dpx:Transfer", "bad\nname", "", " x",
    ],
)  # fmt: skip
def test_what_would_lie_is_dropped(name: str) -> None:
    spec = oiio.ImageSpec(2, 2, 3, "half")
    spec.attribute(name, "text")
    assert kept_metadata(spec) == {}


def test_payloads_are_dropped() -> None:
    spec = oiio.ImageSpec(2, 2, 3, "half")
    spec.attribute("long", "x" * (MAX_ATTRIBUTE + 1))
    spec.attribute("many", oiio.TypeDesc("float[20000]"), tuple([0.0] * 20000))
    spec.attribute("fine", "x" * MAX_ATTRIBUTE)
    assert set(kept_metadata(spec)) == {"fine"}


def test_plain_values_are_taken_too() -> None:
    spec = oiio.ImageSpec(2, 2, 3, "half")
    apply_metadata(spec, {"a": (1, 2), "b": (1.0, 2.0, 3.0), "c": ("x", "y"), "d": 1, "e": "t"})
    types = {a.name: str(a.type) for a in spec.extra_attribs}
    assert types == {"a": "int[2]", "b": "float[3]", "c": "string[2]", "d": "int", "e": "string"}
