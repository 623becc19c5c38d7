"""What the stages of finding people keep for each frame, as arrays of a frame store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.guidance.masks_io import pack, unpack
from vimatte.guidance.person_scan import Candidate
from vimatte.guidance.person_track import Track, tracks_from_arrays, tracks_to_arrays
from vimatte.guidance.pose_nets import REGION_SIZE, Body, Region

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the scan of one frame gave.

    Attributes
    ----------
    candidates : tuple of Candidate
    thumb : ndarray of uint8, shape (height, width, 3)
        For telling scene cuts; empty for a frame without pixels.
    """

    candidates: tuple[Candidate, ...]
    thumb: NDArray[np.uint8]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return it as arrays, exactly."""
        rows = [
            (c.score, c.body.presence, *c.body.region.row(), *c.body.next_region.row())
            for c in self.candidates
        ]
        levels = [c.body.levels for c in self.candidates]
        empty = np.zeros((0, REGION_SIZE, REGION_SIZE), np.uint8)
        return {
            "thumb": self.thumb,
            "candidates": np.asarray(rows, np.float64).reshape(-1, 10),
            "levels": np.stack(levels) if levels else empty,
        }

    @classmethod
    def of(cls, arrays: Arrays) -> Scanned:
        """Return what `arrays` gave."""
        candidates = [
            Candidate(
                score=row[0],
                body=Body(
                    presence=row[1],
                    levels=arrays["levels"][index].astype(np.uint8),
                    region=Region(*row[2:6]),
                    next_region=Region(*row[6:10]),
                ),
            )
            for index, row in enumerate(arrays["candidates"].tolist())
        ]
        return cls(tuple(candidates), arrays["thumb"].astype(np.uint8))


@dataclass(frozen=True, slots=True)
class Settled:
    """Everybody of one frame, forwards or backwards.

    Attributes
    ----------
    tracks : tuple of Track
        All that are remembered, seen in this frame or not.
    masks : mapping of int to InstanceMask
        Of those seen, by track id, at full size; no pixel is in two.
    scores : mapping of int to float
        The detector's score of those that the scan found.
    joined : tuple of pairs of int
        Track ids that have turned out to be one person (backwards only).
    next_id : int
        The id of the next newcomer (forwards only).
    """

    tracks: tuple[Track, ...] = ()
    masks: Mapping[int, InstanceMask] = field(default_factory=dict)
    scores: Mapping[int, float] = field(default_factory=dict)
    joined: tuple[tuple[int, int], ...] = ()
    next_id: int = 1

    def arrays(self, frame: int) -> dict[str, NDArray[np.generic]]:
        """Return it as arrays, exactly."""
        scores = sorted(self.scores.items())
        return {
            **pack(GuidanceFrame(frame, dict(self.masks))),
            **tracks_to_arrays(self.tracks),
            "scores": np.asarray(scores, np.float64).reshape(-1, 2),
            "joined": np.asarray(self.joined, np.int32).reshape(-1, 2),
            "next_id": np.asarray([self.next_id], np.int32),
        }

    @classmethod
    def of(cls, frame: int, arrays: Arrays) -> Settled:
        """Return what `arrays` gave."""
        return cls(
            tracks=tuple(tracks_from_arrays(arrays)),
            masks=unpack(frame, arrays).masks,
            scores={int(key): score for key, score in arrays["scores"].tolist()},
            joined=_pairs(arrays["joined"].tolist()),
            next_id=int(arrays["next_id"][0]),
        )


def _pairs(rows: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((int(a), int(b)) for a, b in rows)
