"""Looking for people in one frame, without knowing any other.

The detector works by heads, at the size a tile gives them, and sees the largest people only; so
the picture is scanned in overlapping tiles of several sizes, and what was found is painted over
before looking again: that is how somebody behind somebody else comes to light.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.guidance.picture import Picture, Tile
from vimatte.guidance.pose_nets import Body, Detection, PoseNets

_LOOKS = 24
_ROUNDS = 3
_SMALLEST_TILE = 112


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person found in one frame.

    Attributes
    ----------
    score : float
        The detector's, in (0, 1).
    body : Body
        What the landmark network sees there.
    """

    score: float
    body: Body


@dataclass(frozen=True, slots=True)
class _Found:
    candidate: Candidate
    grid: NDArray[np.bool_]


def tiles(width: int, height: int, split: int) -> Iterator[Tile]:
    """Yield square tiles of a `split`-th of the short side, half overlapping; 1: the whole."""
    if split == 1:
        yield Tile(0, 0, width, height)
        return
    side = min(width, height) * 2 // split
    if side < _SMALLEST_TILE:
        return
    for y in _starts(height, side):
        for x in _starts(width, side):
            yield Tile(x, y, side, side)


def _starts(length: int, side: int) -> list[int]:
    count = 1 + math.ceil(max(0, length - side) / (side / 2))
    return [round((length - side) * i / max(1, count - 1)) for i in range(count)]


def scan(nets: PoseNets, picture: Picture, splits: tuple[int, ...]) -> list[Candidate]:
    """Find the people of one frame.

    Parameters
    ----------
    nets : PoseNets
    picture : Picture
    splits : tuple of int
        The tile sizes, see `tiles`: 1 is the whole picture, 2 squares of its full short side, 4 of
        half of it, and so on. Sizes beyond 2 are scanned once, before anybody is painted out.

    Returns
    -------
    list of Candidate
        Surest first, no two of them the same person.
    """
    found: list[_Found] = []
    hidden: NDArray[np.bool_] | None = None
    looks = _LOOKS
    for attempt in range(_ROUNDS):
        now = splits if attempt == 0 else tuple(s for s in splits if s <= 2)
        heads = _heads(nets, picture, now, hidden)
        before = len(found)
        for head in heads:
            if looks <= 0:
                break
            if any(_same_place(head, other.candidate.body) for other in found):
                continue
            looks -= 1
            seen = _person(nets, picture, head, hidden, [entry.grid for entry in found])
            if seen is not None:
                found.append(seen)
        if len(found) == before or looks <= 0:
            break
        hidden = grown(np.logical_or.reduce([entry.grid for entry in found]), 1)
    return [entry.candidate for entry in found]


def grown(mask: NDArray[np.bool_], cells: int) -> NDArray[np.bool_]:
    """Return the mask with a border of so many grid cells added."""
    size = 2 * cells + 1
    out = cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8))
    return np.asarray(out, np.bool_)


def _heads(
    nets: PoseNets, picture: Picture, splits: tuple[int, ...], hidden: NDArray[np.bool_] | None
) -> list[Detection]:
    """Return the detections of every tile in picture coordinates, surest first, thinned out."""
    found: list[Detection] = []
    width, height = picture.size
    for split in splits:
        # A small tile shows little of a scene, and the detector sees heads in many things.
        threshold = 0.5 if split <= 2 else 0.6
        for tile in tiles(width, height, split):
            pixels = picture.tile(tile, hidden)
            scale = tile.width / pixels.shape[1]
            for one in nets.detect(pixels, threshold):
                region = one.region.scaled(scale).moved(tile.x, tile.y)
                upright = abs(region.angle) < math.radians(100)
                if not upright or not 12 <= region.side <= 4 * max(tile.width, tile.height):
                    continue
                face = one.face * np.float32(scale) + np.array([tile.x, tile.y] * 2, np.float32)
                found.append(Detection(one.score, face, region))
    found.sort(key=lambda one: -one.score)
    thinned: list[Detection] = []
    for one in found:
        if all(_head_overlap(one, other) < 0.4 for other in thinned):
            thinned.append(one)
    return thinned


def _head_overlap(a: Detection, b: Detection) -> float:
    wide, high = np.minimum(a.face[2:], b.face[2:]) - np.maximum(a.face[:2], b.face[:2])
    shared = max(0.0, float(wide)) * max(0.0, float(high))
    smaller = min(float(np.prod(a.face[2:] - a.face[:2])), float(np.prod(b.face[2:] - b.face[:2])))
    return shared / max(smaller, 1e-9)


def _same_place(head: Detection, body: Body) -> bool:
    """Whether a detection says what a body found already says."""
    other = body.region
    near = math.hypot(head.region.x - other.x, head.region.y - other.y) < 0.1 * other.side
    return near and 0.7 < head.region.side / max(other.side, 1e-9) < 1.4


def _person(
    nets: PoseNets,
    picture: Picture,
    head: Detection,
    hidden: NDArray[np.bool_] | None,
    others: Sequence[NDArray[np.bool_]],
) -> _Found | None:
    """Look twice, the second time where the first look put the body.

    None when the looks disagree, or when it is one of the others who were found already.
    """
    first = nets.look(picture.crop(head.region, hidden), head.region)
    mask = picture.grid_logits(first.logits, first.region) > 0
    if first.presence < 0.2 or first.next_region.side < 12 or not _is_another(mask, others):
        return None
    second = nets.look(picture.crop(first.next_region, hidden), first.next_region)
    if second.presence < 0.7 or second.next_region.side < 12:
        return None
    masks = [mask, picture.grid_logits(second.logits, second.region) > 0]
    if hidden is not None:
        # Painted over, somebody found before is still a silhouette, which looks like a person.
        clear = [mask & ~hidden for mask in masks]
        if np.count_nonzero(clear[1]) < 0.6 * np.count_nonzero(masks[1]):
            return None
        masks = clear
    union = int(np.count_nonzero(masks[0] | masks[1]))
    if np.count_nonzero(masks[1]) < 8 or np.count_nonzero(masks[0] & masks[1]) < 0.4 * union:
        return None
    found = _Found(Candidate(head.score, second), masks[1])
    return found if _is_another(found.grid, others) else None


def _is_another(mask: NDArray[np.bool_], others: Sequence[NDArray[np.bool_]]) -> bool:
    """Whether a mask is of somebody else than the others: at most half of either is shared."""
    size = np.count_nonzero(mask)
    return all(
        np.count_nonzero(mask & other) <= 0.5 * min(size, np.count_nonzero(other))
        for other in others
    )
