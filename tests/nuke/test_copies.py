"""Undo, copies of nodes, several nodes, retimes and formats: what docs/nuke.md decides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from nuke_support import FRAMES, planes, press, read, with_masks


def pasted(made, tmp_path):
    path = tmp_path / "copied.nk"
    made.host.copy_all(str(path))
    return made.host.module.nodePaste(str(path))


def test_making_a_node_is_one_step_and_leaves_no_half(start, plate, monkeypatch):
    host = start()
    from vimatte_nuke import commands, project

    read(host, plate)
    commands.create()
    assert host.undo_steps == ["Video Instance Matte"]

    def fail(node):
        raise RuntimeError("no such knob")

    monkeypatch.setattr(project, "set_defaults", fail)
    before = host.allNodes()
    with pytest.raises(RuntimeError, match="no such knob"):
        commands.create()
    assert host.allNodes() == before
    assert host.open_step == ""


def test_buttons_are_steps_and_runs_are_none(start, plate, masks, tmp_path):
    host = start(script=tmp_path / "shot.nk")
    node = with_masks(host, plate, masks, premultiplied=True)
    node["frames"].setValue("1001")
    host.undo_steps.clear()
    host.recorded.clear()
    press(host, node, "matte")
    assert node["status"].value() == "1 frames matted"
    assert [e[0] for e in host.executed] == ["export_plate"]
    assert host.undo_steps == host.recorded == []
    node["clear"].execute()
    node["pick_up"].execute()
    assert host.undo_steps == ["Clear mattes", "Newest mattes"]


def test_a_copy_gets_a_folder_of_its_own_and_shares_the_cache(matted, tmp_path):
    made = matted()
    from vimatte_nuke import project

    made.node["out"].setValue(str(tmp_path / "out"))
    copy = pasted(made, tmp_path)
    assert copy["out"].value() == str(tmp_path / "VideoInstanceMatte2")
    assert copy["cache"].value() == str(tmp_path / "out" / "cache")
    assert copy["version"].value() == "-" or copy["matted"].value()
    assert "anna.alpha" in made.host.see(copy, 1001).channels  # the same mattes, until it runs
    assert project.output_folder(copy) != project.output_folder(made.node)
    third = pasted(made, tmp_path)
    assert third["out"].value() not in (copy["out"].value(), made.node["out"].value())


def test_copies_run_for_themselves(start, plate, masks, tmp_path):
    host = start(script=tmp_path / "shot.nk")
    node = with_masks(host, plate, masks)
    node["frames"].setValue("1001")
    press(host, node, "matte")
    path = tmp_path / "copied.nk"
    host.copy_all(str(path))
    copy = host.module.nodePaste(str(path))
    first = Path(node.node("read_strict")["file"].value())
    assert copy.node("read_strict")["file"].value() == str(first)
    copy["names"].setValue("one,two")
    for row, name in ((1, "one"), (2, "two")):
        copy[f"name_{row}"].setValue(name)
    press(host, copy, "matte")
    assert copy["status"].value() == "1 frames matted"
    second = Path(copy.node("read_strict")["file"].value())
    assert second.parents[2].name == "VideoInstanceMatte2" != first.parents[2].name
    assert "one.alpha" in host.see(copy, 1001).channels
    assert "anna.alpha" in host.see(node, 1001).channels  # the first is as it was
    assert not (second.parents[2] / "cache").exists()  # nothing was computed twice


def test_a_folder_two_nodes_share_is_refused(matted, tmp_path):
    made = matted()
    from vimatte_nuke import commands

    read(made.host, made.node.input(0)["file"].value())
    other = commands.create()
    for node in (made.node, other):
        node["out"].setValue(str(tmp_path / "same"))
    other["matte"].execute()
    assert "VideoInstanceMatte1 has the same output folder" in other["status"].value()


def test_two_nodes_in_one_stream(start, plate, masks, tmp_path, matted):
    """The second reads the plate past the first; a layer of the same name is replaced, and told."""
    made = matted()
    from vimatte_nuke import commands, run

    made.host.selected = made.host.module.nodes.Dot(inputs=[made.node])
    second = commands.create()
    second["guidance_mode"].setValue("mask files")
    second["masks"].setValue(masks.replace("%04d", "####"))
    second["names"].setValue("anna,car")
    fields = run.requests(second)[""]
    assert fields["plate"] == plate and made.host.executed == []
    press(made.host, second, "matte")
    assert second["status"].value() == "3 frames matted; replacing the plate's anna"
    image = made.host.see(second, 1001)
    assert {"anna.alpha", "ben.alpha", "car.alpha"} <= set(image.channels)
    assert image.channels["ben.alpha"].max() == 0.25  # the first node's
    assert image.channels["anna.alpha"].max() > 0.9  # the second's
    # New mattes of the first change nothing of the plate's colour.
    made.node["on_2"].setValue(False)
    assert made.readback.refresh(second).startswith("3 frames matted")
    made.node["matte_view"].setValue("overlay")  # and this does
    assert made.readback.refresh(second).startswith("stale")


def test_a_retime_above(start, plate, masks, tmp_path):
    """Frames are the script's: what is shifted is exported under its new numbers."""
    host = start(script=tmp_path / "shot.nk")
    source = read(host, plate)
    host.selected = later = host.module.nodes.TimeOffset(inputs=[source])
    later["time_offset"].setValue(10)
    from vimatte_nuke import commands, run

    node = commands.create()
    assert node["frames"].value() == "1011-1013"
    node["guidance_mode"].setValue("mask files")
    node["masks"].setValue(str(tmp_path))
    exported = run.requests(node)[""]["plate"]
    assert host.executed == [("export_plate", 1011, 1013, False)]
    for frame in FRAMES:
        path = Path(exported.replace("####", str(frame + 10)))
        first, second = planes(path), planes(Path(plate % frame))
        for name in "RGB":
            np.testing.assert_array_equal(first[name], second[name])


def test_a_retime_below(matted):
    made = matted()
    (made.folder / "exr" / "sh010.1001.exr").unlink()
    later = made.host.module.nodes.TimeOffset(inputs=[made.node])
    later["time_offset"].setValue(10)
    shifted, source = made.host.see(later, 1012), made.host.see(made.node, 1002)
    for name, plane in source.channels.items():
        np.testing.assert_array_equal(shifted.channels[name], plane)


def test_a_format_that_changes_above(start, plate, masks, tmp_path):
    host = start(script=tmp_path / "shot.nk")
    node = with_masks(host, plate, masks)
    press(host, node, "matte")
    assert node["status"].value() == "3 frames matted"
    nodes = host.module.nodes
    for index in (0, 1):
        crop = nodes.Crop(inputs=[node.input(index)])
        crop["box"].setValue([0.0, 0.0, 120.0, 64.0])
        crop["reformat"].setValue(True)
        node.setInput(index, crop)
    from vimatte_nuke import readback

    assert readback.refresh(node).startswith("stale")
    press(host, node, "matte")
    assert node["status"].value() == "3 frames matted"
    assert node["version"].value() == "v002"
    image = host.see(node, 1002)
    assert (image.box, image.format) == ((0, 0, 120, 64), (0, 0, 120, 64))
    assert image.channels["anna.alpha"].max() > 0.9
    assert image.channels["anna.alpha"].shape == (64, 120)


def test_both_routes_read_the_same_pixels_and_exports_say_from_what(start, plate, tmp_path):
    host = start(script=tmp_path / "shot ü.nk")
    from vimatte_nuke import commands, run, upstream

    source = read(host, plate)
    node = commands.create()
    assert run.requests(node)[""]["plate"] == plate
    host.selected = same = host.module.nodes.TimeOffset(inputs=[source])
    node.setInput(0, same)
    exported = run.requests(node)[""]["plate"]
    for frame in FRAMES:
        path = exported.replace("####", str(frame))
        files = [oiio.ImageInput.open(p) for p in (path, plate % frame)]
        specs = [file.spec() for file in files]
        for file in files:
            file.close()
        assert specs[0].getattribute("vimatte/upstream") == upstream.digest(same)
        for name in ("x", "y", "width", "height", "full_x", "full_width", "full_height"):
            assert getattr(specs[0], name) == getattr(specs[1], name)
        first, second = planes(Path(path)), planes(Path(plate % frame))
        for name in "RGB":
            np.testing.assert_array_equal(first[name], second[name])
    same["time_offset"].setValue(1)
    again = run.requests(node)[""]["plate"]
    assert again != exported  # exported anew, and both are kept
    attribute = oiio.ImageInput.open(again.replace("####", "1002")).spec()
    assert attribute.getattribute("vimatte/upstream") == upstream.digest(same)


def test_a_renamed_row_asks_for_another_run(matted):
    made = matted()
    made.host.panels.add(made.node)
    made.node["name_1"].setValue("hero")
    assert made.node["status"].value() == "stale: anna was renamed to hero; matte again"
    made.node["name_1"].setValue("anna")
    assert made.node["status"].value() == "3 frames matted"
