"""What lies behind the synthetic benchmark's instances: photographs, movies, or drawn places."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import InputError
from vimatte.evaluate.picture_files import crop_picture, read_movie, read_picture
from vimatte.evaluate.procedural import procedural_plate
from vimatte.frames.movie_kinds import MOVIE_SUFFIXES

Picture = NDArray[np.float32]
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class Background:
    """A place; `play` gives its frames of a size, from a generator of chance, one by one."""

    name: str
    play: Callable[[int, tuple[int, int], np.random.Generator], Iterator[Picture]]


def procedural_backgrounds(seed: int, count: int) -> list[Background]:
    """Return places drawn from a seed, over which a camera pans slowly."""

    def place(number: int) -> Background:
        def play(frames: int, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Picture]:
            wide = (round(1.3 * size[0]), round(1.3 * size[1]))
            return _pan(procedural_plate(*wide, [seed, 41, number]), frames, size, rng)

        return Background(f"procedural place {number}", play)

    return [place(number) for number in range(count)]


def find_backgrounds(places: Sequence[Path]) -> list[Background]:
    """Return the photographs and movies in folders or files, sorted by name within each place.

    Raises
    ------
    InputError
        A place does not exist or holds none.
    """
    found = []
    for place in places:
        if not place.exists():
            raise InputError("no such file or folder", path=place)
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        mine = [p for p in files if p.suffix.lower() in MOVIE_SUFFIXES | _PICTURES]
        if not mine:
            raise InputError("no photograph or movie here", path=place)
        found += [_movie(p) if p.suffix.lower() in MOVIE_SUFFIXES else _photograph(p) for p in mine]
    return found


def _photograph(path: Path) -> Background:
    def play(frames: int, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Picture]:
        return _pan(read_picture(path), frames, size, rng)

    return Background(path.name, play)


def _movie(path: Path) -> Background:
    def play(frames: int, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Picture]:
        length = sum(1 for _ in read_movie(path))
        first = int(rng.integers(0, max(1, length - frames + 1)))
        last: Picture | None = None
        given = 0
        for number, pixels in enumerate(read_movie(path)):
            if number >= first and given < frames:
                last = _filled(pixels.astype(np.float32) / np.float32(255), size)
                given += 1
                yield last
        for _ in range(given, frames if last is not None else given):
            yield last  # type: ignore[misc]  # a movie that is too short stands still at its end

    return Background(path.name, play)


def _pan(
    picture: Picture, frames: int, size: tuple[int, int], rng: np.random.Generator
) -> Iterator[Picture]:
    height, width = picture.shape[:2]
    widest = min(width, height * size[0] / size[1])
    ends = []
    for span in widest * rng.uniform(0.7, 1.0, 2):
        left = rng.uniform(0, width - span)
        top = rng.uniform(0, height - span * size[1] / size[0])
        ends.append(np.array([left, top, span]))
    # Half of the way at most: the camera is slow.
    end = ends[0] + (ends[1] - ends[0]) * rng.uniform(0.1, 0.5)
    for frame in range(frames):
        ease = (1 - math.cos(math.pi * frame / max(1, frames - 1))) / 2
        left, top, span = (float(v) for v in ends[0] + (end - ends[0]) * ease)
        yield crop_picture(picture, left, top, span, size)


def _filled(picture: Picture, size: tuple[int, int]) -> Picture:
    """Scale a picture so that it fills the size, and cut what is too much evenly."""
    height, width = picture.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    wide = (max(size[0], round(width * scale)), max(size[1], round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    grown = cv2.resize(picture, wide, interpolation=method)
    top, left = (wide[1] - size[1]) // 2, (wide[0] - size[0]) // 2
    return np.asarray(grown[top : top + size[1], left : left + size[0]], np.float32)
