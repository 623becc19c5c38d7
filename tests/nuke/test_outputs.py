"""What comes out of the node: layers kept, colour, Cryptomatte, views, and marks where it lacks."""

from __future__ import annotations

import numpy as np
import pytest
from nuke_support import FRAMES, publish, read, write_exr

RGB = {"rgba.red", "rgba.green", "rgba.blue"}
MATTES = {"anna.alpha", "ben.alpha"}
COLOURS = {f"{name}.{c}" for name in ("anna", "ben") for c in ("red", "green", "blue")}
CRYPTO = {f"VideoInstanceMatte00.{c}" for c in ("red", "green", "blue", "alpha")}


def with_depth(made, tmp_path):
    """Give the plate of a node a layer that a renderer might have written."""
    for frame in FRAMES:
        planes = {c: np.full((96, 160), 0.25) for c in ("R", "G", "B", "depth.Z")}
        write_exr(tmp_path / "cg" / f"cg.{frame}.exr", planes)
    made.node.setInput(0, read(made.host, str(tmp_path / "cg" / "cg.%04d.exr")))
    made.node["matted_from"].setValue(made.readback.state_of(made.node))


def test_layers_kept(matted, tmp_path):
    made = matted(gui=False)
    with_depth(made, tmp_path)
    for keep, wanted in (
        ("everything", RGB | MATTES | {"depth.Z"}),
        ("rgba and instances", RGB | MATTES),
        ("instances only", MATTES),
    ):
        made.node["keep"].setValue(keep)
        assert set(made.host.see(made.node, 1001).channels) == wanted, keep
    made.host.GUI = True  # there, the mark of a missing matte needs colour, black where none is
    image = made.host.see(made.node, 1001)
    assert set(image.channels) == RGB | MATTES
    assert not any(image.channels[name].any() for name in RGB)


def test_the_foreground_comes_and_goes_with_its_knob(matted):
    made = matted(colour=True)
    assert set(made.host.see(made.node, 1001).channels) == RGB | MATTES
    made.node["foreground"].setValue(True)
    image = made.host.see(made.node, 1001)
    assert set(image.channels) == RGB | MATTES | COLOURS
    assert image.channels["ben.green"].max() == 0.125
    assert image.channels["ben.alpha"].max() == 0.25
    made.node["on_2"].setValue(False)  # the whole layer
    assert not any(n.startswith("ben.") for n in made.host.see(made.node, 1001).channels)
    made.node["on_2"].setValue(True)
    assert made.readback.refresh(made.node) == "3 frames matted"


@pytest.mark.parametrize("gui", [True, False])
def test_colour_that_the_version_lacks(matted, plate, gui):
    made = matted(gui=gui)
    made.node["foreground"].setValue(True)
    assert "the premultiplied foreground was turned on" in made.readback.refresh(made.node)
    if gui:
        assert set(made.host.see(made.node, 1001).channels) == RGB | MATTES
    else:  # a render would go on with black colour
        with pytest.raises(RuntimeError, match="no_colour"):
            made.host.see(made.node, 1001)
    newer = publish(made.folder.parent, ["anna", "ben"], plate, number=2, colour=True)
    made.readback.show(made.node, {"": newer})  # layers of one channel get three more
    assert set(made.host.see(made.node, 1001).channels) == RGB | MATTES | COLOURS
    assert made.readback.refresh(made.node) == "3 frames matted"


def test_a_cryptomatte_comes_with_its_manifest(matted, tmp_path):
    made = matted(cryptomatte=True)
    assert set(made.host.see(made.node, 1001).channels) == RGB | MATTES
    made.node["cryptomatte"].setValue(True)
    image = made.host.see(made.node, 1001)
    assert set(image.channels) == RGB | MATTES | CRYPTO
    assert image.metadata["exr/cryptomatte/c96a0d4/name"] == "VideoInstanceMatte"
    assert (image.box, image.format) == ((-8, -8, 160, 96), (0, 0, 144, 80))


def test_the_plates_own_cryptomatte_stays(matted, tmp_path):
    made = matted(cryptomatte=True)
    for frame in FRAMES:
        planes = {c: np.full((96, 160), 0.25) for c in ("R", "G", "B", "uCrypto00.R")}
        path = tmp_path / "cg" / f"cg.{frame}.exr"
        write_exr(path, planes, attributes={"cryptomatte/0000001/name": "uCrypto"})
    made.node.setInput(0, read(made.host, str(tmp_path / "cg" / "cg.%04d.exr")))
    made.node["cryptomatte"].setValue(True)
    image = made.host.see(made.node, 1001)
    assert {"uCrypto00.red", *CRYPTO} <= set(image.channels)
    names = {v for k, v in image.metadata.items() if k.startswith("exr/cryptomatte/")}
    assert names == {"uCrypto", "VideoInstanceMatte"}


@pytest.mark.parametrize("gui", [True, False])
def test_a_cryptomatte_that_is_missing(matted, gui):
    made = matted(gui=gui, cryptomatte=True)
    made.node["cryptomatte"].setValue(True)
    (made.folder / "cryptomatte" / "sh010.1002.exr").unlink()
    assert made.readback.refresh(made.node) == "1 frames missing: 1002"
    if gui:
        assert not made.host.see(made.node, 1002).get("VideoInstanceMatte00.red").any()
    else:
        with pytest.raises(RuntimeError, match="crypto_strict"):
            made.host.see(made.node, 1002)


@pytest.mark.parametrize("gui", [True, False])
def test_a_cryptomatte_that_the_version_lacks(matted, gui):
    made = matted(gui=gui)
    made.node["cryptomatte"].setValue(True)
    assert "Cryptomatte was turned on" in made.readback.refresh(made.node)
    if gui:
        assert set(made.host.see(made.node, 1001).channels) == RGB | MATTES
    else:
        with pytest.raises(RuntimeError, match="crypto_strict: no file name"):
            made.host.see(made.node, 1001)


def test_the_channel_limit_counts_colour_and_cryptomatte(matted, plate):
    made = matted()
    from vimatte_nuke.problem import Problem

    room = 1023 - len(made.host.channels())
    layer = made.host.module.Layer
    layer("others", [f"others.c{n}" for n in range(room - 9)])
    newer = publish(
        made.folder.parent, ["anna", "ben"], plate, number=2, colour=True, cryptomatte=True
    )
    with pytest.raises(Problem, match="10 more channels would pass the 1023"):
        made.readback.show(made.node, {"": newer})
    assert "anna.red" not in made.host.channels()  # nothing half made
    assert made.node["version"].value() == "v001"


def test_the_overlay_has_the_rows_colours(matted):
    made = matted()
    plate = made.host.see(made.node, 1001)
    made.node["matte_view"].setValue("overlay")
    made.node["colour_1"].setValue([1.0, 0.0, 0.0])
    made.node["colour_2"].setValue([0.0, 0.0, 0.5])
    image = made.host.see(made.node, 1001)
    for name, more in (("red", 0.125 * 0.5), ("green", 0.0), ("blue", 0.25 * 0.25)):
        before = plate.channels["rgba." + name]
        np.testing.assert_allclose(image.channels["rgba." + name], before + more, rtol=1e-6)
    assert "rgba.alpha" not in image.channels  # the plate has none, and an overlay makes none
    made.node["on_1"].setValue(False)
    image = made.host.see(made.node, 1001)
    np.testing.assert_array_equal(image.channels["rgba.red"], plate.channels["rgba.red"])


def test_the_alpha_view_leaves_out_what_is_disabled(matted):
    made = matted()
    made.node["matte_view"].setValue("alpha")
    made.node["on_2"].setValue(False)
    assert made.host.see(made.node, 1001).channels["rgba.red"].max() == 0.125


@pytest.mark.parametrize("view", ["layers", "alpha", "overlay", "checkerboard", "isolated"])
def test_a_missing_matte_is_marked_in_every_view(matted, view):
    made = matted()
    made.node["matte_view"].setValue(view)
    there = made.host.see(made.node, 1001)
    (made.folder / "exr" / "sh010.1002.exr").unlink()
    show, before = made.node.node("show_mark"), made.node.node("view")
    same, bare = made.host.see(show, 1001), made.host.see(before, 1001)
    for name, plane in bare.channels.items():
        np.testing.assert_array_equal(same.channels[name], plane)
    marked, bare = made.host.see(show, 1002), made.host.see(before, 1002)
    difference = marked.channels["rgba.green"] - bare.get("rgba.green")
    assert difference.max() == 0.5  # a board where there was none
    assert marked.box == bare.box and there.box == (-8, -8, 160, 96)
    assert not marked.get("anna.alpha").any()
    made.node.setInput(0, None)
    never = made.host.see(show, 5).channels["rgba.green"]
    assert (never - made.host.see(before, 5).get("rgba.green")).max() == 0.5


def test_nothing_is_marked_in_a_render_or_before_the_first_matte(matted):
    made = matted(gui=False)
    assert made.node.node("show_mark")["which"].value() == 0
    image = made.host.see(made.node, 1001)
    source = made.host.see(made.node.input(0), 1001)
    for name, plane in source.channels.items():
        np.testing.assert_array_equal(image.channels[name], plane)
    made = matted()
    made.node["clear"].execute()
    assert made.node.node("show_mark")["which"].value() == 0
