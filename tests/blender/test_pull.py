"""Strips whose frames Blender itself renders for the worker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from blender_support import STEP, inside

from vimatte.session.shot import Shot

SCRIPT = "inside_pull.py"


def test_scene_meta_clip_and_animated_strips(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "owned", SCRIPT)
    why = {"meta": "meta", "scene": "scene", "clip": "movieclip", "moving": "animated"}
    assert set(found) == set(why)
    for name, seen in found.items():
        assert why[name] in seen["why"], name
        assert seen["error"] == "", name
        assert len(seen["rows"]) >= 4, name
        # Each frame has another level, so that a frame beside would be seen.
        for frame, pulled, shown in seen["rows"]:
            assert pulled == pytest.approx(shown, abs=STEP / 255 / 5), (name, frame)
        assert len({round(row[1], 4) for row in seen["rows"]}) == len(seen["rows"]), name


def test_mask_strips_guide(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "mask_strips", SCRIPT)
    if found["compositor"]:
        assert "choose Isolate" in found["compositor"]
    assert found["message"] == "2 matted"
    assert found["instances"] == ["left_one", "right_2"]
    wanted = [f"{name}/m.{frame:04d}.png" for name in found["instances"] for frame in (11, 12, 13)]
    assert found["files"] == wanted
    assert {"clip left_one", "clip right_2"} <= set(found["strips"])
    # Where both masks are, the one on the higher track is in front.
    behind, before = (found["overlap"][f"clip {n} matte"] for n in found["instances"])
    assert before > behind + 0.3, found["overlap"]


def test_movies_with_a_rotation_flag(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "flagged", SCRIPT)
    for turn, seen in found.items():
        assert seen["error"] == "", turn
        if seen["rendered"]:
            continue
        # The worker reads the file itself: it must see it the way up that Blender shows it.
        source = Shot(path=str(material / f"turned{turn}.mp4")).open().source
        plate = source.read(1).pixels
        high, wide = plate.shape[0] // 4, plate.shape[1] // 4
        ours = np.array(plate)[[-high, -high, high, high], [wide, -wide, wide, -wide], 0]
        assert np.argsort(ours).tolist() == np.argsort(seen["corners"]).tolist(), (turn, seen)


def test_a_strip_with_proxies(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "proxies", SCRIPT)
    assert found["built"]
    assert found["plate"] == "disc.mp4"
    assert found["rendered"] == ""
    assert found["message"] == "0 found"
