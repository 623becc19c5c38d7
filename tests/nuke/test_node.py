"""The node itself: what it is made of, its defaults, copies, views and rows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from nuke_support import FRAMES, press, publish, read, with_masks


def test_defaults_come_from_the_project(start, plate):
    host = start()
    from vimatte_nuke import commands

    host.root()["first_frame"].setValue(11)
    host.root()["last_frame"].setValue(20)
    assert commands.create()["frames"].value() == "11-20"
    read(host, plate)
    node = commands.create()
    assert node["frames"].value() == "1001-1003"
    assert node.name() == "VideoInstanceMatte2"
    assert node["colorspace"].value() == "auto" and node["guidance_mode"].value() == "people"


def test_rgba_of_the_plate_stays(matted):
    made = matted()
    image = made.host.see(made.node, 1001)
    source = made.host.see(made.node.input(0), 1001)
    for name, plane in source.channels.items():
        np.testing.assert_array_equal(image.channels[name], plane)
    assert image.channels["ben.alpha"].max() == 0.25
    assert "rgba.alpha" not in image.channels


@pytest.mark.parametrize("gui", [True, False])
def test_a_missing_matte(matted, gui):
    made = matted(gui=gui)
    (made.folder / "exr" / "sh010.1002.exr").unlink()
    assert made.readback.refresh(made.node) == "1 frames missing: 1002"
    assert made.node["tile_color"].value() != 0
    if gui:
        assert not made.host.see(made.node, 1002).get("anna.alpha").any()
        made.node.setInput(0, None)  # frames the plate has not
        assert not made.host.see(made.node, 999).get("anna.alpha").any()
    else:
        with pytest.raises(RuntimeError, match="No such file"):
            made.host.see(made.node, 1002)


def test_outside_of_the_matted_range_a_render_fails_too(matted, start):
    made = matted(gui=False)
    made.node.setInput(0, None)
    with pytest.raises(RuntimeError, match="No such file"):
        made.host.see(made.node, 5)


def test_without_mattes_the_plate_passes_in_the_gui_and_a_render_fails(start, plate):
    for gui in (True, False):
        host = start(gui=gui)
        from vimatte_nuke import commands

        read(host, plate)
        node = commands.create()
        if gui:
            assert set(host.see(node, 1001).channels) == {"rgba.red", "rgba.green", "rgba.blue"}
        else:
            with pytest.raises(RuntimeError, match="no file name"):
                host.see(node, 1001)


def test_internal_writes_are_off_in_a_render(matted):
    made = matted()
    for name in ("export_plate", "export_guidance"):
        with pytest.raises(RuntimeError, match="disabled"):
            made.host.module.execute(made.node.node(name), 1001, 1001)


def test_disabling_a_row_takes_its_layer_out(matted):
    made = matted()
    made.node["on_1"].setValue(False)
    assert "anna.alpha" not in made.host.see(made.node, 1001).channels
    assert "ben.alpha" in made.host.see(made.node, 1001).channels


def test_matte_views_and_solo(matted):
    made = matted()
    see = lambda: made.host.see(made.node, 1001)  # noqa: E731
    plate = see()
    made.node["matte_view"].setValue("alpha")
    assert see().channels["rgba.red"].max() == 0.375  # both
    made.node["solo_1"].setValue(True)
    made.node["solo_2"].setValue(True)  # more than one may be
    assert see().channels["rgba.red"].max() == 0.375
    made.node["solo_1"].setValue(False)
    assert see().channels["rgba.red"].max() == 0.25
    made.node["matte_view"].setValue("isolated")
    np.testing.assert_allclose(
        see().channels["rgba.green"], plate.channels["rgba.green"] * 0.25, rtol=1e-6
    )
    made.node["matte_view"].setValue("overlay")
    np.testing.assert_allclose(
        see().channels["rgba.green"], plate.channels["rgba.green"] + 0.25 * 0.5, rtol=1e-6
    )
    made.node["matte_view"].setValue("checkerboard")
    assert see().channels["rgba.alpha"].max() == pytest.approx(0.25)


def test_a_duplicate_shows_the_same_and_runs_for_itself(matted, tmp_path):
    made = matted()
    made.node["run_token"].setValue("0123")
    path = tmp_path / "copied.nk"
    made.host.copy_all(str(path))
    pasted = made.host.module.nodePaste(str(path))
    assert pasted.name() != made.node.name()
    assert pasted["run_token"].value() == ""  # not the run of the other
    assert made.readback.find("0123", "gone").name() == made.node.name()
    pasted["on_1"].setValue(False)
    assert "anna.alpha" in made.host.see(made.node, 1001).channels


def test_a_change_upstream_shows_stale(matted, plate):
    made = matted()
    assert made.readback.refresh(made.node) == "3 frames matted"
    made.host.panels.add(made.node)
    source = made.node.input(0)
    source["label"].setValue("a note")  # looks only
    source.setName("Renamed")
    assert made.readback.refresh(made.node) == "3 frames matted"
    source["premultiplied"].setValue(True)
    assert made.readback.refresh(made.node).startswith("stale")
    source["premultiplied"].setValue(False)
    shutil.copy(plate % 1001, plate % 1002)  # rendered again
    assert made.readback.refresh(made.node).startswith("stale")


def test_views_get_a_folder_each_and_one_pattern(start, plate, tmp_path):
    host = start(script=tmp_path / "shot.nk")
    host.view_names = ["left", "right"]
    from vimatte_nuke import commands, project, readback
    from vimatte_nuke.problem import Problem

    read(host, plate)
    node = commands.create()
    assert node["views"].value() == "left,right"
    left = publish(tmp_path / "out" / "left", ["anna"], plate)
    right = publish(tmp_path / "out" / "right", ["anna"], plate)
    readback.show(node, {"left": left, "right": right})
    assert node.node("read_gui")["file"].value().endswith("/out/%V/v001/exr/sh010.%04d.exr")
    assert host.see(node, 1001, "right").channels["anna.alpha"].max() == 0.125
    shutil.rmtree(right)
    assert not host.see(node, 1001, "right").get("anna.alpha").any()
    newer = publish(tmp_path / "out" / "right", ["anna"], plate, number=2)
    with pytest.raises(Problem, match="different versions"):
        readback.show(node, {"left": left, "right": newer})
    node["views"].setValue("middle")
    with pytest.raises(Problem, match="no view 'middle'"):
        project.chosen_views(node)


def test_the_channel_limit(matted):
    made = matted()
    from vimatte_nuke.problem import Problem

    with pytest.raises(Problem, match="1023 a script may have"):
        made.rows.make_layers({f"person{i:04d}": ("alpha",) for i in range(1100)})
    assert "person0000" not in made.host.layers()


def test_names_in_a_foreign_version_are_not_trusted(matted):
    made = matted()
    from vimatte_nuke.problem import Problem

    path = made.folder / "version.json"
    data = json.loads(path.read_text())
    changes = (
        {"plate": "../../x"},
        {"plate": "[exec rm]"},
        {"instances": [{"id": 1, "name": "a b"}]},
    )
    for change in (*changes, {"instances": [{"id": -1, "name": "anna"}]}):
        path.write_text(json.dumps({**data, **change}))
        with pytest.raises(Problem, match="cannot be layers"):
            made.readback.show(made.node, {"": made.folder})
    path.write_text("[]")
    with pytest.raises(Problem, match="no published version"):
        made.readback.show(made.node, {"": made.folder})


def test_clear_deletes_nothing(matted):
    made = matted()
    made.node["clear"].execute()
    assert made.node["status"].value() == "no mattes yet"
    assert len(list((made.folder / "exr").iterdir())) == 3
    assert "anna.alpha" not in made.host.see(made.node, 1001).channels
    made.node["out"].setValue(str(made.folder.parent))
    made.node["pick_up"].execute()
    assert "anna.alpha" in made.host.see(made.node, 1001).channels


def test_the_qc_page_opens(matted, monkeypatch):
    made = matted()
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    made.node["qc_page"].execute()
    assert opened == [] and "no QC page" in made.host.messages[-1]
    (made.folder / "qc.html").write_text("<p>")
    made.node["qc_page"].execute()
    assert opened == [(made.folder / "qc.html").as_uri()]


def test_the_direct_route_only_where_nothing_changes(start, plate, tmp_path):
    host = start()
    from vimatte_nuke import upstream

    source = read(host, plate)
    direct = lambda node, frames=FRAMES: upstream.direct_files(node, list(frames), "")  # noqa: E731
    nodes = host.module.nodes
    assert direct(source) == plate
    assert direct(nodes.NoOp(inputs=[nodes.Dot(inputs=[source])])) == plate
    assert direct(nodes.TimeOffset(inputs=[source])) is None
    assert direct(source, (1000, 1001)) is None
    for knob, value in (("premultiplied", True), ("frame", "frame+1"), ("disable", True)):
        was = source[knob].value()
        source[knob].setValue(value)
        assert direct(source) is None, knob
        source[knob].setValue(was)
    source["raw"].setValue(False)
    assert direct(source) == plate  # "default (linear)" is what the stream is in
    source["colorspace"].setValue("sRGB")
    assert direct(source) is None
    source["colorspace"].setValue("linear")
    Path(plate % 1002).unlink()
    assert direct(source) is None


def test_colour_of_an_ocio_project(start, monkeypatch, tmp_path):
    host = start()
    from vimatte_nuke import colour, commands
    from vimatte_nuke.problem import Problem

    node = commands.create()
    linear = {"colorspace": "Linear Rec.709 (sRGB)", "ocio": "ocio://default"}
    assert colour.request_fields(node) == linear
    root = host.root()
    root["colorManagement"].setValue("OCIO")
    root["workingSpaceLUT"].setValue("ACES - ACEScg")
    with pytest.raises(Problem, match="was not found"):
        colour.request_fields(node)
    root["OCIO_config"].setValue("custom")
    root["customOCIOConfigPath"].setValue("/studio/config.ocio")
    wanted = {"colorspace": "ACES - ACEScg", "ocio": "/studio/config.ocio"}
    assert colour.request_fields(node) == wanted
    monkeypatch.setenv("OCIO", "/env/config.ocio")
    assert colour.request_fields(node)["ocio"] == "/env/config.ocio"
    node["colorspace"].setValue("ACEScg")
    node["ocio"].setValue("ocio://default")
    assert colour.request_fields(node) == {"colorspace": "ACEScg", "ocio": "ocio://default"}


@pytest.mark.parametrize("name", ["init", "menu"])
def test_start_up_files_never_stop_nuke(start, name, monkeypatch):
    host = start()
    plugin = Path(__file__).resolve().parents[2] / "nuke_plugin" / f"{name}.py"
    code = compile(plugin.read_text(), str(plugin), "exec")
    assert len(plugin.read_text().splitlines()) < 20
    exec(code, {})
    assert host.printed == []
    if name == "menu":
        exec(host.menus["Nodes"].commands["Video Instance Matte"], {})
        assert host.toNode("VideoInstanceMatte1") is not None
    host.module.menu = host.module.addOnCreate = None  # another Nuke
    exec(code, {})
    assert len(host.printed) == 1
    monkeypatch.setitem(__import__("sys").modules, "nuke", None)
    exec(code, {})


def test_matting_again_keeps_what_the_user_named(start, plate, masks, tmp_path):
    host = start(script=tmp_path / "shot.nk")
    node = with_masks(host, plate, masks)
    node["names"].setValue("hero")
    press(host, node, "find_people")
    assert [node[f"name_{i}"].value() for i in (1, 2)] == ["hero", "ben"]
    node["name_2"].setValue("villain")
    press(host, node, "matte")
    assert {"hero.alpha", "villain.alpha"} <= set(host.see(node, 1002).channels)
    assert host.tasks[-1].message == "QC page"
