"""The chain of one segment: which frames follow each other, and what each is made from.

A frame's matte depends on its plate frame, its guidance and the state that came in, which is the
same thing for the frame before, back to the start of the segment's preroll. So the identity of a
frame is the digest of its inputs chained to its predecessor's identity. It can be computed
without running the network, and a re-rendered plate frame makes stale what depends on it, no more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vimatte.frames.window import Window
from vimatte.matting.regions import RegionStep, plan_regions
from vimatte.matting.segments import Segment


@dataclass(frozen=True, slots=True)
class Link:
    """One frame of a chain.

    Attributes
    ----------
    frame : int
    steps : mapping of int to RegionStep
        Where each instance is computed, by instance id.
    key : str
        The identity of the frame's matte and of the state after it.
    plate, guidance : str
        Digests of what went in.
    wanted : bool
        False for the preroll, whose mattes are thrown away.
    """

    frame: int
    steps: Mapping[int, RegionStep]
    key: str
    plate: str
    guidance: str
    wanted: bool


def plan_chain(
    segment: Segment,
    ids: Sequence[int],
    guidance: Callable[[int], tuple[Mapping[int, Window], str]],
    plate_digest: Callable[[int], str],
    max_pixels: int,
    *,
    after: Sequence[int] = (),
    covered: Window | None = None,
) -> list[Link]:
    """Plan a segment from its guidance alone.

    Parameters
    ----------
    segment : Segment
    ids : sequence of int
        The instances to compute.
    guidance : callable
        Gives the boxes of a frame's masks, by instance id, and the digest of the masks.
    plate_digest : callable
        Gives the digest of a plate frame's content.
    max_pixels : int
        Dense network pixels of one region at most.
    after : sequence of int
        The frames that follow the segment in its scene, as far as a gap is held over.
    covered : Window, optional
        What the plate covers.
    """
    frames = list(segment.chain)
    boxes: dict[int, list[Window | None]] = {key: [] for key in ids}
    digests: list[str] = []
    for frame in frames:
        found, digest = guidance(frame)
        digests.append(digest)
        for key in ids:
            boxes[key].append(found.get(key))
    later: dict[int, list[Window | None]] = {key: [] for key in ids}
    for frame in after:
        found, _ = guidance(frame)
        for key in ids:
            later[key].append(found.get(key))
    planned = {
        key: plan_regions(
            frames, boxes[key], max_pixels=max_pixels, plate=covered, after=later[key]
        )
        for key in ids
    }
    links: list[Link] = []
    key_before = ""
    for index, frame in enumerate(frames):
        steps = {key: planned[key][index] for key in ids}
        plate = plate_digest(frame)
        text = "\n".join([key_before, plate, digests[index], *map(_describe, steps.items())])
        key_before = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        wanted = segment.first <= frame <= segment.last
        links.append(Link(frame, steps, key_before, plate, digests[index], wanted))
    return links


def _describe(item: tuple[int, RegionStep]) -> str:
    key, step = item
    region = step.region
    where = (
        "none"
        if region is None
        else f"{region.window.x},{region.window.y},{region.window.width},{region.window.height}"
        f"/{region.scale}"
    )
    return f"{key}:{where}:{int(step.reset)}{int(step.hold)}"
