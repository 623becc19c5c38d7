"""The extension in real Blenders (bpy), with the real worker and network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from blender_support import CLIP, MAX_ERROR, STEP, inside

from vimatte.output.exr_file import read_layers


def test_blenders_own_tool_builds_and_validates_it(
    blender: Path, material: Path, tmp_path: Path
) -> None:
    (tmp_path / "source").mkdir()
    unzip = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])"
    zipped = str(material / "vimatte.zip")
    subprocess.run([sys.executable, "-c", unzip, zipped, str(tmp_path / "source")], check=True)
    (tool,) = blender.parents[1].glob(
        "lib/python3.11/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    )
    built = str(tmp_path / "built.zip")
    for arguments in (
        ["validate", zipped],
        ["build", "--source-dir", str(tmp_path / "source"), "--output-filepath", built],
        ["validate", built],
    ):
        done = subprocess.run(
            [str(blender), str(tool), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_install_enable_disable(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "lifecycle")
    assert found == {"enabled": True, "disabled": True, "again": True}


def test_matte_and_picture_are_of_the_same_source_frame(
    blender: Path, material: Path, tmp_path: Path
) -> None:
    found = inside(blender, material, tmp_path, "timing")
    wrong = []
    for change, seen in found.items():
        assert not seen["rendered"], change
        assert len(seen["rows"]) > 5
        levels = sorted({row[1] for row in seen["rows"]})
        assert levels[-1] - levels[0] > 0.3, change
        for frame, picture, matte in seen["rows"]:
            shown = 1 + round((picture * 255 - 30) / STEP)
            if abs(matte - shown / 64) > MAX_ERROR:
                wrong.append((change, frame, shown, matte * 64))
    assert not wrong


def test_isolated_strips(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "isolate")
    # Flipped, squeezed and moved (where to differs between versions), the clip fills half of the
    # columns, and its matte, the left half of it, the right half of those.
    shown = [index for index, alpha in enumerate(found.pop("shown")) if alpha > 0.5]
    assert 10 <= len(shown) <= 13
    matted = shown[len(shown) // 2 + 1 : -1]
    empty = [*range(shown[0]), *shown[: len(shown) // 2 - 1], *range(shown[-1] + 1, 24)]
    made = {"ISOLATE": ["IMAGE", "MOVIE"], "CUTOUT": ["IMAGE"], "COMPOSITOR": ["MOVIE"]}
    assert {name.partition("-")[0] for name in found} >= {"ISOLATE", "CUTOUT"}
    grey = (30 + STEP * 9) / 255
    over = [0.75 * grey, 0.75 * grey + 0.25, 0.75 * grey]
    for name, seen in found.items():
        assert seen["again"] == 0, name
        result, _, group = name.partition("-")
        meta = ["META"] * (group == "True")
        assert seen["types"] == sorted(["COLOR", "MOVIE", *made[result], *meta]), name
        for index in matted:
            assert seen["row"][index][:3] == pytest.approx(over, abs=0.01), (name, index)
        for pixel in [*(seen["row"][index] for index in empty), *seen["cropped"]]:
            assert pixel[:3] == pytest.approx([0, 1, 0], abs=MAX_ERROR), name


BAD = {
    "none": "No strip",
    "unsaved": "not saved",
    "sound": "strip has no people",
    "qc": "matte it first",
    "environment": "install.py",
    "preference": "no vimatte environment",
    "dies": "out of luck",
    "weights": "mediapipe",
    "model": "nonsense",
    "twice": "already",
    "cancelled": "Cancelled",
    "folder": "file",
    "missing": "missing",
}


def test_bad_input_is_one_clear_message(blender: Path, material: Path, tmp_path: Path) -> None:
    said = inside(blender, material, tmp_path, "bad_input")
    assert said.pop("idle") == "{'CANCELLED'}"
    assert set(said) == set(BAD)
    assert not {key: text for key, text in said.items() if BAD[key].lower() not in text.lower()}
    assert "Traceback" not in str(said)


def test_a_full_run_on_keyframe_masks(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "masks")
    assert found["message"] == "1 matted"
    assert found["instances"] == ["hero_1"]
    assert found["names"] == ["clip", "clip hero_1 matte", "clip hero_1"]
    # Renamed, saved, opened and run again: the same strips, and the same version.
    assert sorted(found["after"]) == sorted(["renamed", *found["names"][1:]])
    assert found["versions"] == ["v001"]
    assert found["qc"]
    within, outside = found["pixels"]
    assert within[3] > 0.9
    assert min(within[:3]) > 0.6
    assert outside[3] < 0.1


def test_a_strip_deleted_during_the_run(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "deleted")
    assert "deleted" in found["error"]
    assert "v001" in found["error"]
    assert found["running"] == 0


def test_what_only_the_sequencer_shows_is_rendered_by_it(
    blender: Path, material: Path, tmp_path: Path
) -> None:
    found = inside(blender, material, tmp_path, "graded")
    assert found["disc.mp4"] == ["0 found", 3]
    assert found["vary.mp4"] == ["0 found", 3]


@pytest.mark.skipif(not CLIP.exists(), reason="needs the footage dance_group.mp4")
def test_a_dancer_is_isolated_over_another_strip(
    blender: Path, material: Path, tmp_path: Path
) -> None:
    found = inside(blender, material, tmp_path, "dancers")
    assert found["people"] >= 3
    assert found["thumbnail"]
    assert found["names"] == ["green", "dance", "dance person01 matte", "dance person01"]
    alpha = np.array(found["alpha"])
    shown = np.array(found["isolated"])[:, :3]
    assert 10 < (alpha > 0.99).sum() < alpha.size / 2
    assert (alpha < 0.01).sum() > alpha.size / 3
    # Byte strips are scaled before they are masked: a little off at edges.
    assert np.abs(shown[alpha < 0.001] - [0, 1, 0]).max() <= 0.02
    assert np.abs(shown[alpha > 0.99] - [0, 1, 0]).max(-1).min() > 0.3
    # The matte Blender shows is the core's: its file, quartered as the strip is.
    assert found["file"].endswith("/0042.exr")
    channels, _, _ = read_layers(Path(found["file"]))
    core = channels["A"][::-1].astype(np.float32)
    size = core.reshape(270, 4, 480, 4).mean((1, 3))
    points = [size[y, x] for y in range(5, 270, 20) for x in range(5, 480, 20)]
    inside_flat = [i for i, p in enumerate(points) if p in (0.0, 1.0)]
    assert len(inside_flat) > len(points) / 2
    for index in inside_flat:
        assert abs(alpha[index] - points[index]) <= MAX_ERROR
