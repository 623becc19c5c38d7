"""A node's job on a farm: its bundle, what is found afterwards, and a render that computes none."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import fake_nuke
import numpy as np
import pytest
from nuke_support import FRAMES, planes, publish, with_masks

CORE = str(Path(__file__).resolve().parents[2] / "core")


@pytest.fixture
def farmed(start, plate, masks, tmp_path, monkeypatch):
    """A node whose bundle is written, in a folder with a space and a letter beyond ASCII."""
    host = start(script=tmp_path / "shot é 1.nk")
    node = with_masks(host, plate, masks)
    from vimatte_nuke import farm, run

    module = run.load_client()
    module.clean_environment = lambda: {**os.environ, "PYTHONPATH": CORE}
    monkeypatch.setattr(farm, "load_client", lambda: module)
    return host, node


def saved(host, path: Path) -> Path:
    host.copy_all(str(path))
    return path


def opened(path: Path, gui: bool):
    """Open a script in another session, in which nothing can be computed."""
    host = fake_nuke.Nuke(gui)
    host.install()
    host.script = str(path)
    from vimatte_nuke import callbacks, run

    callbacks.register()
    run.load_client = None
    for name in ("anna", "ben"):  # a script brings its layers
        host.module.Layer(name, [name + ".alpha"])
    host.module.nodePaste(str(path))
    host.fire("OnScriptLoad", None)
    return host, host.module.toNode("VideoInstanceMatte1")


@pytest.mark.skipif(sys.platform == "win32", reason="the bundle's tasks are started by a script")
def test_a_bundle_is_run_found_and_rendered(farmed, tmp_path):
    pytest.importorskip("openjd.sessions", reason="the extra farm is not installed")
    host, node = farmed
    node["foreground"].setValue(True)
    node["cryptomatte"].setValue(True)
    node["farm_bundle"].execute()
    assert node["status"].value().startswith("farm job: "), node["status"].value()
    bundle = Path(node["out"].value()) / "farm"
    script = saved(host, tmp_path / "sent é.nk")
    _, waiting = opened(script, gui=True)
    assert waiting["status"].value() == "at the farm"

    command = tmp_path / "command of a node"
    words = f"export PYTHONPATH={CORE!r}\nexec {sys.executable!r} -m vimatte"
    command.write_text(f'#!/bin/sh\n{words} "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    task = [sys.executable, "-m", "vimatte", "farm", "run", str(bundle)]
    done = subprocess.run(
        [*task, "-p", f"Vimatte={command}"],
        env={**os.environ, "PYTHONPATH": CORE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    for gui in (True, False):
        host, node = opened(script, gui)
        assert node["status"].value() == ("3 frames matted" if gui else "")
        version = Path(node.node("read_strict")["file"].value()).parent
        assert version.parent.name == "v001"
        for frame in FRAMES:
            image = host.see(node, frame).channels
            wanted = planes(version / f"sh010.{frame}.exr")
            for name in ("anna", "ben"):
                for short, long in (("R", "red"), ("A", "alpha")):
                    seen = image[f"{name}.{long}"]
                    np.testing.assert_array_equal(seen, wanted[f"{name}.{short}"])
            assert "VideoInstanceMatte00.red" in image
        assert node["farmed_from"].value() == ""  # it has arrived


def test_what_a_farm_has_not_finished_is_looked_for_again(farmed, plate, tmp_path):
    host, node = farmed
    node["out"].setValue(str(tmp_path / "out"))
    node["farm_bundle"].execute()
    folder = publish(tmp_path / "out", ["anna", "ben"], plate)
    late = folder / "exr" / "sh010.1003.exr"
    shutil.move(late, tmp_path / "late.exr")
    node["refresh"].execute()
    assert node["status"].value() == "1 frames missing: 1003"
    assert node["farmed_from"].value() != ""
    script = saved(host, tmp_path / "half.nk")
    host, node = opened(script, gui=False)
    with pytest.raises(RuntimeError, match="No such file"):
        host.see(node, 1003)
    shutil.move(tmp_path / "late.exr", late)
    host, node = opened(script, gui=True)
    assert node["status"].value() == "3 frames matted"
    assert node["farmed_from"].value() == ""
    # What was changed above since the bundle was written is told.
    node.input(0)["premultiplied"].setValue(True)
    node["refresh"].execute()
    assert node["status"].value().startswith("stale")


def test_the_newest_whole_version_is_shown(matted, plate, tmp_path):
    made = matted()
    made.node["out"].setValue(str(made.folder.parent))
    half = publish(made.folder.parent, ["anna", "ben"], plate, number=2, frames=FRAMES[:1])
    (made.folder.parent / "v0x").mkdir()
    made.node["pick_up"].execute()
    assert made.node["version"].value() == "v001"
    shutil.rmtree(made.folder / "exr")
    made.node["pick_up"].execute()
    assert made.node["version"].value() == "v002"
    data = json.loads((half / "version.json").read_text())
    (half / "version.json").write_text(json.dumps({**data, "instances": None}))
    made.node["pick_up"].execute()
    assert "no published version" in made.node["status"].value()


def test_nothing_has_been_published(matted, tmp_path):
    made = matted()
    made.node["out"].setValue(str(tmp_path / "nothing"))
    made.node["pick_up"].execute()
    assert "nothing has been published" in made.node["status"].value()


def test_a_bundle_that_is_not_written(farmed):
    _, node = farmed
    node["model"].choices.append("nothing")
    node["model"].setValue("nothing")
    node["farm_bundle"].execute()
    assert "nothing" in node["status"].value()
    assert node["farmed_from"].value() == ""
