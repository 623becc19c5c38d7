"""Guidance for a benchmark clip from the people provider, its ids those of the truth."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vimatte.evaluate.items import read_truth, write_masks
from vimatte.frames.types import GuidanceFrame
from vimatte.frames.window import Window, place
from vimatte.guidance.masks_io import load_guidance
from vimatte.guidance.registry import create
from vimatte.guidance.types import GuidanceResult, Step
from vimatte.session import Shot

Mask = NDArray[np.bool_]


def write_people_masks(folder: Path, count: int, frames: int) -> list[int]:
    """Find people in an item's plates and write their masks.

    Whoever overlaps an instance of the truth most over the clip gets its id; the masks of an
    instance that nobody found are empty; whoever else is found gets ids above those of the truth.

    Parameters
    ----------
    folder : Path
        Of the item, its plates and truth written.
    count, frames : int
        Its instances and frames.

    Returns
    -------
    list of int
        The ids of masks that were written.
    """
    cache = folder / ".people"
    opened = Shot(folder / "plate" / "####.png", colorspace="sRGB - Texture").open()
    try:
        steps = create("people").run(opened.source, cache, "item")
        result = _result_of(steps)
        found = [load_guidance(result.store, frame) for frame in range(1, frames + 1)]
        shape = opened.picture(1).shape[:2]
    finally:
        opened.close()
        shutil.rmtree(cache, ignore_errors=True)
    people = [info.id for info in result.instances]
    overlap = np.zeros((count, len(people)))
    for g in range(count):
        for frame, alpha in enumerate(read_truth(folder, g + 1, frames)):
            for p, person in enumerate(people):
                overlap[g, p] += float(alpha[_mask(found[frame], person, shape)].sum())
    rows, columns = (side.tolist() for side in linear_sum_assignment(-overlap))
    ids = {people[p]: g + 1 for g, p in zip(rows, columns, strict=True) if overlap[g, p] > 0}
    others = [person for person in people if person not in ids]
    ids |= {person: count + 1 + k for k, person in enumerate(others)}
    known = {number: person for person, number in ids.items()}
    numbers = sorted(set(range(1, count + 1)) | set(known))
    for number in numbers:
        person = known.get(number, 0)
        write_masks(folder, number, (_mask(frame, person, shape) for frame in found))
    return numbers


def _result_of(steps: Generator[Step, None, GuidanceResult]) -> GuidanceResult:
    """Do all of a provider's work."""
    results = []

    def work() -> Iterator[Step]:
        results.append((yield from steps))

    deque(work(), maxlen=0)
    return results[0]


def _mask(frame: GuidanceFrame, person: int, shape: tuple[int, int]) -> Mask:
    """Return a person's mask over the whole plate; empty where there is none."""
    if person not in frame.masks:
        return np.zeros(shape, bool)
    mask = frame.masks[person]
    whole = Window(0, 0, shape[1], shape[0])
    return np.asarray(place(mask.mask, mask.window, whole), bool)
