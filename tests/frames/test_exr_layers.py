from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vimatte.errors import FrameReadError
from vimatte.frames.exr_layers import Part, find_layer
from vimatte.frames.open_plate import open_plate

Ramp = Callable[..., NDArray[np.float32]]


def chosen(
    parts: Sequence[Part], view: str | None = None, layer: str | None = None
) -> tuple[int, list[str]]:
    found = find_layer(parts, view=view, layer=layer)
    return found.part, [parts[found.part].channels[at] for at in found.channels]


def part(*channels: str, name: str = "", view: str = "", views: tuple[str, ...] = ()) -> Part:
    return Part(name, view, views, channels)


PLAIN = [part("R", "G", "B", "A", "Z", "spec.R", "spec.G", "spec.B", "matte.A", "motion.u",
              "motion.v")]  # fmt: skip
STEREO_CHANNELS = [part("R", "G", "B", "right.R", "right.G", "right.B", "spec.R", "spec.G",
                        "spec.B", "spec.right.R", "spec.right.G", "spec.right.B",
                        views=("left", "right"))]  # fmt: skip
STEREO_PARTS = [
    part("R", "G", "B", name="rgba.left", view="left"),
    part("R", "G", "B", name="rgba.right", view="right"),
    part("R", "G", "B", name="diffuse.left", view="left"),
    part("Z", name="depth.right", view="right"),
]


def rgb(*names: str) -> list[str]:
    return [f"{name}.{component}" for name in names for component in "RGB"]


# As Blender writes two view layers; and multi-part files of renderers, whose order says nothing.
VIEW_LAYERS = [part(*rgb("Background.Combined", "Foreground.Combined"), "Foreground.Depth.Z")]
COMPOSED = [part(*rgb("Background.Combined", "Composite.Combined", "ViewLayer.Combined"))]
PARTS = [part("R", "G", "B", name=name) for name in ("AO", "diffuse", "Beauty", "emission")]
NAMED_PARTS = [part(*rgb("albedo"), name="albedo"), part(*rgb("C"), name="C")]
SAME_IN_PARTS = [part(*rgb("Combined"), name=name) for name in ("Hero", "Set")]


@pytest.mark.parametrize(
    ("parts", "view", "layer", "expected"),
    [
        (PLAIN, None, None, (0, ["R", "G", "B"])),
        (PLAIN, None, "rgba", (0, ["R", "G", "B"])),
        (PLAIN, None, "spec", (0, ["spec.R", "spec.G", "spec.B"])),
        (PLAIN, None, "SPEC", (0, ["spec.R", "spec.G", "spec.B"])),
        (PLAIN, None, "matte", (0, ["matte.A"])),
        ([part("B", "G", "R")], None, None, (0, ["R", "G", "B"])),
        ([part("red", "green", "blue")], None, None, (0, ["red", "green", "blue"])),
        ([part("A", "Y")], None, None, (0, ["Y"])),
        ([part("fg.R", "fg.G", "fg.B", "Z")], None, None, (0, ["fg.R", "fg.G", "fg.B"])),
        (
            [part("v.Combined.R", "v.Combined.G", "v.Combined.B", "v.Nor.R", "v.Nor.G", "v.Nor.B")],
            None,
            None,
            (0, ["v.Combined.R", "v.Combined.G", "v.Combined.B"]),
        ),
        (STEREO_CHANNELS, None, None, (0, ["R", "G", "B"])),
        (STEREO_CHANNELS, "left", None, (0, ["R", "G", "B"])),
        (STEREO_CHANNELS, "right", None, (0, ["right.R", "right.G", "right.B"])),
        (STEREO_CHANNELS, "R", None, (0, ["right.R", "right.G", "right.B"])),
        (STEREO_CHANNELS, "right", "spec",
         (0, ["spec.right.R", "spec.right.G", "spec.right.B"])),
        (STEREO_PARTS, None, None, (0, ["R", "G", "B"])),
        (STEREO_PARTS, "right", None, (1, ["R", "G", "B"])),
        (STEREO_PARTS, None, "diffuse", (2, ["R", "G", "B"])),
        (STEREO_PARTS, "right", "depth", (3, ["Z"])),
        (VIEW_LAYERS, None, "Foreground.Combined", (0, rgb("Foreground.Combined"))),
        (COMPOSED, None, None, (0, rgb("Composite.Combined"))),
        (COMPOSED, None, "ViewLayer.Combined", (0, rgb("ViewLayer.Combined"))),
        (VIEW_LAYERS, None, "background.combined", (0, rgb("Background.Combined"))),
        (VIEW_LAYERS, None, "Background", (0, rgb("Background.Combined"))),
        (VIEW_LAYERS, None, "Depth", (0, ["Foreground.Depth.Z"])),
        (PARTS, None, None, (2, ["R", "G", "B"])),
        (PARTS, None, "rgba", (2, ["R", "G", "B"])),
        (PARTS, None, "diffuse", (1, ["R", "G", "B"])),
        (PARTS[::-1], None, "ao", (3, ["R", "G", "B"])),
        (NAMED_PARTS, None, None, (1, rgb("C"))),
        (NAMED_PARTS, None, "albedo", (0, rgb("albedo"))),
        (SAME_IN_PARTS, None, "Set.Combined", (1, rgb("Combined"))),
        (SAME_IN_PARTS, None, "hero", (0, rgb("Combined"))),
        ([part(*rgb("diffuse", "vrayRGB.rgba", "specular"))], None, None,
         (0, rgb("vrayRGB.rgba"))),
        ([part("R", "G", "B", name="AO"), part("R", "G", "B")], None, None, (1, ["R", "G", "B"])),
        ([part(*rgb("Spec", "spec"))], None, "spec", (0, rgb("spec"))),
        ([part("R")], None, "R", (0, ["R"])),
        ([part("R", "beauty.Y")], None, "r", (0, ["R"])),
        ([part("beauty.R", "depth.Z")], None, "beauty", (0, ["beauty.R"])),
        ([part("depth.Z", *rgb("CryptoObject00"), *rgb("a"))], None, None, (0, rgb("a"))),
    ],
)  # fmt: skip
def test_choice(
    parts: list[Part], view: str | None, layer: str | None, expected: tuple[int, list[str]]
) -> None:
    assert chosen(parts, view, layer) == expected


@pytest.mark.parametrize(
    ("parts", "view", "layer", "message"),
    [
        (PLAIN, "left", None, r"no view 'left'.*names no view"),
        (STEREO_PARTS, "middle", None, r"no view 'middle'.*left, right"),
        (PLAIN, None, "nope", r"no layer 'nope'.*spec, matte"),
        (PLAIN, None, "motion", r"'motion' has channels u, v, not R, G, B"),
        (STEREO_PARTS, "right", "diffuse", r"no layer 'diffuse'"),
        ([part("A", "Z")], None, None, r"no RGB layer"),
        ([part("Y", "RY", "BY")], None, None, r"no RGB layer"),
        ([part(*(f"{n}.{c}" for n in "ab" for c in "RGB"))], None, None, r"no unnamed.*a, b"),
        ([part()], None, None, r"no RGB layer.*it has none"),
        (VIEW_LAYERS, None, None, r"Background\.Combined, Foreground\.Combined.*--layer Backgr"),
        (VIEW_LAYERS, None, "Combined", r"Background\.Combined, Foreground\.Combined"),
        (VIEW_LAYERS, None, "rgba", r"no layer 'rgba'.*Background\.Combined, Foreground\.Comb"),
        (PARTS[:2], None, None, r"several.*AO, diffuse"),
        ([*PARTS, part("R", "G", "B", name="rgba")], None, None, r"several.*Beauty, rgba"),
        (SAME_IN_PARTS, None, None, r"several.*Hero\.Combined, Set\.Combined"),
        (SAME_IN_PARTS, None, "Combined", r"several.*Hero\.Combined, Set\.Combined"),
        ([part(*rgb("Spec", "spec"))], None, "SPEC", r"several.*Spec, spec"),
        ([part("R")], None, None, r"no RGB layer.*can be read: R\)$"),
        ([part(*rgb("uCryptoObject00"), "Z")], None, None, r"no RGB layer.*uCryptoObject00"),
        ([part("R", "G", "B", name="cryptoMaterial01")], None, None, r"no RGB layer"),
        ([part(*rgb("rgba", "beauty"))], None, None, r"several.*rgba, beauty"),
        ([part(*rgb(*(f"pass{n}" for n in range(99))))], None, "x", r"pass29 and 69 more"),
    ],
)
def test_no_choice(parts: list[Part], view: str | None, layer: str | None, message: str) -> None:
    with pytest.raises(FrameReadError, match=message):
        chosen(parts, view, layer)


@pytest.fixture
def stereo(write_parts: Callable[..., Path], ramp: Ramp) -> tuple[Path, list[NDArray[np.float32]]]:
    """A multi-part EXR with two views, as stereo compositing writes it."""
    pixels = [ramp(4, 6, 4, seed=seed) for seed in (1, 2)]
    parts: list[tuple[NDArray[np.float32], dict[str, Any]]] = [
        (picture, {"attributes": {"view": view, "name": f"rgba.{view}"}})
        for picture, view in zip(pixels, ("left", "right"), strict=True)
    ]
    return write_parts("a.0001.exr", *parts), pixels


def test_two_views_in_parts(stereo: tuple[Path, list[NDArray[np.float32]]]) -> None:
    path, pixels = stereo
    for view, expected in ((None, pixels[0]), ("left", pixels[0]), ("right", pixels[1])):
        plate = open_plate(path, view=view)
        np.testing.assert_array_equal(plate.read(1).pixels, expected[:, :, :3])
        kept = plate.header(1).metadata
        assert not {"view", "name", "oiio:subimagename", "openexr:chunkCount"} & set(kept)
        said = [str(notice) for notice in plate.notices if notice.code == "several-views"]
        assert bool(said) is (view is None)
        assert all("2 views (left, right); left is used" in line for line in said)
        assert all("--view right" in line for line in said)
    with pytest.raises(FrameReadError, match=r"no view 'middle'.*left, right") as caught:
        open_plate(path, view="middle")
    assert caught.value.path == str(path)


def test_two_views_in_channels(write_image: Callable[..., Path], ramp: Ramp) -> None:
    pixels = ramp(4, 6, 7)
    # The EXR library keeps channels sorted by name; the reader must go by names.
    channels = ["A", "B", "G", "R", "right.B", "right.G", "right.R"]
    views = {"multiView": ("string[2]", ("left", "right"))}
    path = write_image("a.exr", pixels, channels=channels, attributes=views)
    plate = open_plate(path, view="right")
    np.testing.assert_array_equal(plate.read(1).pixels, pixels[:, :, [6, 5, 4]])
    np.testing.assert_array_equal(open_plate(path).read(1).pixels, pixels[:, :, [3, 2, 1]])
    assert "multiView" not in plate.header(1).metadata


def test_view_of_the_path_and_of_the_file(
    tmp_path: Path, stereo: tuple[Path, list[NDArray[np.float32]]], write_image: Any, ramp: Ramp
) -> None:
    path, pixels = stereo
    (tmp_path / "right").mkdir()
    path.rename(tmp_path / "right" / "a.0001.exr")
    plate = open_plate(tmp_path / "%V" / "a.####.exr", view="right")
    np.testing.assert_array_equal(plate.read(1).pixels, pixels[1][:, :, :3])
    plain = ramp(2, 2, seed=5)
    write_image("b.l.0001.exr", plain)
    plate = open_plate(tmp_path / "b.%v.####.exr", view="left")
    np.testing.assert_array_equal(plate.read(1).pixels, plain)


def test_layer(write_image: Callable[..., Path], ramp: Ramp) -> None:
    pixels = ramp(4, 6, 7)
    channels = ["R", "G", "B", "diff.R", "diff.G", "diff.B", "depth.Z"]
    path = write_image("a.exr", pixels, channels=channels)
    by_name = {
        None: pixels[:, :, :3],
        "diff": pixels[:, :, 3:6],
        "depth": np.repeat(pixels[:, :, 6:], 3, axis=2),
    }
    for layer, expected in by_name.items():
        np.testing.assert_array_equal(open_plate(path, layer=layer).read(1).pixels, expected)
    with pytest.raises(FrameReadError, match=r"no layer 'spec'.*rgba, depth, diff"):
        open_plate(path, layer="spec")


def test_layers_of_other_formats(write_image: Callable[..., Path], ramp: Ramp) -> None:
    path = write_image("a.png", ramp(2, 2), "uint8")
    for options in ({"layer": "rgba"}, {"view": "left"}):
        with pytest.raises(FrameReadError, match="there is no"):
            open_plate(path, **options)
