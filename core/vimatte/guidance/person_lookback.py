"""Following people backwards, to where the scan did not find them yet.

Somebody comes to light only when their head is seen well. From there they are followed back, frame
by frame, as far as they can be believed; who runs into a track that ended there is that person.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.network_source import NetworkSource
from vimatte.frames.types import InstanceMask
from vimatte.frames.window import place
from vimatte.guidance.person_masks import full_size
from vimatte.guidance.person_motion import Known
from vimatte.guidance.person_records import Settled
from vimatte.guidance.person_track import Track, alike
from vimatte.guidance.person_tracker import Step
from vimatte.guidance.picture import Picture
from vimatte.guidance.pose_nets import Body, PoseNets

_PATIENCE = 2
_CHUNK = 8


def seeds(after: Settled, here: Settled, worthy: Collection[int]) -> list[Track]:
    """Return who is seen in the frame after this one, but not in this one."""
    seen = here.masks.keys()
    return [
        track
        for track in after.tracks
        if track.id in after.masks and track.id not in seen and track.id in worthy
    ]


def look_back(
    nets: PoseNets, picture: Picture, known: Sequence[Known], here: Settled, after: Settled
) -> Settled:
    """Look for those followed backwards in one frame.

    Parameters
    ----------
    nets : PoseNets
    picture : Picture
        This frame.
    known : sequence of Known
        Those followed backwards, moved here from the frame after.
    here, after : Settled
        What following forwards gave in this frame and in the one after.

    Returns
    -------
    Settled
        Those followed on, the masks that are added to this frame's, and who turned out to be whom.
    """
    step = Step(nets, picture, known)
    present = {track.id: track for track in here.tracks if track.id in here.masks}
    bodies: dict[int, Body] = {}
    joined: list[tuple[int, int]] = []
    patience: list[Track] = []
    for entry in sorted(known, key=lambda entry: entry.track.id):
        key = entry.track.id
        if key in present:
            continue
        known_as = _caught_up(entry, present, after)
        if known_as is not None:
            joined.append((known_as, key))
            continue
        hidden = np.zeros(picture.grid_shape, np.bool_)
        for track in present.values():
            hidden |= track.mask
        for other, body in bodies.items():
            hidden |= step.cells(body, other) > 0
        seen = step.look_at(entry.track.region.moved(*entry.shift), hidden)
        if seen is not None and seen.presence > 0.5 and step.believable(entry, seen, hidden):
            bodies[key] = seen
        elif entry.track.missed < _PATIENCE:
            patience.append(replace(entry.track, missed=entry.track.missed + 1))
    masks = full_size(picture, bodies, step.prior, _planes(here.masks, picture))
    grid = {key: step.cells(body, key) > 0 for key, body in bodies.items()}
    tracks = [
        replace(
            step.known[key].track,
            region=bodies[key].next_region,
            mask=_without(grid[key], present),
            missed=0,
        )
        for key in masks
    ]
    everybody = sorted([*tracks, *patience], key=lambda track: track.id)
    return Settled(tuple(everybody), masks, {}, tuple(joined))


def _caught_up(entry: Known, present: Mapping[int, Track], after: Settled) -> int | None:
    """Return the track that ended here where this one should be, and looks the same."""
    expected = int(np.count_nonzero(entry.mask))
    for key, track in sorted(present.items()):
        shared = int(np.count_nonzero(entry.mask & track.mask))
        ended = key not in after.masks
        if ended and 2 * shared > expected and alike(track.look, entry.track.look) > 0.75:
            return key
    return None


def _planes(masks: Mapping[int, InstanceMask], picture: Picture) -> dict[int, NDArray[np.bool_]]:
    return {
        key: np.asarray(place(item.mask, item.window, picture.window), np.bool_)
        for key, item in masks.items()
    }


def _without(mask: NDArray[np.bool_], present: Mapping[int, Track]) -> NDArray[np.bool_]:
    out = mask.copy()
    for track in present.values():
        out &= ~track.mask
    return out


class Backwards:
    """Pictures of frames asked for in descending order, read forwards a few at a time.

    A movie is read forwards from a key frame; asking for its frames one by one backwards would
    decode the same pictures over and over.
    """

    def __init__(self, source: NetworkSource, frames: Sequence[int]) -> None:
        self._source = source
        self._frames = list(frames)
        self._held: dict[int, Picture | None] = {}

    def get(self, frame: int) -> Picture | None:
        """Return a frame's picture; None for a frame without pixels."""
        if frame not in self._held:
            end = self._frames.index(frame) + 1
            chunk = self._frames[max(0, end - _CHUNK) : end]
            # The frame looked at before this one is asked for once more, as the one after it.
            self._held = {key: self._held[key] for key in list(self._held)[:1]}
            for read in self._source.read_ahead(chunk, depth=2):
                self._held[read.frame] = None if read.window.empty else Picture(read)
            self._held = dict(sorted(self._held.items()))
        return self._held[frame]
