"""What can be wrong with a node's inputs, its worker and its folders: one clear line each."""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path

import pytest
from nuke_support import FRAMES, discs, picture, press, read, with_masks, write_exr


@pytest.fixture
def ready(start, plate, masks, tmp_path):
    def make(gui=True, **values):
        host = start(gui=gui, script=tmp_path / "my shot é.nk")
        return host, with_masks(host, plate, masks, **values)

    return make


def stand_in(folder: Path, code: str) -> str:
    """Write a program that is started like the environment's Python."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "python"
    path.write_text(f"#!{sys.executable}\nimport json, sys, time\n{code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_no_input(start, tmp_path):
    host = start(script=tmp_path / "shot.nk")
    from vimatte_nuke import commands

    node = commands.create()
    node["matte"].execute()
    assert node["status"].value() == "connect a plate to the first input"
    assert "connect a plate" in host.messages[-1]
    assert node["tile_color"].value() != 0


def test_problems_stop_a_terminal_script(start, tmp_path):
    host = start(gui=False, script=tmp_path / "shot.nk")
    from vimatte_nuke import commands

    node = commands.create()
    with pytest.raises(RuntimeError, match="connect a plate"):
        node["matte"].execute()
    assert host.messages == []


def test_an_input_without_rgba(start, masks, tmp_path):
    host = start(script=tmp_path / "shot.nk")
    from vimatte_nuke import commands

    read(host, masks)
    node = commands.create()
    node["matte"].execute()
    assert node["status"].value() == "Read1 gives no red, green and blue to the first input"


def test_an_unsaved_script(start, plate, tmp_path):
    host = start()
    from vimatte_nuke import commands, project

    read(host, plate)
    node = commands.create()
    node["matte"].execute()
    assert node["status"].value().startswith("save the script first")
    node["out"].setValue("relative/folder")
    node["matte"].execute()
    assert "absolute path" in node["status"].value()
    node["out"].setValue(str(tmp_path / "[exec touch x]"))
    node["matte"].execute()
    assert "must have no brackets" in node["status"].value()
    host.script = str(tmp_path / "later.nk")
    node["out"].setValue("")
    folder = project.output_folder(node)
    assert folder == tmp_path / "vimatte" / "VideoInstanceMatte1"
    host.script = str(tmp_path / "renamed" / "again.nk")
    node.setName("Other")
    assert project.output_folder(node) == folder  # the mattes stay where they are


@pytest.mark.parametrize("frames", ["1002", "1001-1003x2"])
def test_one_frame_and_gaps(ready, frames):
    host, node = ready()
    node["frames"].setValue(frames)
    press(host, node, "matte")
    from vimatte_nuke import frames as ranges

    wanted = ranges.parse(frames)
    assert node["status"].value() == f"{len(wanted)} frames matted"
    for frame in FRAMES:
        seen = host.see(node, frame).get("anna.alpha").any()
        assert seen == (frame in wanted)


@pytest.mark.parametrize("text", ["", "a-b", "9-1", "1-5x0", "1-9999999999"])
def test_ranges_that_are_none(ready, text):
    _, node = ready()
    node["frames"].setValue(text)
    node["matte"].execute()
    assert "is not understood" in node["status"].value()


def test_frames_outside_of_the_plate_are_what_nuke_holds(ready):
    host, node = ready()
    from vimatte_nuke import run

    node["frames"].setValue("1001-1005")
    fields = run.requests(node)[""]
    assert fields["frames"] == "1001-1005"
    assert [e[:3] for e in host.executed] == [
        ("export_plate", 1001, 1005),
        ("export_guidance", 1001, 1005),
    ]
    assert len(list(Path(fields["plate"]).parent.glob("plate.100?.exr"))) == 5


def test_an_input_that_does_not_render(ready, plate):
    host, node = ready()
    Path(plate % 1002).unlink()
    node["matte"].execute()
    assert node["status"].value().startswith("Read2 does not render: ")
    assert host.module.root()["proxy"].value() is False
    assert node.node("export_plate")["disable"].value() is True


def test_no_environment(ready, tmp_path):
    _, node = ready()
    node["environment"].setValue(str(tmp_path / "gone"))
    node["matte"].execute()
    assert "no vimatte environment there" in node["status"].value()
    assert node["run_token"].value() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="stands in for Python by a script")
def test_an_environment_without_vimatte(ready, tmp_path):
    host, node = ready()
    code = "sys.exit('No module named vimatte')"
    node["environment"].setValue(stand_in(tmp_path / "env", code))
    press(host, node, "matte")
    assert "No module named vimatte" in node["status"].value()


def test_a_model_whose_weights_the_environment_may_not_ship(ready, tmp_path):
    host, node = ready()
    node["model"].setValue("msgvim")
    press(host, node, "matte")
    assert "weights" in node["status"].value() and node["tile_color"].value() != 0
    node["weights"].setValue(str(tmp_path / "gone.safetensors"))
    press(host, node, "matte")
    assert "gone.safetensors" in node["status"].value(), node["status"].value()


@pytest.mark.skipif(sys.platform == "win32", reason="stands in for Python by a script")
def test_a_worker_that_hangs(ready, tmp_path, monkeypatch):
    host, node = ready()
    from vimatte_nuke import run

    node["environment"].setValue(stand_in(tmp_path / "env", "time.sleep(600)"))
    monkeypatch.setattr(run, "SILENCE", 0.5)
    press(host, node, "matte")
    assert "has said nothing" in node["status"].value()
    monkeypatch.setattr(run, "SILENCE", 600)
    monkeypatch.setattr(run, "GRACE", 0.5)
    node["matte"].execute()
    node["matte"].execute()
    assert "at work already" in host.messages[-1]
    node["cancel"].execute()
    host.pump(lambda: node["run_token"].value() == "")
    assert node["status"].value().startswith("cancelled; the worker did not stop")
    assert run.JOBS == {}


def test_a_worker_that_is_killed_goes_on_where_it_was(ready):
    host, node = ready()
    from vimatte_nuke import run

    node["matte"].execute()
    job = next(iter(run.JOBS.values()))
    host.pump(lambda: "1" in node["version"].value())  # the first frame is there
    job._client._process.kill()
    host.pump(lambda: node["run_token"].value() == "")
    if node["status"].value() != "3 frames matted":  # it may have been faster
        assert "the worker ended" in node["status"].value()
    press(host, node, "matte")
    assert node["status"].value() == "3 frames matted"
    assert node["version"].value() == "v001"


@pytest.mark.skipif(sys.platform == "win32", reason="stands in for Python by a script")
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"type": "done", "id": 1}', "published nothing"),
        ('{"type": "instances", "instances": [{}]}', "a fault of the plug-in"),
        ('{"type": "hello", "protocol": 99}', "it speaks protocol 99"),
        ("no json at all", "the worker ended"),
        (
            '{"type": "error", "id": 1, "message": "no [exec touch x]", "path": "/p/$HOME"}',
            "no (exec touch x) in /p/SHOME",
        ),
    ],
)
def test_a_worker_that_talks_nonsense(ready, tmp_path, answer, told):
    host, node = ready()
    code = f"print({answer!r}, flush=True)\nfor line in sys.stdin:\n"
    code += "    done = {'type': 'done', 'id': json.loads(line)['id']}\n"
    code += "    print(json.dumps(done), flush=True)"
    if answer[0] != "{":
        code = f"print({answer!r}, flush=True)"
    node["environment"].setValue(stand_in(tmp_path / "env", code))
    press(host, node, "matte")
    assert told in node["status"].value(), node["status"].value()


def test_the_progress_bars_cancel(ready):
    host, node = ready()
    host.cancel_tasks = True
    press(host, node, "matte")
    assert node["status"].value().startswith("cancelled") or "stopped" in node["status"].value()
    assert node["run_token"].value() == ""


def test_a_node_that_is_deleted_or_renamed_during_a_run(ready):
    host, node = ready()
    from vimatte_nuke import run

    node["matte"].execute()
    node.setName("Renamed")
    host.pump(lambda: node["run_token"].value() == "")
    assert node["status"].value() == "3 frames matted"
    node["quality"].setValue("draft")
    node["matte"].execute()
    host.module.delete(node)
    host.pump(lambda: not run.JOBS)


def test_cancelling_an_export_restores_the_script(ready):
    host, node = ready(premultiplied=True)
    host.root()["proxy"].setValue(True)
    host.cancel_export = True
    node["matte"].execute()
    assert node["status"].value() == "cancelled; exported frames are kept"
    assert host.root()["proxy"].value() is True
    assert node.node("export_plate")["disable"].value() is True
    assert host.open_undo == 0


def test_an_export_is_full_size_and_only_what_is_missing(ready, tmp_path):
    host, node = ready(premultiplied=True)
    from vimatte_nuke import run

    host.root()["proxy"].setValue(True)
    fields = run.requests(node)[""]
    # Masks that are an unmodified Read are read where they are.
    assert host.executed == [("export_plate", 1001, 1003, False)]
    files = sorted(Path(fields["plate"]).parent.glob("*.exr"))
    assert len(files) == 3
    files[1].unlink()
    assert run.requests(node)[""] == fields
    assert host.executed[1:] == [("export_plate", 1002, 1002, False)]
    node.input(0)["premultiplied"].setValue(False)
    node.input(0)["colorspace"].setValue("sRGB")
    node.input(0)["raw"].setValue(False)
    assert run.requests(node)[""]["plate"] != fields["plate"]  # others, and exported anew
    assert host.executed[2:] == [("export_plate", 1001, 1003, False)]


def test_guidance_from_an_alpha(ready, tmp_path, plate):
    host, node = ready()
    for frame in FRAMES:
        planes = {"R": discs(frame)["ben"], "A": discs(frame)["ben"]}
        write_exr(tmp_path / "roto" / f"roto.{frame}.exr", planes)
    node.setInput(1, read(host, str(tmp_path / "roto" / "roto.%04d.exr")))
    node["guidance_mode"].setValue("alpha of guidance")
    node["names"].setValue("ben")
    press(host, node, "matte")
    assert node["status"].value() == "3 frames matted"
    assert host.see(node, 1001).channels["ben.alpha"].max() > 0.9
    node.setInput(1, None)
    node["matte"].execute()
    assert "connect masks to the second input" in node["status"].value()


def test_guidance_without_masks(ready, plate, tmp_path):
    host, node = ready()
    node.setInput(1, read(host, plate))
    node["matte"].execute()
    assert "has no layer beside rgba" in node["status"].value()
    node["guidance_mode"].setValue("alpha of guidance")
    node["matte"].execute()
    assert "has no alpha" in node["status"].value()
    node["guidance_mode"].setValue("mask files")
    node["matte"].execute()
    assert node["status"].value() == "name the mask files"


def test_guidance_of_another_size(ready, tmp_path):
    host, node = ready()
    for frame in FRAMES:
        planes = {f"{n}.A": d for n, d in discs(frame, 200, 120).items()}
        write_exr(tmp_path / "large" / f"large.{frame}.exr", planes)
    node.setInput(1, read(host, str(tmp_path / "large" / "large.%04d.exr")))
    press(host, node, "matte")
    assert "frame 1001" in node["status"].value(), node["status"].value()
    assert node["tile_color"].value() != 0


def test_a_plate_whose_size_changes(ready, plate):
    host, node = ready()
    write_exr(Path(plate % 1002), picture(1002, 200, 120))
    press(host, node, "matte")
    assert "frame 1002" in node["status"].value(), node["status"].value()


def test_an_anamorphic_plate(ready, plate, masks):
    host, node = ready()
    for frame in FRAMES:
        write_exr(Path(plate % frame), picture(frame), aspect=2.0)
        planes = {f"{n}.A": d for n, d in discs(frame).items()}
        write_exr(Path(masks % frame), planes, aspect=2.0)
    press(host, node, "matte")
    assert node["status"].value() == "3 frames matted"
    assert host.see(node, 1001).aspect == 2.0
    assert host.see(node, 1001).box == (-8, -8, 160, 96)
    assert host.see(node.node("read_gui"), 1001).aspect == 2.0


def test_frames_appear_as_they_come_and_folders_may_vanish(ready):
    host, node = ready()
    node["matte"].execute()
    host.pump(lambda: node["version"].value() == "v001")
    assert node["run_token"].value() != ""  # what is heard comes in order: the end is to come
    assert host.see(node, 1001).channels["anna.alpha"].max() > 0.9
    host.pump(lambda: node["run_token"].value() == "")
    out = Path(node["out"].value())
    shutil.rmtree(out / "cache")
    press(host, node, "matte")
    assert node["status"].value() == "3 frames matted" and node["version"].value() == "v001"
    shutil.rmtree(out)
    from vimatte_nuke import readback

    assert readback.refresh(node) == "3 frames missing: 1001-1003"


def test_an_output_folder_that_cannot_be_made(ready, tmp_path):
    host, node = ready()
    (tmp_path / "file").write_text("")
    node["out"].setValue(str(tmp_path / "file" / "out"))
    press(host, node, "matte")
    assert node["tile_color"].value() != 0 and "file" in node["status"].value()
