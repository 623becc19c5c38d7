"""Build the benchmark's moving part: a keyed person composited over places no training ever saw.

A composite has an exact truth by construction, whatever the key is worth: the plate is made with
the very alpha that is written beside it. The key only has to look like a person.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import InputError
from vimatte.evaluate.items import clear_item, write_instances, write_plate
from vimatte.evaluate.keying import key_green
from vimatte.evaluate.picture_files import (
    crop_picture,
    find_picture,
    read_movie,
    read_picture,
)

Plane = NDArray[np.float32]
Picture = NDArray[np.float32]

_SHUTTER = (-0.25, -0.083, 0.083, 0.25)  # moments of a frame that are averaged: half a frame open
_SINK = 30  # pixels of the keyed person's cut-off lower edge that stay below the plate


@dataclass(frozen=True, slots=True)
class Motion:
    """How an instance moves over a plate: it sways about a place; lengths in plate pixels.

    Attributes
    ----------
    centre : float
        Of the instance's lower edge, as a fraction of the plate's width.
    scale : float
        Height of the keyed frame over the plate's height.
    sway, period : float
        Amplitude in pixels across, and the frames one sway takes.
    lean : float
        Degrees; it leans with half the sway's period.
    breathe : float
        Relative change of the scale, once in 1.7 periods.
    """

    centre: float
    scale: float
    sway: float
    period: float
    lean: float = 3.0
    breathe: float = 0.03


@dataclass(frozen=True, slots=True)
class Layer:
    """One instance of a clip; front instances come first.

    Attributes
    ----------
    start : int
        The talker's frame (from 0) at the clip's first frame.
    flip : bool
        Mirrored, and played backwards.
    motion : Motion
    """

    start: int
    flip: bool
    motion: Motion


@dataclass(frozen=True, slots=True)
class ClipRecipe:
    """What one clip is made of.

    Attributes
    ----------
    name : str
    backdrop : str
        File stem of a photograph or movie in the backdrop folders.
    size : tuple of int
        Width and height of the plate.
    crop : tuple of float
        Of a photograph: x, y, width of the crop at the start and at the end, as fractions of the
        picture's width, height and width. Of a movie: the left and top pixel, and the first frame.
    layers : tuple of Layer
    """

    name: str
    backdrop: str
    size: tuple[int, int]
    crop: tuple[float, ...]
    layers: tuple[Layer, ...]


RECIPES = (
    ClipRecipe(
        "park", "juggle", (544, 480), (0, 70, 60), (Layer(0, False, Motion(0.5, 0.95, 34, 31)),)
    ),
    ClipRecipe(
        "corridor",
        "corridor",
        (576, 432),
        (100, 0, 6),
        (
            Layer(20, False, Motion(0.30, 0.78, 26, 37)),
            Layer(125, True, Motion(0.66, 0.92, 30, 26, lean=4)),
        ),
    ),
    ClipRecipe(
        "room",
        "Wine_by_Jakkub_Mede",
        (640, 480),
        (0.02, 0.12, 0.8, 0.16, 0.22, 0.7),
        (Layer(60, True, Motion(0.5, 0.9, 60, 34, lean=6)),),
    ),
    ClipRecipe(
        "stream",
        "life_by_Aitzol_Berasategi",
        (576, 448),
        (0.10, 0.05, 0.6, 0.30, 0.15, 0.55),
        (
            Layer(95, False, Motion(0.36, 0.72, 40, 29)),
            Layer(80, True, Motion(0.60, 0.88, 22, 40, lean=5)),
        ),
    ),
)


class Talker:
    """The frames of a clip shot against green, keyed when asked for.

    Raises
    ------
    FrameReadError
        The movie cannot be decoded.
    """

    def __init__(self, path: Path) -> None:
        self._frames = list(read_movie(path))

    def __len__(self) -> int:
        return len(self._frames)

    def layer(self, frame: int) -> Picture:
        """Return premultiplied RGB and alpha, shape (H, W, 4); the clip plays to and fro."""
        turn = frame % max(1, 2 * (len(self) - 1))
        picture = self._frames[min(turn, 2 * (len(self) - 1) - turn)]
        foreground, alpha = key_green(picture.astype(np.float32) / np.float32(255))
        return np.dstack([foreground * alpha[..., None], alpha]).astype(np.float32)


def build_clips(
    out: Path, talker: Path, backdrops: Sequence[Path], *, seed: int, strength: float, frames: int
) -> Iterator[dict[str, object]]:
    """Write every clip of `RECIPES`; yields a record of each as it is done.

    Parameters
    ----------
    out : Path
        The benchmark's folder.
    talker : Path
        A movie of one person in front of pure green, whole but for the lower edge.
    backdrops : sequence of Path
        Folders or files: photographs and movies that the recipes name.
    seed : int
        Of the guidance masks' errors and of the grain.
    strength : float
        Of the guidance masks' errors, see `vimatte.evaluate.degrade`.
    frames : int
        Of each clip.

    Raises
    ------
    InputError
        A backdrop is not there.
    """
    person = Talker(talker)
    for number, recipe in enumerate(RECIPES):
        source = find_picture(recipe.backdrop, backdrops)
        behind = _backdrop(source, recipe, frames)
        rng = np.random.default_rng([seed, 10, number])
        truth: list[list[Plane]] = [[] for _ in recipe.layers]
        folder = out / "clips" / recipe.name
        clear_item(folder)
        for frame, plate in enumerate(behind):
            layers = [_moved(person, layer, recipe.size, frame) for layer in recipe.layers]
            picture, visible = composite(plate, layers)
            for planes, alpha in zip(truth, visible, strict=True):
                planes.append(alpha)
            write_plate(folder, frame, picture, rng)
        instances = write_instances(
            folder, truth, [seed * 1000 + number * 10 + i for i in range(9)], strength
        )
        yield {
            "name": recipe.name,
            "backdrop": source.name,
            "frames": frames,
            "size": list(recipe.size),
            "instances": instances,
        }


def composite(plate: Picture, layers: Sequence[Picture]) -> tuple[Picture, list[Plane]]:
    """Lay premultiplied layers (front first) over a plate.

    Returns
    -------
    picture : ndarray of float32, shape (H, W, 3)
    visible : list of ndarray of float32, shape (H, W)
        Of each layer the alpha that nothing in front of it hides: their sum is at most 1.
    """
    through = np.ones(plate.shape[:2], np.float32)
    picture = np.zeros_like(plate)
    visible = []
    for layer in layers:
        picture += through[..., None] * layer[..., :3]
        visible.append(through * layer[..., 3])
        through = through * (1 - layer[..., 3])
    return picture + through[..., None] * plate, visible


def _backdrop(source: Path, recipe: ClipRecipe, frames: int) -> Iterator[Picture]:
    width, height = recipe.size
    if len(recipe.crop) == 3:
        left, top, first = (int(value) for value in recipe.crop)
        count = 0
        for index, pixels in enumerate(read_movie(source)):
            if first <= index < first + frames:
                yield pixels[top : top + height, left : left + width].astype(
                    np.float32
                ) / np.float32(255)
                count += 1
        if count < frames:
            raise InputError(
                f"the movie has no frames {first} to {first + frames - 1}", path=source
            )
        return
    picture = read_picture(source)
    start, end = np.array(recipe.crop[:3]), np.array(recipe.crop[3:])
    units = np.array([picture.shape[1], picture.shape[0], picture.shape[1]])
    for frame in range(frames):
        ease = (1 - math.cos(math.pi * frame / max(1, frames - 1))) / 2
        left, top, span = (start + (end - start) * ease) * units
        yield crop_picture(picture, left, top, span, recipe.size)


def _moved(person: Talker, layer: Layer, size: tuple[int, int], frame: int) -> Picture:
    """Return a layer placed over the plate, with the blur of a half-open shutter."""
    still = person.layer(layer.start - frame if layer.flip else layer.start + frame)
    if layer.flip:
        still = np.ascontiguousarray(still[:, ::-1])
    return through_shutter(
        still, lambda at: _placement(layer.motion, still, size, frame + at), size
    )


def through_shutter(
    still: Picture, matrix: Callable[[float], NDArray[np.float64]], size: tuple[int, int]
) -> Picture:
    """Return a layer moved over a plate, with the blur of a half-open shutter.

    Parameters
    ----------
    still : ndarray of float32, shape (H, W, 4)
        Premultiplied.
    matrix : callable
        Gives the affine matrix from the layer to the plate at a moment around 0, in frames.
    size : tuple of int
        Width and height of the plate.
    """
    shots = [cv2.warpAffine(still, matrix(at), size, flags=cv2.INTER_LINEAR) for at in _SHUTTER]
    blurred: Picture = np.clip(np.mean(shots, axis=0), 0, 1).astype(np.float32)
    return blurred


def _placement(
    motion: Motion, still: Picture, size: tuple[int, int], time: float
) -> NDArray[np.float64]:
    """Return the matrix from the keyed frame to the plate: lower centre pinned below the plate."""
    phase = 2 * math.pi * time / motion.period
    scale = motion.scale * size[1] / still.shape[0] * (1 + motion.breathe * math.sin(phase / 1.7))
    angle = math.radians(motion.lean) * math.sin(phase / 2 + 1)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    foot = (still.shape[1] / 2, still.shape[0])
    x = motion.centre * size[0] + motion.sway * math.sin(phase)
    y = size[1] + _SINK
    return np.array(
        [
            [cos, -sin, x - cos * foot[0] + sin * foot[1]],
            [sin, cos, y - sin * foot[0] - cos * foot[1]],
        ]
    )
