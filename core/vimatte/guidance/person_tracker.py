"""One step of following people: from the frame before to this one, forwards or backwards.

Each step joins what the scan found in the frame to the people known (Hungarian assignment on mask
overlap, motion and appearance), looks again for those the scan missed where they should be now,
and settles whose each pixel is. Everybody is looked at with the others painted out, because the
mask network takes whoever is in front for the person meant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vimatte.frames.types import InstanceMask
from vimatte.guidance.person_masks import full_size, priors, shared_out
from vimatte.guidance.person_motion import Known
from vimatte.guidance.person_records import Settled
from vimatte.guidance.person_scan import Candidate, grown
from vimatte.guidance.person_track import (
    Track,
    alike,
    appearance,
    at_border,
    longest_gap,
    may_have_gone,
    overlap,
)
from vimatte.guidance.picture import Picture
from vimatte.guidance.pose_nets import Body, PoseNets, Region

_CHASE_LEFT, _CHASE_HIDDEN = 1, 8
"""For how many of those the place where they should be is looked at."""
_BIRTH = 0.6
_IMPOSSIBLE = 1e3


class Step:
    """The work of one frame; make one, call `settle`.

    Parameters
    ----------
    nets : PoseNets
    picture : Picture
        This frame.
    known : sequence of Known
        Those followed so far, from `expect`.
    """

    def __init__(self, nets: PoseNets, picture: Picture, known: Sequence[Known]) -> None:
        self.nets = nets
        self.picture = picture
        self.known = {entry.track.id: entry for entry in known}
        self.bodies: dict[int, Body] = {}
        self.looks: dict[int, NDArray[np.float32]] = {}
        self.scores: dict[int, float] = {}
        self.prior = priors({k: e.warped for k, e in self.known.items() if not e.track.missed})

    def settle(self, candidates: Sequence[Candidate], next_id: int) -> Settled:
        """Find out who is where.

        Parameters
        ----------
        candidates : sequence of Candidate
            What the scan found in this frame.
        next_id : int
            The id of the next newcomer.

        Returns
        -------
        Settled
        """
        newcomers = self._join(candidates)
        self._chase()
        for candidate in newcomers:
            if candidate.score >= _BIRTH and self._is_new(candidate.body):
                self.bodies[next_id] = candidate.body
                self.scores[next_id] = candidate.score
                next_id += 1
        self._look_apart()
        self._drop_doubles()
        masks = full_size(self.picture, self.bodies, self.prior, {})
        tracks = tuple(self._tracks(masks))
        return Settled(tracks, masks, dict(self.scores), next_id=next_id)

    def cells(self, body: Body, key: int | None = None) -> NDArray[np.float32]:
        """Return a body's logits on the grid, with the prior of a person where it is known."""
        logits = self.picture.grid_logits(body.logits, body.region)
        if key is None or key not in self.prior:
            return logits
        return logits + self.prior[key]

    def _look(self, body: Body) -> NDArray[np.float32]:
        mask = self.picture.grid_logits(body.logits, body.region) > 0
        return appearance(self.picture.grid_pixels, mask)

    def _join(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Give candidates to tracks; return those that nobody claims."""
        keys = sorted(self.known)
        if not keys or not candidates:
            return list(candidates)
        looks = [self._look(candidate.body) for candidate in candidates]
        cost = np.full((len(keys), len(candidates)), _IMPOSSIBLE)
        for column, (candidate, look) in enumerate(zip(candidates, looks, strict=True)):
            mask = self.cells(candidate.body) > 0
            for row, key in enumerate(keys):
                cost[row, column] = self._cost(self.known[key], candidate, mask, look)
        taken = set()
        for row, column in zip(*linear_sum_assignment(cost), strict=True):
            if cost[row, column] < _IMPOSSIBLE:
                taken.add(int(column))
                self.bodies[keys[row]] = candidates[column].body
                self.scores[keys[row]] = candidates[column].score
                self.looks[keys[row]] = looks[column]
        return [c for column, c in enumerate(candidates) if column not in taken]

    def _cost(
        self,
        known: Known,
        candidate: Candidate,
        mask: NDArray[np.bool_],
        look: NDArray[np.float32],
    ) -> float:
        """Return how badly a candidate fits a track, in [0, 1], or `_IMPOSSIBLE`."""
        track, place = known.track, candidate.body.region
        lost = track.missed > 0
        ahead = min(track.missed, 3)
        x = track.region.x + known.shift[0] + ahead * track.velocity[0]
        y = track.region.y + known.shift[1] + ahead * track.velocity[1]
        side = max(track.region.side, place.side, 1.0)
        apart = math.hypot(place.x - x, place.y - y) / side
        shared = overlap(known.mask, mask)
        same = alike(track.look, look)
        size = np.count_nonzero(mask) / max(track.usual, 1.0)
        if lost and not 0.25 < size < 1.8:
            return _IMPOSSIBLE
        if lost:
            # Out of sight for a while: they may have gone some way, but must look the same. When
            # in doubt they are a newcomer for now; see Scene, which knows what came after.
            sure = track.missed <= _CHASE_HIDDEN
            possible = apart < may_have_gone(track.missed) and same > (0.8 if sure else 0.88)
        else:
            possible = (shared > 0.25 and same > 0.45) or (apart < 0.15 and same > 0.7)
            possible = possible and bool(size < 2.5)
        if not possible:
            return _IMPOSSIBLE
        return 1.0 - (0.5 * shared + 0.25 * math.exp(-((apart / 0.15) ** 2)) + 0.25 * same)

    def _chase(self) -> None:
        """Look where people should be that the scan did not find."""
        for key in sorted(self.known):
            entry = self.known[key]
            chase = _CHASE_LEFT if at_border(entry.track.mask) else _CHASE_HIDDEN
            if key in self.bodies or entry.track.missed > chase:
                continue
            region = entry.track.region.moved(*entry.shift)
            hidden = self._others(key) & ~entry.mask
            body = self.look_at(region, hidden)
            if body is None or not self.believable(entry, body, hidden):
                continue
            self.bodies[key] = body

    def look_at(self, region: Region, hidden: NDArray[np.bool_]) -> Body | None:
        """Look at a region with some cells painted out; None when there is nobody to speak of."""
        if not 8 <= region.side <= 8 * max(self.picture.size):
            return None
        body = self.nets.look(self.picture.crop(region, hidden), region)
        return body if 8 <= body.next_region.side <= 8 * max(self.picture.size) else None

    def believable(self, entry: Known, body: Body, hidden: NDArray[np.bool_]) -> bool:
        """Whether what is seen where somebody should be is really them."""
        mask = (self.cells(body) > 0) & ~hidden
        area, expected = int(np.count_nonzero(mask)), int(np.count_nonzero(entry.mask))
        if area < 6 or expected == 0:
            return False
        shared = int(np.count_nonzero(mask & entry.mask))
        usual = entry.track.usual
        if shared < 0.5 * min(area, expected) or area > 2.2 * expected or area > 1.4 * usual:
            return False
        steady = overlap(mask, entry.mask)
        same = alike(entry.track.look, appearance(self.picture.grid_pixels, mask))
        if entry.track.missed:
            return body.presence > 0.8 and same > 0.78 and steady > 0.35
        if body.presence > 0.5:
            return same > 0.65 and steady > 0.3
        return body.presence > 0.05 and same > 0.8 and steady > 0.65

    def _others(self, key: int) -> NDArray[np.bool_]:
        """Return the cells where other people are, or should be."""
        out = np.zeros(self.picture.grid_shape, np.bool_)
        for other in self.known.keys() | self.bodies.keys():
            if other == key:
                continue
            if other in self.bodies:
                out |= self.cells(self.bodies[other], other) > 0
            elif not self.known[other].track.missed:
                out |= self.known[other].mask
        return out

    def _is_new(self, body: Body) -> bool:
        """Whether a candidate is somebody that no body so far covers."""
        mask = self.cells(body) > 0
        covered = np.zeros_like(mask)
        for key, other in self.bodies.items():
            covered |= self.cells(other, key) > 0
        return bool(np.count_nonzero(mask & covered) < 0.45 * np.count_nonzero(mask))

    def _look_apart(self) -> None:
        """Look again at everybody who touches somebody, with that somebody painted out."""
        cells = {key: self.cells(body, key) for key, body in self.bodies.items()}
        owned = shared_out(cells)
        again = {}
        for key, body in self.bodies.items():
            others = np.zeros(self.picture.grid_shape, np.bool_)
            for other, mask in owned.items():
                if other != key:
                    others |= mask
            if not np.any(grown(cells[key] > 0, 2) & others):
                continue
            seen = self.look_at(body.region, others & ~owned[key])
            if seen is not None and seen.presence > 0.4:
                again[key] = seen
        self.bodies.update(again)

    def _drop_doubles(self) -> None:
        """End the younger of two tracks that have come to be one person."""
        keys = sorted(self.bodies, key=lambda k: (-self._age(k), k))
        raw = {key: self.cells(self.bodies[key]) > 0 for key in keys}
        kept: list[int] = []
        for key in keys:
            small = int(np.count_nonzero(raw[key]))
            if small and all(
                np.count_nonzero(raw[key] & raw[other])
                <= 0.75 * min(small, int(np.count_nonzero(raw[other])))
                for other in kept
            ):
                kept.append(key)
        for key in set(keys) - set(kept):
            del self.bodies[key]
            self.scores.pop(key, None)

    def _age(self, key: int) -> int:
        return self.known[key].track.age if key in self.known else 0

    def _tracks(self, masks: Mapping[int, InstanceMask]) -> list[Track]:
        """Return everybody to be remembered after this frame."""
        owned = shared_out({k: self.cells(b, k) for k, b in self.bodies.items() if k in masks})
        out = []
        for key, mask in owned.items():
            body, entry = self.bodies[key], self.known.get(key)
            look = appearance(self.picture.grid_pixels, mask)
            velocity = (0.0, 0.0)
            age = 1
            area = float(np.count_nonzero(mask))
            usual = area
            if entry is not None:
                track = entry.track
                # Only what the scan confirms is learnt: a chase gone astray stays a stranger.
                rate = np.float32(0.1 if key in self.scores else 0.0)
                look = (1 - rate) * track.look + rate * look
                velocity = tuple(  # type: ignore[assignment]
                    0.7 * old + 0.3 * new
                    for old, new in zip(track.velocity, entry.shift, strict=True)
                )
                age = track.age + 1
                pace = (0.3 if area > track.usual else 0.05) if key in self.scores else 0.0
                usual = (1 - pace) * track.usual + pace * area
            region = body.next_region
            out.append(Track(key, region, mask, look, 0, velocity, age, usual))
        for key, entry in self.known.items():
            if key not in owned and entry.track.missed < longest_gap(entry.track):
                out.append(replace(entry.track, missed=entry.track.missed + 1))
        return sorted(out, key=lambda track: track.id)
