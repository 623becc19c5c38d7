"""Build the benchmark's stills: cut-outs of things that are not people, over unseen photographs.

The cut-outs come from the Debian package ``tuxpaint-stamps-default`` (GPL-2): good for measuring,
never for training, whose result ships. Only photographs were kept whose alpha, looked at over two
colours, follows hair, feathers, leaves or lines and has neither a halo nor stairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import FrameReadError, InputError
from vimatte.evaluate.clips import Talker, composite
from vimatte.evaluate.items import clear_item, write_instances, write_plate
from vimatte.evaluate.picture_files import crop_picture, find_picture, read_picture, read_png

Picture = NDArray[np.float32]

STAMPS = (
    "animals/birds/crowned_crane.png",
    "animals/birds/helmeted_guineafowl.png",
    "animals/birds/peacock.png",
    "animals/insects/mantis.png",
    "animals/mammals/bears/european-bear.png",
    "animals/mammals/bovines/gnu-baby-stand.png",
    "animals/mammals/bovines/gnu-baby.png",
    "animals/mammals/bovines/gnu-stand.png",
    "animals/mammals/cats/lion-2.png",
    "animals/mammals/aquatic/otter.png",
    "animals/mammals/rodents/squirrel.png",
    "food/fruit/Cherry_Stella.png",
    "food/fruit/Strawberry2.png",
    "food/fruit/cherimoya.png",
    "food/fruit/orange_seville.png",
    "military/paratrooper.png",
    "plants/flowers/anemone_red.png",
    "plants/flowers/daffodil.png",
    "plants/trees/holm_oak.png",
    "plants/trees/liberia-palm.png",
    "plants/trees/rambutan.png",
    "plants/trees/tree336.png",
    "town/monuments/inukshuk-photo.png",
    "vehicles/flight/balloon360.png",
)

PHOTOGRAPHS = (
    "Bridge_by_Sander_Klootwijk",
    "Dragonfly_by_Bolly",
    "Kleiber_by_Lukas_Baubkus",
    "Picture_0B_by_freespace",
    "Picture_1A_by_freespace",
    "Wine_by_Jakkub_Mede",
    "aitzgorri_by_Aitzol_Berasategi",
    "friends_by_Aitzol_Berasategi",
    "greentock_by_Peter_Nerlich",
    "life_by_Aitzol_Berasategi",
    "picosdeeuropa_by_Aitzol_Berasategi",
    "seeding_by_Clements_Engelhardt",
    "sunset_by_Aitzol_Berasategi",
)

TALKER_FRAMES = (12, 47, 88, 131)
SIZE = (512, 448)
_LONGEST = 400  # pixels a cut-out's longer side may take; smaller ones are enlarged by 1.3 at most


def build_stills(
    out: Path,
    talker: Path,
    stamps: Path,
    backdrops: Sequence[Path],
    *,
    seed: int,
    strength: float,
) -> Iterator[dict[str, object]]:
    """Write a still for each of `STAMPS` and `TALKER_FRAMES`; yields a record of each.

    Parameters
    ----------
    out : Path
        The benchmark's folder; stills go to ``out/stills/NAME``.
    talker : Path
        A movie of one person in front of pure green.
    stamps : Path
        The folder that `STAMPS` are relative to.
    backdrops : sequence of Path
        Folders with the `PHOTOGRAPHS`.
    seed, strength
        As in `vimatte.evaluate.clips.build_clips`.

    Raises
    ------
    InputError
        A cut-out or photograph is not there.
    FrameReadError
        One is not a picture, or a cut-out has no alpha.
    """
    person = Talker(talker)
    order = np.random.default_rng([seed, 20]).permutation(len(PHOTOGRAPHS))
    subjects: list[tuple[str, str | int]] = [(Path(name).stem, name) for name in STAMPS]
    subjects += [(f"talker-{frame:03d}", frame) for frame in TALKER_FRAMES]
    for number, (name, origin) in enumerate(subjects):
        rng = np.random.default_rng([seed, 21, number])
        source = find_picture(PHOTOGRAPHS[order[number % len(order)]], backdrops)
        if isinstance(origin, str):
            layer = _placed(read_cut_out(stamps / origin), rng)
        else:
            layer = _seated(person.layer(origin), rng)
        picture, visible = composite(_view(read_picture(source), rng), [layer])
        folder = out / "stills" / name
        clear_item(folder)
        write_plate(folder, 0, picture, rng)
        instances = write_instances(folder, [visible], [seed * 1000 + 500 + number], strength)
        yield {
            "name": name,
            "backdrop": source.name,
            "frames": 1,
            "size": list(SIZE),
            "instances": instances,
        }


def read_cut_out(path: Path) -> Picture:
    """Read a picture with alpha as premultiplied RGB and alpha, shape (H, W, 4), in [0, 1]."""
    if not path.is_file():
        raise InputError("no such cut-out", path=path, hint="give their folder with --stamps")
    pixels = read_png(path)
    if pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != np.uint8:
        raise FrameReadError("not an 8-bit picture with alpha", path=path)
    alpha = pixels[..., 3:].astype(np.float32) / 255
    result: Picture = np.concatenate([pixels[..., :3] / np.float32(255) * alpha, alpha], axis=2)
    return result


def _placed(cut: Picture, rng: np.random.Generator) -> Picture:
    """Put a cut-out somewhere on the plate, whole."""
    scale = min(1.3, _LONGEST / max(cut.shape[:2]))
    size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.clip(cv2.resize(cut, size, interpolation=method), 0, 1)
    layer = np.zeros((SIZE[1], SIZE[0], 4), np.float32)
    left = int(rng.integers(0, SIZE[0] - size[0] + 1))
    top = int(rng.integers(0, SIZE[1] - size[1] + 1))
    layer[top : top + size[1], left : left + size[0]] = small
    return layer


def _seated(person: Picture, rng: np.random.Generator) -> Picture:
    """Put the talker at the plate's lower edge, where the shot cuts him off."""
    scale = 0.9 * SIZE[1] / person.shape[0]
    left = SIZE[0] / 2 + rng.uniform(-40, 40) - scale * person.shape[1] / 2
    matrix = np.array([[scale, 0, left], [0, scale, SIZE[1] + 8 - scale * person.shape[0]]])
    result: Picture = np.clip(cv2.warpAffine(person, matrix, SIZE, flags=cv2.INTER_AREA), 0, 1)
    return result


def _view(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return a random crop of a photograph, at least a third of it wide."""
    height, width = picture.shape[:2]
    widest = min(width, height * SIZE[0] / SIZE[1])
    span = float(rng.uniform(max(1 / 3, min(1.0, SIZE[0] / widest)), 1)) * widest
    left = float(rng.uniform(0, width - span))
    top = float(rng.uniform(0, height - span * SIZE[1] / SIZE[0]))
    return crop_picture(picture, left, top, span, SIZE)
