"""The benchmark's items on disk.

Folders of the benchmark (``OUT/stills`` looks like ``OUT/clips``, with one frame each)::

    OUT/benchmark.json                       seed, strength, what each item was made from
    OUT/clips/NAME/plate/0001.png            8-bit sRGB
    OUT/clips/NAME/truth/INSTANCE/0001.png   16-bit alpha of what is visible of the instance
    OUT/clips/NAME/masks/INSTANCE/0001.png   0 or 255: the degraded guidance
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import InputError
from vimatte.evaluate.degrade import degrade_clip
from vimatte.evaluate.picture_files import read_png, write_file, write_png

Plane = NDArray[np.float32]
Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

SCHEMA = 1
GRAIN = 0.006  # standard deviation of the camera noise, of the sRGB range


@dataclass(frozen=True, slots=True)
class Item:
    """One clip or still of the benchmark, in memory.

    Attributes
    ----------
    name : str
    plates : list of ndarray of float32, shape (H, W, 3)
        sRGB-encoded RGB in [0, 1].
    truth : dict of int to list of ndarray of float32, shape (H, W)
        True alpha by instance id and frame.
    masks : dict of int to list of ndarray of bool, shape (H, W)
        The degraded guidance, likewise.
    """

    name: str
    plates: list[Picture]
    truth: dict[int, list[Plane]]
    masks: dict[int, list[Mask]]


def write_plate(folder: Path, frame: int, picture: Picture, rng: np.random.Generator) -> None:
    """Write a plate with camera grain over foreground and background alike."""
    path = folder / "plate" / f"{frame + 1:04d}.png"
    grain = rng.normal(0, GRAIN, picture.shape)
    write_png(path, np.round(np.clip(picture + grain, 0, 1) * 255).astype(np.uint8))


def write_instances(
    folder: Path, truth: Sequence[Sequence[Plane]], seeds: Sequence[int], strength: float
) -> list[int]:
    """Write the true alphas and degraded masks of every instance; returns their ids, from 1."""
    ids = []
    for number, alphas in enumerate(truth, start=1):
        # What is on disk is the truth: the masks come from the rounded alphas.
        stored = [np.round(np.clip(a, 0, 1) * 65535).astype(np.uint16) for a in alphas]
        masks = degrade_clip(
            [(s / 65535).astype(np.float32) for s in stored], seeds[number - 1], strength
        )
        for frame, (alpha, mask) in enumerate(zip(stored, masks, strict=True), start=1):
            write_png(folder / "truth" / str(number) / f"{frame:04d}.png", alpha)
            write_png(
                folder / "masks" / str(number) / f"{frame:04d}.png",
                mask.astype(np.uint8) * np.uint8(255),
            )
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
            "not a benchmark folder", path=path, hint="scripts/quality build"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise InputError("the benchmark is of another schema; build it anew", path=path)
    return manifest


def item_folders(bench: Path) -> dict[str, list[Path]]:
    """Return the folders of the items, by kind: ``clips`` and ``stills``."""
    manifest = read_manifest(bench)
    return {
        kind: [bench / kind / str(record["name"]) for record in manifest[kind]]
        for kind in ("clips", "stills")
    }


def read_item(folder: Path) -> Item:
    """Read one clip or still. Raises FrameReadError for a missing or broken picture."""
    plates = [
        read_png(path).astype(np.float32) / np.float32(255)
        for path in sorted((folder / "plate").glob("*.png"))
    ]
    names = [f"{frame:04d}.png" for frame in range(1, len(plates) + 1)]
    ids = sorted(int(path.name) for path in (folder / "truth").iterdir())
    return Item(
        folder.name,
        plates,
        {i: [_from_16_bits(read_png(folder / "truth" / str(i) / n)) for n in names] for i in ids},
        {i: [read_png(folder / "masks" / str(i) / n) > 127 for n in names] for i in ids},
    )


def _from_16_bits(stored: NDArray[Any]) -> Plane:
    return stored.astype(np.float32) / np.float32(65535)
