"""The node classes of the fake, with the knobs, defaults and inputs Nuke's have."""

from __future__ import annotations

from typing import Any

import fake_knobs as k

ON_ERROR = ["error", "black", "checkerboard", "nearest frame"]
OUTSIDE = ["hold", "loop", "bounce", "black"]
SHUFFLE = ["black", "white", "red", "green", "blue", "alpha"]
METADATA = [
    "no metadata",
    "default metadata",
    "default metadata and exr/*",
    "all metadata except input/*",
    "all metadata",
]
MERGES = ["over", "plus", "minus", "multiply"]
COMPRESSION = [
    "none",
    "RLE",
    "Zip (1 scanline)",
    "Zip (16 scanlines)",
    "PIZ Wavelet (32 scanlines)",
]


def _make(cls: type, name: str, value: Any = None, choices: list[str] | None = None) -> Any:
    knob = cls(name, "", choices) if choices else cls(name)
    if value is not None:
        knob._value = knob._checked(value)
    return knob


def _common() -> list[Any]:
    return [
        _make(k.String_Knob, "label"),
        _make(k.Unsigned_Knob, "tile_color"),
        _make(k.Int_Knob, "xpos"),
        _make(k.Int_Knob, "ypos"),
    ]


def _read() -> list[Any]:
    return [
        _make(k.File_Knob, "file"),
        _make(k.Int_Knob, "first", 1),
        _make(k.Int_Knob, "last", 1),
        _make(k.Enumeration_Knob, "before", choices=OUTSIDE),
        _make(k.Enumeration_Knob, "after", choices=OUTSIDE),
        _make(k.Enumeration_Knob, "on_error", choices=ON_ERROR),
        _make(k.Boolean_Knob, "raw"),
        _make(k.Boolean_Knob, "premultiplied"),
        _make(k.String_Knob, "colorspace", "default (linear)"),
        _make(k.String_Knob, "frame"),
        k.PyScript_Knob("reload", "reload", "pass"),
    ]


def _write() -> list[Any]:
    return [
        _make(k.File_Knob, "file"),
        _make(k.ChannelMask_Knob, "channels", "rgb"),
        _make(k.Enumeration_Knob, "file_type", choices=["", "exr", "png"]),
        _make(k.Boolean_Knob, "raw"),
        _make(k.Boolean_Knob, "create_directories"),
    ]


def exr_options() -> list[Any]:
    """Knobs that a Write has once its file type is EXR."""
    return [
        _make(k.Enumeration_Knob, "datatype", choices=["16 bit half", "32 bit float"]),
        _make(k.Enumeration_Knob, "compression", choices=COMPRESSION),
        _make(k.Enumeration_Knob, "metadata", "default metadata", METADATA),
        _make(k.Boolean_Knob, "autocrop"),
    ]


def _shuffle() -> list[Any]:
    names = ("red", "green", "blue", "alpha")
    outputs = [_make(k.Enumeration_Knob, name, name, SHUFFLE) for name in names]
    return [_make(k.ChannelMask_Knob, "in", "rgba"), *outputs]


# A Copy made in the toolbar copies alpha to alpha.
CLASSES: dict[str, tuple[int, Any]] = {
    "Input": (0, list),
    "Output": (1, list),
    "Dot": (1, list),
    "NoOp": (1, list),
    "Group": (9, list),
    "CheckerBoard2": (0, list),
    "CopyMetaData": (2, list),
    "ModifyMetaData": (1, lambda: [_make(k.Metadata_Text, "metadata")]),
    "Expression": (1, lambda: [_make(k.String_Knob, f"expr{n}", "rgba"[n]) for n in range(4)]),
    "Crop": (1, lambda: [_make(k.BBox_Knob, "box"), _make(k.Boolean_Knob, "reformat")]),
    "Premult": (1, list),
    "Read": (0, _read),
    "Write": (1, _write),
    "AdjBBox": (1, lambda: [_make(k.Double_Knob, "numpixels", 25)]),
    "Shuffle": (1, _shuffle),
    "TimeOffset": (1, lambda: [_make(k.Int_Knob, "time_offset")]),
    "Switch": (9, lambda: [_make(k.Double_Knob, "which")]),
    "FrameRange": (
        1,
        lambda: [_make(k.Int_Knob, "first_frame", 1), _make(k.Int_Knob, "last_frame", 1)],
    ),
    "Copy": (
        2,
        lambda: [
            _make(k.ChannelMask_Knob, "from0", "rgba.alpha"),
            _make(k.ChannelMask_Knob, "to0", "rgba.alpha"),
            _make(k.ChannelMask_Knob, "channels", "none"),
        ],
    ),
    "Remove": (
        1,
        lambda: [
            _make(k.Enumeration_Knob, "operation", choices=["remove", "keep"]),
            _make(k.ChannelMask_Knob, "channels", "all"),
            _make(k.ChannelMask_Knob, "channels2", "none"),
            _make(k.ChannelMask_Knob, "channels3", "none"),
        ],
    ),
    "Multiply": (
        1,
        lambda: [_make(k.ChannelMask_Knob, "channels", "rgb"), _make(k.Color_Knob, "value", 1.0)],
    ),
    "Merge2": (
        9,
        lambda: [
            _make(k.Enumeration_Knob, "operation", "over", MERGES),
            _make(k.ChannelMask_Knob, "output", "rgba"),
            _make(k.Enumeration_Knob, "bbox", "union", ["union", "intersection", "A", "B"]),
        ],
    ),
}
_NO_DISABLE = ("Input", "Output")
MASKS = ("channels", "channels2", "channels3", "from0", "to0", "in", "output")


def knobs_of(name: str) -> tuple[int, list[Any]]:
    """Return how many inputs a class has, and its knobs."""
    if name not in CLASSES:
        raise RuntimeError(f"{name}: Unknown command")
    inputs, make = CLASSES[name]
    own = _common() + make()
    if name not in _NO_DISABLE:
        own.append(_make(k.Boolean_Knob, "disable"))
    return inputs, own


def root_knobs() -> list[Any]:
    return [
        _make(k.Int_Knob, "first_frame", 1),
        _make(k.Int_Knob, "last_frame", 100),
        _make(k.Boolean_Knob, "proxy"),
        _make(k.String_Knob, "format", "1920 1080 0 0 1920 1080 1 HD_1080"),
        _make(k.Enumeration_Knob, "colorManagement", choices=["Nuke", "OCIO"]),
        _make(k.String_Knob, "OCIO_config", "nuke-default"),
        _make(k.File_Knob, "customOCIOConfigPath"),
        _make(k.String_Knob, "workingSpaceLUT", "scene_linear"),
    ]
