"""A real plate through the node, the real worker and the real network, against the core."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from nuke_support import FRAMES, OVERSCAN, planes, press, with_masks

from vimatte import MatteSession, Shot


def core_layers(plate: str, masks: str, out: Path) -> Path:
    """Publish with the core alone, and return the version."""
    shot = Shot(
        plate.replace("%04d", "####"),
        frames="1001-1003",
        colorspace="Linear Rec.709 (sRGB)",
        ocio="ocio://default",
    )
    folders = {"masks": Path(masks)}
    with MatteSession(shot, guidance="masks", cache=out / "cache", folders=folders) as session:
        return session.publish(out)


@pytest.mark.parametrize("route", ["direct", "export"])
def test_layers_equal_the_cores(start, plate, masks, tmp_path, route):
    host = start(script=tmp_path / "my script ö.nk")
    node = with_masks(host, plate, masks)
    if route == "export":
        host.selected = offset = host.module.nodes.TimeOffset(inputs=[node.input(0)])
        node.setInput(0, offset)
    press(host, node, "matte")

    assert node["status"].value() == "3 frames matted"
    assert [e[0] for e in host.executed] == ([] if route == "direct" else ["export_plate"])
    version = core_layers(plate, masks, tmp_path / "core")
    for frame in FRAMES:
        seen = host.see(node, frame)
        wanted = planes(next((version / "exr").glob(f"*.{frame}.exr")))
        source = planes(Path(plate % frame))
        assert seen.box == (-OVERSCAN, -OVERSCAN, 160, 96)
        assert seen.format == (0, 0, 144, 80)
        for name in ("anna", "ben"):
            assert wanted[name + ".A"].max() > 0.9
            np.testing.assert_array_equal(seen.channels[name + ".alpha"], wanted[name + ".A"])
        for short, name in (("R", "red"), ("G", "green"), ("B", "blue")):
            np.testing.assert_array_equal(seen.channels["rgba." + name], source[short])
        assert "rgba.alpha" not in seen.channels  # the plate has none, and keeps having none


def test_a_terminal_session_blocks_and_reads_back(start, plate, masks, tmp_path):
    host = start(gui=False, script=tmp_path / "shot.nk")
    node = with_masks(host, plate, masks)
    node["matte"].execute()
    assert node["status"].value() == "3 frames matted"
    assert host.see(node, 1002).channels["anna.alpha"].max() > 0.9


def test_both_views_of_a_stereo_plate(start, plate, masks, tmp_path):
    """A view at a time, each from its own files; frames of both come back through %V."""
    for view, shift in (("left", 0), ("right", 1)):
        for source, name in ((plate, "sh010"), (masks, "masks")):
            folder = tmp_path / "plate" / view
            folder.mkdir(parents=True, exist_ok=True)
            for frame in FRAMES[:2]:
                shutil.copy(source % (frame + shift), folder / f"{name}.{frame}.exr")
    host = start(script=tmp_path / "shot.nk")
    host.view_names = ["left", "right"]
    folder = (tmp_path / "plate" / "%V").as_posix()
    node = with_masks(host, f"{folder}/sh010.%04d.exr", f"{folder}/masks.%04d.exr")
    node["frames"].setValue("1001-1002")
    node["out"].setValue(str(tmp_path / "plate" / "left" / "out"))  # a folder called like a view
    press(host, node, "matte")
    assert node["status"].value() == "2 frames matted"
    assert host.executed == []
    left, right = (host.see(node, 1001, view).channels["anna.alpha"] for view in ("left", "right"))
    assert left.max() > 0.9 and right.max() > 0.9 and (left != right).any()
    for view, alpha in (("left", left), ("right", right)):
        file = tmp_path / "plate" / "left" / "out" / view / "v001" / "exr" / "sh010.1001.exr"
        np.testing.assert_array_equal(planes(file)["anna.A"], alpha)
