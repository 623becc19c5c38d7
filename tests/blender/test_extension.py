"""The extension in real Blenders (bpy), with the real worker and network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import vimatte
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.exr_file import read_layers, write_exr
from vimatte.output.vse import write_cutout, write_strip

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CLIP = ROOT.parent / "shared" / "data" / "dance_group.mp4"
COUNT, WIDTH, HEIGHT = 40, 96, 64
STEP = 5
MAX_ERROR = 0.004


def write_movie(path: Path, picture, slow_from: int = COUNT) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv444p"
        stream.options = {"crf": "1"}
        stream.codec_context.time_base = Fraction(1, 24)
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts = number + max(0, number - slow_from)
            frame.time_base = Fraction(1, 24)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def disc(number: int) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside = (columns - WIDTH // 2) ** 2 + (rows - HEIGHT // 2) ** 2 < 16**2
    noise = np.random.default_rng(number).integers(0, 30, (HEIGHT, WIDTH, 3), np.uint8)
    return np.where(inside[..., None], 200 + noise, noise).astype(np.uint8)


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the clips, the extension, and mattes that say which frame they are of."""
    folder = tmp_path_factory.mktemp("blender")
    subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "build_blender"), str(folder / "vimatte.zip")],
        check=True,
    )
    write_movie(folder / "c24.mp4", lambda n: np.full((HEIGHT, WIDTH, 3), 30 + STEP * n, np.uint8))
    write_movie(folder / "disc.mp4", disc)
    write_movie(folder / "vary.mp4", disc, slow_from=20)
    for number in range(COUNT):
        level = np.full((HEIGHT, WIDTH, 3), 30 + STEP * number, np.uint8)
        cv2.imwrite(str(folder / f"p.{number + 1:04d}.png"), level)
    with wave.open(str(folder / "s.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    clips(folder)
    return folder


def clips(folder: Path) -> None:
    """Write what the core would publish of the clip."""
    window = Window(0, 0, WIDTH, HEIGHT)
    header = FrameHeader(window, window)
    half = np.zeros((HEIGHT, WIDTH), np.float16)
    half[:, : WIDTH // 2] = 0.75
    for name in ("anna", "half"):
        (folder / "vse" / name).mkdir(parents=True)
    (folder / "cutout" / "half").mkdir(parents=True)
    (folder / "exr").mkdir()
    for frame in range(1, COUNT + 1):
        level = np.full((HEIGHT, WIDTH), frame / 64, np.float16)
        write_strip(folder / "vse" / "anna" / f"{frame:04d}.exr", level, header, "zip")
        write_strip(folder / "vse" / "half" / f"{frame:04d}.exr", half, header, "zip")
        shown = (30 + STEP * (frame - 1)) / 255
        light = shown / 12.92 if shown <= 0.04045 else ((shown + 0.055) / 1.055) ** 2.4
        colour = np.repeat(half[..., None].astype(np.float32) * light, 3, axis=2)
        write_cutout(folder / "cutout" / "half" / f"{frame:04d}.exr", colour, half, header, "zip")
        write_exr(
            folder / "exr" / f"c24.{frame:04d}.exr",
            np.stack([half, half, half, half, half * 0, half], 2),
            ["R", "G", "B", "A", "anna.A", "half.A"],
            header,
            compression="zip",
        )


def inside(blender: Path, material: Path, tmp_path: Path, scenario: str) -> dict:
    """Run a scenario; return what it found."""
    for path in material.iterdir():
        (tmp_path / path.name).symlink_to(path)
    dying = tmp_path / "dying"
    dying.write_text("#!/bin/sh\necho 'out of luck' >&2\nexit 3\n")
    dying.chmod(0o755)
    worker = tmp_path / "worker"
    core = Path(vimatte.__file__).parents[1]
    worker.write_text(f'#!/bin/sh\nPYTHONPATH="{core}" exec "{sys.executable}" "$@"\n')
    worker.chmod(0o755)
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(blender), str(HERE / "inside.py"), scenario, str(tmp_path)],
        env=env | {"VIMATTE_PYTHON": str(worker), "VIMATTE_TEST_CLIP": str(CLIP)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


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
