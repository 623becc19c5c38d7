"""Build sets in the manner of VIM50 and V-HIM60 from foregrounds with alpha and backgrounds.

VIM50 has 35 clips of two instances, 10 of three and 5 of four, 50 frames each, which hide parts of
each other; V-HIM60's three levels differ in how much is hidden, see `arrangement.OCCLUSION`. A set
is a pure function of its options and its material: item by item, each from a generator of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import InputError
from vimatte.evaluate.arrangement import OCCLUSION, arrange, describe, hidden_share
from vimatte.evaluate.backgrounds import Background
from vimatte.evaluate.clips import composite, through_shutter
from vimatte.evaluate.degrade import degrade_clip, salt_and_pepper
from vimatte.evaluate.foregrounds import Foreground
from vimatte.evaluate.items import clear_item, read_truth, write_masks, write_plate, write_truth
from vimatte.evaluate.picture_files import write_file
from vimatte.evaluate.torn_masks import tear

Mask = NDArray[np.bool_]

#: How many clips have how many instances, of fifty.
COUNTS = {2: 35, 3: 10, 4: 5}
GUIDANCE = ("degraded", "torn", "noise", "people")
CODES = {"vim50": 30, "easy": 31, "medium": 32, "hard": 33}  # apart in the generators' seeds


@dataclass(frozen=True, slots=True)
class SyntheticOptions:
    """What a set is made with.

    Attributes
    ----------
    seed : int
        At least 0.
    frames : int
        Of each clip.
    size : tuple of int
        Width and height.
    guidance : {"degraded", "torn", "noise", "people"}
        The true coverage with a detector's errors, with parts lost and taken besides, or with
        salt-and-pepper noise; or what the people provider finds.
    strength : float
        Of the errors, see `vimatte.evaluate.degrade`.
    noise : float
        Share of pixels, 0 to 0.25.
    """

    seed: int = 1
    frames: int = 50
    size: tuple[int, int] = (854, 480)
    guidance: str = "degraded"
    strength: float = 1.0
    noise: float = 0.1


def instance_counts(clips: int) -> list[int]:
    """Return how many instances each clip has, in the ratio of VIM50, the rarer ones spread."""
    total = sum(COUNTS.values())
    exact = {count: clips * share / total for count, share in COUNTS.items()}
    given = {count: int(value) for count, value in exact.items()}
    for count in sorted(exact, key=lambda c: given[c] - exact[c])[: clips - sum(given.values())]:
        given[count] += 1
    # Each at its own even distance; ties in the order of the count.
    places = [((k + 0.5) / n, count) for count, n in given.items() for k in range(n)]
    return [count for _, count in sorted(places)]


def build_set(
    out: Path,
    kind: str,
    clips: int,
    foregrounds: Sequence[Foreground],
    backgrounds: Sequence[Background],
    options: SyntheticOptions,
) -> Iterator[dict[str, Any]]:
    """Write the clips of one set; yields a record of each. Finished ones are not made again.

    Parameters
    ----------
    out : Path
        The benchmark's folder; clips go to ``out/KIND/NN``.
    kind : str
        A key of `OCCLUSION`.
    clips : int
    foregrounds, backgrounds : sequence
        Each clip draws from them; a foreground stands twice in one only where there are too few.
    options : SyntheticOptions

    Raises
    ------
    InputError
        The options or the material cannot give such a set.
    """
    check_options(kind, clips, options)
    for number, count in enumerate(instance_counts(clips)):
        name = f"{number + 1:02d}"
        folder = out / kind / name
        rng = np.random.default_rng([options.seed, CODES[kind], number])
        chosen = _chosen(foregrounds, count, rng)
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        recipe = {
            "name": name,
            "backdrop": background.name,
            "foregrounds": [foreground.name for foreground in chosen],
            "frames": options.frames,
            "size": list(options.size),
            "seed": options.seed,
            "guidance": {
                "kind": options.guidance,
                "strength": options.strength,
                "noise": options.noise if options.guidance == "noise" else 0.0,
            },
        }
        done = _finished(folder, recipe)
        if done is None:
            clear_item(folder)
            order, hidden = _compose(folder, kind, chosen, background, options, rng)
            seed = options.seed * 10_000 + CODES[kind] * 100 + number
            _write_guidance(folder, count, options, seed)
            done = {
                **recipe,
                "instances": list(range(1, count + 1)),
                "order": order,
                "hidden": hidden,
            }
            write_file(folder / "item.json", (json.dumps(done, indent=1) + "\n").encode())
        yield done


def check_options(kind: str, clips: int, options: SyntheticOptions) -> None:
    """Raise InputError for options that no set can be made with."""
    width, height = options.size
    problems = {
        f"no set is called {kind!r}": kind not in OCCLUSION,
        "a set needs at least one clip, and at most 1000": not 1 <= clips <= 1000,
        "a clip needs at least one frame, and at most 10000": not 1 <= options.frames <= 10_000,
        f"clips cannot be {width}x{height}": not (64 <= width <= 8192 and 64 <= height <= 8192),
        "noise is a share from 0 to 0.25": not 0 <= options.noise <= 0.25,
        "the strength of errors is 0 to 3": not 0 <= options.strength <= 3,
        f"no guidance is called {options.guidance!r}": options.guidance not in GUIDANCE,
        "a seed is at least 0": options.seed < 0,
    }
    for problem, there in problems.items():
        if there:
            raise InputError(problem)


def _chosen(
    foregrounds: Sequence[Foreground], count: int, rng: np.random.Generator
) -> list[Foreground]:
    order = rng.permutation(len(foregrounds)).tolist()
    return [foregrounds[order[k % len(order)]] for k in range(count)]


def _finished(folder: Path, recipe: dict[str, Any]) -> dict[str, Any] | None:
    try:
        stored = json.loads((folder / "item.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(stored, dict) or any(stored.get(k) != v for k, v in recipe.items()):
        return None
    # Clips from before orders were noted stand in the order of their foregrounds.
    stored.setdefault("order", list(range(len(recipe["foregrounds"]))))
    return stored


def _compose(
    folder: Path,
    kind: str,
    chosen: Sequence[Foreground],
    background: Background,
    options: SyntheticOptions,
    rng: np.random.Generator,
) -> tuple[list[int], list[float]]:
    """Write plates and truth, instances front first.

    Returns
    -------
    order : list of int
        Which of `chosen` each instance is.
    hidden : list of float
        The share of each that is hidden.
    """
    shots = []
    for foreground in chosen:
        slack = max(0, foreground.length - options.frames) if foreground.length else 200
        shots.append(foreground.frames(int(rng.integers(0, slack + 1)), options.frames))
    subjects = [describe(s, drawn=f.drawn) for s, f in zip(shots, chosen, strict=True)]
    order, placed = arrange(subjects, options.size, kind, rng)
    shots, subjects = [shots[k] for k in order], [subjects[k] for k in order]
    sums = np.zeros((len(chosen), 2, options.frames))
    plates = background.play(options.frames, options.size, rng)
    for frame, plate in enumerate(plates):
        layers = []
        for shot, subject, place in zip(shots, subjects, placed, strict=True):
            rgba = shot[frame].astype(np.float32) / np.float32(255)
            rgba[..., :3] *= rgba[..., 3:]
            layers.append(
                through_shutter(
                    rgba,
                    lambda at, s=subject, p=place, f=frame: p.matrix(s, f + at),  # type: ignore[misc]
                    options.size,
                )
            )
        picture, visible = composite(plate, layers)
        write_plate(folder, frame, picture, rng)
        for k, (layer, alpha) in enumerate(zip(layers, visible, strict=True)):
            sums[k, :, frame] = layer[..., 3].sum(), alpha.sum()
            write_truth(folder, k + 1, frame, alpha)
    return order, [round(hidden_share(whole, seen), 4) for whole, seen in sums.tolist()]


def _write_guidance(folder: Path, count: int, options: SyntheticOptions, seed: int) -> None:
    if options.guidance == "people":
        from vimatte.evaluate.people_masks import write_people_masks  # noqa: PLC0415

        write_people_masks(folder, count, options.frames)
        return
    if options.guidance == "torn":
        whole = [
            degrade_clip(
                list(read_truth(folder, instance, options.frames)),
                seed * 10 + instance,
                options.strength,
            )
            for instance in range(1, count + 1)
        ]
        for instance, torn in enumerate(tear(whole, seed), start=1):
            write_masks(folder, instance, torn)
        return
    for instance in range(1, count + 1):
        truth = read_truth(folder, instance, options.frames)
        mine = seed * 10 + instance
        if options.guidance == "noise":
            masks = (
                salt_and_pepper(alpha > 0.5, options.noise, mine, frame)
                for frame, alpha in enumerate(truth)
            )
            write_masks(folder, instance, masks)
        else:
            write_masks(folder, instance, degrade_clip(truth, mine, options.strength))
