"""What goes wrong while a strip is worked on, in real Blenders with the real worker."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from blender_support import inside

SCRIPT = "inside_faults.py"
SMALL_DISK = 'mount -t tmpfs -o size=4m tmpfs "$1" && shift && exec "$@"'


def test_cancelled_and_killed_runs_go_on(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "halfway", SCRIPT)
    message, failed, running = found["cancelled"]
    assert "Cancelled" in message
    assert (failed, running) == (False, 0)
    message, failed, running = found["killed"]
    assert "worker ended" in message
    assert "finished frames are kept" in message
    assert (failed, running) == (True, 0)
    first, second, third = found["counts"]
    assert 2 <= first < 10
    assert first <= second < 10
    assert third == 10
    assert found["kept"], found["files"]
    assert found["done"] == "1 matted"
    assert found["before"] == ["clip"]
    assert found["names"] == ["renamed again", "renamed again hero matte", "renamed again hero"]


def test_a_full_disk(
    blender: Path, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unshare = shutil.which("unshare")
    disk = tmp_path / "disk"
    disk.mkdir()
    small = (unshare or "", "-rm", "sh", "-c", SMALL_DISK, "sh", str(disk))
    if unshare is None or subprocess.run([*small, "true"], check=False).returncode:
        pytest.skip("no disk may be mounted here: a full one cannot be made")
    monkeypatch.setenv("VIMATTE_TEST_DISK", str(disk))
    found = inside(blender, material, tmp_path, "full_disk", SCRIPT, small)
    assert "space left" in found["rendering"].lower()
    assert "space left" in found["matting"].lower()
    assert found["whole"]
    assert found["freed"] == "1 matted"


def test_a_file_opened_on_another_machine(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "elsewhere", SCRIPT)
    assert found["same"]
    assert found["lit"] > 0.6
    assert found["qc"] == ""
    assert all(path.startswith("//vimatte") for path in found["paths"])
    assert found["again"] == ["1 matted", 3]
    assert "matte it first" in found["qc alone"]
    assert "missing" in found["missing"]
    assert "disc.mp4" in found["missing"]
    assert "install.py" in found["environment"]


def test_a_duplicated_strip_is_another_one(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "doubled", SCRIPT)
    assert found["inherited"]
    assert found["own"] == 2
    assert found["still"]
    assert found["found"] == found["names"]
