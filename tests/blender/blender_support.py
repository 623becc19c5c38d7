"""The clips, the mattes and the Blender process that the tests share."""

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

import vimatte
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.exr_file import write_exr
from vimatte.output.vse import write_cutout, write_strip

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CLIP = ROOT.parent / "shared" / "data" / "dance_group.mp4"
COUNT, WIDTH, HEIGHT = 40, 96, 64
STEP = 5
MAX_ERROR = 0.004


def write_movie(path: Path, picture, slow_from: int = COUNT, turn: int = 0) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv444p"
        stream.options = {"crf": "1"}
        if turn:
            stream.set_display_rotation(turn)
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


def corners(number: int) -> np.ndarray:
    """Return a picture whose corners are told apart."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    level = 40 + 120 * (rows >= HEIGHT // 2) + 60 * (columns >= WIDTH // 2) + number
    return np.repeat(level[..., None], 3, axis=2).astype(np.uint8)


def make_material(folder: Path) -> Path:
    """Make the clips, the extension, and mattes that say which frame they are of."""
    subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "build_blender"), str(folder / "vimatte.zip")],
        check=True,
    )
    write_movie(folder / "c24.mp4", lambda n: np.full((HEIGHT, WIDTH, 3), 30 + STEP * n, np.uint8))
    write_movie(folder / "disc.mp4", disc)
    write_movie(folder / "vary.mp4", disc, slow_from=20)
    for turn in (0, 90, 180, 270):
        write_movie(folder / f"turned{turn}.mp4", corners, turn=turn)
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
    blob(folder, FrameHeader(window, window))
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
            np.stack([half, half, half, half, level, half], 2),
            ["R", "G", "B", "A", "anna.A", "half.A"],
            header,
            compression="zip",
        )


def blob(folder: Path, header: FrameHeader) -> None:
    """Write pictures that are their own matte, and what the core would publish of them."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for kind in ("vse", "cutout"):
        (folder / kind / "blob").mkdir(parents=True)
    for frame in range(1, 5):
        away = np.hypot(rows - 26.0 - 2 * frame, (columns - 38.0) * 0.7)
        level = np.round(255 * np.clip((24 - away) / 14, 0, 1)).astype(np.uint8)
        cv2.imwrite(str(folder / f"blob.{frame:04d}.png"), np.dstack([level] * 3))
        alpha = (level / 255).astype(np.float16)
        colour = np.repeat(alpha[..., None].astype(np.float32), 3, axis=2)
        write_strip(folder / "vse" / "blob" / f"{frame:04d}.exr", alpha, header, "zip")
        target = folder / "cutout" / "blob" / f"{frame:04d}.exr"
        write_cutout(target, colour, alpha, header, "zip")
        layers = np.dstack([alpha] * 5)
        target = folder / "exr" / f"blob.{frame:04d}.exr"
        write_exr(target, layers, ["R", "G", "B", "A", "blob.A"], header, compression="zip")


def inside(
    blender: Path,
    material: Path,
    tmp_path: Path,
    scenario: str,
    script: str = "inside.py",
    before: tuple[str, ...] = (),
) -> dict:
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
        [*before, str(blender), str(HERE / script), scenario, str(tmp_path)],
        env=env | {"VIMATTE_PYTHON": str(worker), "VIMATTE_TEST_CLIP": str(CLIP)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])
