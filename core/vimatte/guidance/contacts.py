"""Who is in front where masks overlap: one decision a contact, from the plate and the masks.

A contact is a stretch of frames in which the masks of two instances overlap, short breaks
included. What each frame says is kept in the cache, by the content of its plate and masks; the
decision is made from all frames of the contact, so that it is the same whatever part of the shot
is asked for. It changes within a contact only where many frames in a row speak against it.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.cache.fingerprint import fingerprint
from vimatte.cache.store import FrameStore
from vimatte.frames.ahead import ahead
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.types import InstanceMask
from vimatte.guidance.masks_io import load_guidance
from vimatte.guidance.occlusion import look, shared_pixels, thickest
from vimatte.guidance.types import Step

_ALGORITHM = 1
_STAGE = "who is in front"
# Scores are kept in sixteenths: two processors whose last bits differ decide alike.
_UNITS = 16
# Two masks that part for no more frames than these stay in contact.
GAP = 12
# What a change of the one in front must gain, in scores: at least five frames at its end or start.
CHANGE = 20.0
# A mean score of a contact from which on it is sure; see docs/decisions/0018-front-order.md.
SURE = 2.0
# Overlaps that are thinner than this share of the smaller instance's size, or that are bands less
# thick than the other one, are coarseness of the masks, unless the plate says clearly who is in
# front: it matters little who gets them.
THICK, THICK_BAND = 0.1, 0.2
# The largest disc's share of a band, at most.
BAND = 0.22

# What is kept of an overlap: two ids, the score in `_UNITS`, thickness and roundness in
# thousandths.
Row = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two masks that share pixels in a frame.

    Attributes
    ----------
    first, second : int
        Instance ids, ascending.
    score : float
        About the log odds that the first is in front.
    thickness : float
        Radius of the largest disc within the shared pixels, over the square root of the smaller
        mask's area.
    roundness : float
        That disc's share of the shared pixels around it; see `thickest`.
    """

    first: int
    second: int
    score: float
    thickness: float
    roundness: float

    @property
    def thick(self) -> bool:
        """Whether it is more than two coarse rims."""
        least = THICK if self.roundness > BAND else THICK_BAND
        return self.thickness >= least


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of a contact over which one instance stays in front of the other.

    Attributes
    ----------
    front, behind : int
        Instance ids.
    frames : tuple of int
        Those in which the masks overlap.
    score : float
        Mean log odds of the frames that tell anything, at least 0.
    thick : bool
        Whether an overlap is more than two coarse rims.
    """

    front: int
    behind: int
    frames: tuple[int, ...]
    score: float
    thick: bool

    @property
    def sure(self) -> bool:
        """Whether the plate says it clearly."""
        return self.score >= SURE

    @property
    def matters(self) -> bool:
        """Whether a user should hear of it: it is clear, or it is more than two coarse rims."""
        return self.sure or self.thick


def overlaps(
    source: NetworkSource, masks: FrameStore, cache_root: Path, shot: str
) -> Generator[Step, None, dict[int, tuple[Overlap, ...]]]:
    """Compare the masks that overlap with the plate, frame by frame.

    Parameters
    ----------
    source : NetworkSource
    masks : FrameStore
        Where a provider left its masks.
    cache_root : Path
    shot : str

    Yields
    ------
    Step
        Closing the generator cancels; every finished frame is kept.

    Returns
    -------
    dict of int to tuple of Overlap
        By frame; frames without an overlap are not in it.

    Raises
    ------
    CacheError, FrameReadError
    """
    settings = {"algorithm": _ALGORITHM, "masks": masks.fingerprint, "source": source.settings()}
    store = FrameStore(cache_root, shot, "contacts", settings)
    found: dict[int, tuple[Overlap, ...]] = {}
    records: dict[int, dict[str, str]] = {}
    missing: list[int] = []
    for frame in source.frames:
        record = masks.record(frame) or {}
        records[frame] = {"plate": source.digest(frame), "masks": fingerprint(record)}
        arrays = store.load(frame, records[frame])
        if arrays is None:
            missing.append(frame)
        else:
            found[frame] = _unpack(arrays["overlaps"])
    # Most frames of most shots have no overlap: they are not even decoded.
    touching: list[int] = []
    for frame, pairs in ahead(lambda frame: (frame, _touching(masks, frame)), missing):
        if pairs:
            touching.append(frame)
        else:
            store.save(frame, {"overlaps": _packed([])}, records[frame])
    for done, (frame, rows) in enumerate(
        ahead(lambda frame: (frame, _compare(source, masks, frame)), touching), 1
    ):
        store.save(frame, {"overlaps": rows}, records[frame])
        found[frame] = _unpack(rows)
        yield Step(_STAGE, frame, done, len(touching))
    return {frame: found[frame] for frame in source.frames if found.get(frame)}


def _touching(masks: FrameStore, frame: int) -> list[tuple[InstanceMask, InstanceMask, Row]]:
    """Return every two masks of a frame that share pixels, with a row that lacks the score."""
    items = sorted(load_guidance(masks, frame).masks.items())
    out = []
    for (first, one), (second, other) in combinations(items, 2):
        shared = shared_pixels(one, other)
        if shared is not None:
            radius, roundness = thickest(shared.mask)
            share = radius / math.sqrt(min(one.area, other.area))
            row = (first, second, 0, round(1000 * share), round(1000 * roundness))
            out.append((one, other, row))
    return out


def _compare(source: NetworkSource, masks: FrameStore, frame: int) -> NDArray[np.int32]:
    """Compare every two masks of a frame that share pixels with the plate."""
    picture = source.read(frame)
    rows: list[Row] = []
    for one, other, (first, second, _, *shape) in _touching(masks, frame):
        score = look(picture.pixels, picture.window, one, other).score
        rows.append((first, second, round(score * _UNITS), shape[0], shape[1]))
    return _packed(rows)


def _packed(rows: Sequence[Row]) -> NDArray[np.int32]:
    return np.asarray(rows, np.int32).reshape(-1, 5)


def _unpack(rows: NDArray[np.generic]) -> tuple[Overlap, ...]:
    return tuple(
        Overlap(first, second, score / _UNITS, thick / 1000, round_ / 1000)
        for first, second, score, thick, round_ in rows.tolist()
    )


def decide(
    frames: Sequence[int], cuts: Sequence[int], found: Mapping[int, Sequence[Overlap]]
) -> list[Stretch]:
    """Decide who is in front in every contact of a shot.

    Parameters
    ----------
    frames : sequence of int
        Every frame of the shot, ascending.
    cuts : sequence of int
        Frames that start a scene: contacts end before them.
    found : mapping of int to sequence of Overlap
        From `overlaps`.
    """
    place_of = {frame: place for place, frame in enumerate(frames)}
    scene_of = np.searchsorted(np.asarray(sorted(cuts)), np.asarray(frames), side="right")
    pairs: dict[tuple[int, int], list[tuple[int, Overlap]]] = {}
    for frame in frames:
        for item in found.get(frame, ()):
            pairs.setdefault((item.first, item.second), []).append((frame, item))
    stretches: list[Stretch] = []
    for seen in pairs.values():
        start = 0
        for index in range(1, len(seen) + 1):
            if index < len(seen):
                before, now = place_of[seen[index - 1][0]], place_of[seen[index][0]]
                if now - before <= GAP + 1 and scene_of[before] == scene_of[now]:
                    continue
            stretches += _stretches(seen[start:index])
            start = index
    return sorted(stretches, key=lambda item: (item.frames[0], item.front, item.behind))


def _stretches(contact: Sequence[tuple[int, Overlap]]) -> Iterator[Stretch]:
    """Split a contact where the one in front changes: the cheapest course, each change costs."""
    scores = [item.score for _, item in contact]
    # Where nothing speaks, or as much for as against, the instance that is listed first is in
    # front; 0 is the first, 1 the second.
    costs = [0.0, CHANGE / 1e6]
    came_from: list[tuple[int, int]] = []
    for score in scores:
        course: list[int] = []
        best: list[float] = []
        for side, other in ((0, 1), (1, 0)):
            stay = costs[side] <= costs[other] + CHANGE
            course.append(side if stay else other)
            against = max(0.0, -score if side == 0 else score)
            best.append(min(costs[side], costs[other] + CHANGE) + against)
        came_from.append((course[0], course[1]))
        costs = best
    side = 0 if costs[0] <= costs[1] else 1
    sides = [0] * len(scores)
    for index in range(len(scores) - 1, -1, -1):
        sides[index] = side
        side = came_from[index][side]
    start = 0
    for index in range(1, len(sides) + 1):
        if index < len(sides) and sides[index] == sides[start]:
            continue
        yield _stretch(contact[start:index], sides[start])
        start = index


def _stretch(part: Sequence[tuple[int, Overlap]], side: int) -> Stretch:
    first = part[0][1]
    front, behind = (first.first, first.second) if side == 0 else (first.second, first.first)
    telling = [item.score if side == 0 else -item.score for _, item in part if item.score]
    return Stretch(
        front,
        behind,
        tuple(frame for frame, _ in part),
        max(0.0, float(np.mean(telling))) if telling else 0.0,
        any(item.thick for _, item in part),
    )
