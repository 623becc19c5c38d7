"""Masks of three frames in many forms, and the provider run on them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image

from vimatte.frames.window import Window
from vimatte.guidance.mask_files import MaskFileGuidance

WIDTH, HEIGHT = 48, 32
FRAMES = range(1001, 1004)


def block(x: int, y: int, value: int = 255, size: int = 10) -> np.ndarray:
    picture = np.zeros((HEIGHT, WIDTH), np.uint16)
    picture[y : y + size, x : x + size] = value
    return picture


def soft(*centres: tuple[int, int]) -> np.ndarray:
    """Discs with anti-aliased edges."""
    picture = np.zeros((HEIGHT, WIDTH), np.uint8)
    for centre in centres:
        cv2.circle(picture, centre, 7, 255, -1, cv2.LINE_AA)
    return picture


@pytest.fixture
def read(tmp_path: Path, source_of, finish, write_image):
    """Run the provider over a plate of three frames and return its result."""
    rng = np.random.default_rng(0)
    for frame in FRAMES:
        picture = rng.integers(0, 9, (HEIGHT, WIDTH, 3)) + 100
        write_image(tmp_path / "plate" / f"sh.{frame}.png", picture)

    def run(masks: Path, frames: str | None = None, **options):
        provider = MaskFileGuidance(folder=masks, **options)
        source = source_of(tmp_path / "plate" / "sh.####.png", frames=frames)
        return finish(provider.run(source, tmp_path / "cache", "sh"))[0]

    return run


def codes(result) -> list[str]:
    return [notice.code for notice in result.notices]


def said(result, code: str) -> str:
    (notice,) = (notice for notice in result.notices if notice.code == code)
    return str(notice)


def save(folder: Path, picture: Image.Image | np.ndarray, frames=FRAMES, name="m") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        if isinstance(picture, Image.Image):
            picture.save(folder / f"{name}.{frame}.png")
        else:
            assert cv2.imwrite(str(folder / f"{name}.{frame}.png"), picture)
    return folder


def grey(array: np.ndarray) -> np.ndarray:
    return array.astype(np.uint8)


def palette(array: np.ndarray, colours: list[int]) -> Image.Image:
    picture = Image.fromarray(grey(array), "P")
    picture.putpalette(colours)
    return picture


GREYS = [value for value in range(256) for _ in range(3)]
DAVIS = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128]
ALL = Window(2, 2, 10, 10)
TWO = {1: Window(2, 2, 10, 10), 2: Window(24, 6, 10, 10)}


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_parts(path: Path, parts: list[tuple[str, list[str], Window]], kind: str = "half") -> None:
    """Write a multi-part EXR whose parts are white on their data windows."""
    specs = []
    for name, channels, window in parts:
        spec = oiio.ImageSpec(window.width, window.height, len(channels), kind)
        spec.x, spec.y = window.x, window.y
        spec.full_width, spec.full_height = WIDTH, HEIGHT
        spec.channelnames = tuple(channels)
        spec.attribute("oiio:subimagename", name)
        specs.append(spec)
    write_specs(path, specs)


def write_specs(path: Path, specs: list[oiio.ImageSpec]) -> None:
    """Write an EXR with a white part for every specification."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), tuple(specs)), out.geterror()
    for at, spec in enumerate(specs):
        if at:
            assert out.open(str(path), spec, "AppendSubimage"), out.geterror()
        pixels = np.ones((spec.height, spec.width, spec.nchannels), np.float32)
        assert out.write_image(pixels), out.geterror()
    out.close()
