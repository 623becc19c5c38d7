"""A tiny shot of two people on disk, and the command line run on it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte.cli.main import main
from vimatte.output.exr_file import read_layers

WIDTH, HEIGHT = 96, 64
FRAMES = range(1001, 1005)


def write_exr(path: Path, pixels: np.ndarray, **windows: int) -> None:
    buffer = oiio.ImageBuf(np.ascontiguousarray(pixels, dtype=np.float32))
    spec = buffer.specmod()
    for name, value in windows.items():
        setattr(spec, name, value)
    assert buffer.write(str(path), oiio.HALF), buffer.geterror()


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A plate of four frames, and the masks of two people in it."""
    return write_shot(tmp_path)


def write_shot(tmp_path: Path) -> Path:
    """Write the shot into a folder and return it."""
    rng = np.random.default_rng(0)
    (tmp_path / "plate").mkdir()
    for frame in FRAMES:
        pixels = rng.random((HEIGHT, WIDTH, 3), dtype=np.float32) * 0.2
        for index, name in enumerate(("anna", "bert")):
            folder = tmp_path / "masks" / name
            folder.mkdir(parents=True, exist_ok=True)
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.circle(mask, (28 + 40 * index + frame - 1001, 32), 14, 255, -1)
            pixels[mask > 0] += 0.5
            cv2.imwrite(str(folder / f"m.{frame}.png"), mask)
        write_exr(tmp_path / "plate" / f"sh.{frame}.exr", pixels)
    return tmp_path


def matte(shot: Path, out: str = "out", *more: str) -> int:
    plate = str(shot / "plate" / "sh.####.exr")
    masks = f"masks:{shot / 'masks'}"
    return main(["matte", plate, "-o", str(shot / out), "--guidance", masks, *more])


def alphas(shot: Path, out: str, frame: int) -> dict[str, np.ndarray]:
    channels, _, _ = read_layers(shot / out / "v001" / "exr" / f"sh.{frame}.exr")
    return channels
