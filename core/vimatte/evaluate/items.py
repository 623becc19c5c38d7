"""The benchmark's items on disk.

Folders of the benchmark (every kind looks like ``OUT/clips``; stills have one frame)::

    OUT/benchmark.json                       seed, strength, what each item was made from
    OUT/KIND/NAME/item.json                  likewise; written last, so that it says "finished"
    OUT/clips/NAME/plate/0001.png            8-bit sRGB
    OUT/clips/NAME/truth/INSTANCE/0001.png   16-bit alpha of what is visible of the instance
    OUT/clips/NAME/masks/INSTANCE/0001.png   0 or 255: the degraded guidance
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import InputError
from vimatte.evaluate.degrade import degrade_clip
from vimatte.evaluate.picture_files import PictureFiles, write_file, write_png

Plane = NDArray[np.float32]
Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

SCHEMA = 1
#: In the order of the tables: the fixed recipes, and the synthetic sets.
KINDS = ("clips", "stills", "vim50", "easy", "medium", "hard")
GRAIN = 0.006  # standard deviation of the camera noise, of the sRGB range


@dataclass(frozen=True, slots=True)
class Item:
    """One clip or still of the benchmark; its pictures are read when they are asked for.

    Attributes
    ----------
    name : str
    plates : sequence of ndarray of float32, shape (H, W, 3)
        sRGB-encoded RGB in [0, 1].
    truth : dict of int to sequence of ndarray of float32, shape (H, W)
        True alpha by instance id and frame.
    masks : dict of int to sequence of ndarray of bool, shape (H, W)
        The guidance, likewise; of people found by a detector also ids that the truth lacks.
    """

    name: str
    plates: Sequence[Picture]
    truth: dict[int, Sequence[Plane]]
    masks: dict[int, Sequence[Mask]]


def clear_item(folder: Path) -> None:
    """Remove what an earlier build left of an item: it may have had more frames or instances."""
    (folder / "item.json").unlink(missing_ok=True)
    for part in ("plate", "truth", "masks"):
        shutil.rmtree(folder / part, ignore_errors=True)


def write_plate(folder: Path, frame: int, picture: Picture, rng: np.random.Generator) -> None:
    """Write a plate with camera grain over foreground and background alike."""
    path = folder / "plate" / f"{frame + 1:04d}.png"
    grain = rng.normal(0, GRAIN, picture.shape)
    write_png(path, np.round(np.clip(picture + grain, 0, 1) * 255).astype(np.uint8))


def write_truth(folder: Path, instance: int, frame: int, alpha: Plane) -> None:
    """Write an instance's true alpha of one frame, from 0."""
    path = folder / "truth" / str(instance) / f"{frame + 1:04d}.png"
    write_png(path, np.round(np.clip(alpha, 0, 1) * 65535).astype(np.uint16))


def write_masks(folder: Path, instance: int, masks: Iterable[Mask]) -> None:
    """Write an instance's guidance masks of all frames."""
    for frame, mask in enumerate(masks, start=1):
        path = folder / "masks" / str(instance) / f"{frame:04d}.png"
        write_png(path, mask.astype(np.uint8) * np.uint8(255))


def read_truth(folder: Path, instance: int, frames: int) -> Sequence[Plane]:
    """Return an instance's true alphas as they lie on disk."""
    names = [f"{frame:04d}.png" for frame in range(1, frames + 1)]
    return PictureFiles([folder / "truth" / str(instance) / n for n in names], _from_16_bits)


def write_instances(
    folder: Path, truth: Sequence[Sequence[Plane]], seeds: Sequence[int], strength: float
) -> list[int]:
    """Write the true alphas and degraded masks of every instance; returns their ids, from 1."""
    ids = []
    for number, alphas in enumerate(truth, start=1):
        for frame, alpha in enumerate(alphas):
            write_truth(folder, number, frame, alpha)
        # What is on disk is the truth: the masks come from the rounded alphas.
        stored = read_truth(folder, number, len(alphas))
        write_masks(folder, number, degrade_clip(stored, seeds[number - 1], strength))
        ids.append(number)
    return ids


def write_manifest(bench: Path, manifest: dict[str, Any]) -> None:
    """Write ``benchmark.json``: what each item was made from."""
    text = json.dumps({"schema": SCHEMA, **manifest}, indent=1) + "\n"
    write_file(bench / "benchmark.json", text.encode())


def read_manifest(bench: Path) -> dict[str, Any]:
    """Read ``benchmark.json``. Raises InputError when it is missing or of another schema."""
    path = bench / "benchmark.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            "not a benchmark folder", path=path, hint="make one with vimatte benchmark build"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise InputError("the benchmark is of another schema; build it anew", path=path)
    return manifest


def item_folders(bench: Path) -> dict[str, list[Path]]:
    """Return the folders of the items, by kind, in the order of `KINDS`; kinds it has."""
    manifest = read_manifest(bench)
    return {
        kind: [bench / kind / str(record["name"]) for record in manifest[kind]]
        for kind in KINDS
        if manifest.get(kind)
    }


def read_item(folder: Path) -> Item:
    """Open one clip or still. Raises InputError where a part is missing.

    Reading a picture raises FrameReadError where it is broken.
    """
    plates = sorted((folder / "plate").glob("*.png"))
    if not plates or not (folder / "truth").is_dir() or not (folder / "masks").is_dir():
        raise InputError(
            "the item is not whole", path=folder, hint="run vimatte benchmark build again"
        )
    names = [path.name for path in plates]
    return Item(
        folder.name,
        PictureFiles(plates, _from_8_bits),
        {i: read_truth(folder, i, len(plates)) for i in _ids(folder / "truth")},
        {
            i: PictureFiles([folder / "masks" / str(i) / n for n in names], _as_mask)
            for i in _ids(folder / "masks")
        },
    )


def _ids(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())


def _as_mask(stored: NDArray[Any]) -> Mask:
    result: Mask = stored > 127
    return result


def _from_8_bits(stored: NDArray[Any]) -> Picture:
    return stored.astype(np.float32) / np.float32(255)


def _from_16_bits(stored: NDArray[Any]) -> Plane:
    return stored.astype(np.float32) / np.float32(65535)
