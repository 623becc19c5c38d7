"""Who of all that was followed is a person of the shot, and under which id."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vimatte.guidance.person_records import Settled
from vimatte.guidance.person_track import Track, alike, longest_gap, may_have_gone

_SURE = 0.8
_SAME = 0.86
_HOLE = 5
_FLASH = 4


@dataclass
class Run:
    """A stretch of frames with a mask, short holes included, and the scan's highest score in it."""

    first: int
    last: int
    best: float = 0.0


@dataclass
class Life:
    """What is known of one track of a scene.

    Attributes
    ----------
    first, last : int
        The first and last frame with a mask.
    x : int
        Where it was then, for an order among newcomers: the mask's middle column.
    frames, found : int
        In how many frames it has a mask, and in how many the scan found it.
    best : float
        The scan's highest score.
    runs : list of Run
    start, end : Track or None
        The track when it was first and last seen, going forwards.
    """

    first: int
    last: int
    x: int
    frames: int = 0
    found: int = 0
    best: float = 0.0
    runs: list[Run] = field(default_factory=list)
    start: Track | None = None
    end: Track | None = None


@dataclass
class Scene:
    """What was followed between two cuts; memory grows with the number of tracks only.

    Attributes
    ----------
    length : int
        Frames.
    lives : dict of int to Life
    joined : list of pairs of int
        Tracks that are one person.
    """

    length: int
    lives: dict[int, Life] = field(default_factory=dict)
    joined: list[tuple[int, int]] = field(default_factory=list)

    def add(self, frame: int, settled: Settled) -> None:
        """Count what one frame gave, forwards or backwards; the order does not matter."""
        for key, mask in settled.masks.items():
            middle = mask.window.x + mask.window.width // 2
            life = self.lives.setdefault(key, Life(frame, frame, middle))
            if frame < life.first:
                life.first, life.x = frame, middle
            life.last = max(life.last, frame)
            life.frames += 1
            run = next((r for r in life.runs if r.first - _HOLE <= frame <= r.last + _HOLE), None)
            if run is None:
                run = Run(frame, frame)
                life.runs.append(run)
            run.first, run.last = min(run.first, frame), max(run.last, frame)
            score = settled.scores.get(key)
            if score is not None:
                life.found += 1
                life.best, run.best = max(life.best, score), max(run.best, score)
        self.joined.extend(settled.joined)

    def is_flash(self, key: int, frame: int) -> bool:
        """Whether a track's mask in a frame stands alone, and the scan was not sure of it."""
        life = self.lives[key]
        run = next(run for run in life.runs if run.first <= frame <= run.last)
        return len(life.runs) > 1 and run.last - run.first < _FLASH and run.best < _SURE

    def remember(self, settled: Settled) -> None:
        """Keep what following forwards knows of those seen in a frame; in order of frames."""
        for track in settled.tracks:
            if track.id in settled.masks:
                life = self.lives[track.id]
                life.start = life.start or track
                life.end = track

    def _same_again(self) -> list[tuple[int, int]]:
        """Return the pairs of tracks of which one ends and the other is that person, back again.

        When somebody comes out from behind something there is too little to see of them to tell.
        Here, what both were like in all their frames is compared.
        """
        pairs = []
        for later, b in sorted(self.lives.items()):
            best, earlier = _SAME, None
            for key, a in self.lives.items():
                if a.end is None or b.start is None or b.end is None or a.last >= b.first:
                    continue
                if min(a.best, b.best) < _SURE or min(a.found, b.found) < 3:
                    continue
                gap = b.first - a.last
                side = max(a.end.region.side, b.start.region.side, 1.0)
                way = math.hypot(
                    a.end.region.x - b.start.region.x, a.end.region.y - b.start.region.y
                )
                same = alike(a.end.look, b.end.look)
                near = way / side < may_have_gone(gap) and gap <= longest_gap(a.end)
                if near and same > best:
                    best, earlier = same, key
            if earlier is not None:
                pairs.append((earlier, later))
        return pairs

    def persons(self) -> dict[int, list[int]]:
        """Return the tracks of each person, ghosts left out, by the person's lowest track id."""
        leader = {key: key for key in self.lives}

        def find(key: int) -> int:
            while leader[key] != key:
                key = leader[key]
            return key

        for one, other in [*self.joined, *self._same_again()]:
            if one in leader and other in leader:
                low, high = sorted((find(one), find(other)))
                leader[high] = low
        groups: dict[int, list[int]] = {}
        for key in sorted(leader):
            groups.setdefault(find(key), []).append(key)
        return {key: group for key, group in groups.items() if self._is_person(group)}

    def _is_person(self, group: Iterable[int]) -> bool:
        """Whether tracks have been seen long, often and surely enough to be no ghost.

        Networks see a person in a cushion or a fence now and then: for a frame or a few, never
        quite sure of it.
        """
        lives = [self.lives[key] for key in group]
        frames, found = sum(life.frames for life in lives), sum(life.found for life in lives)
        best = max(life.best for life in lives)
        return (
            best >= (_SURE if self.length > 2 else 0.7)
            and found >= min(4, math.ceil(self.length / 6))
            and found >= 0.15 * frames
        )


def numbered(scenes: Iterable[Scene]) -> list[dict[int, int]]:
    """Return ``{track id: instance id}`` of each scene, by appearance, then left to right.

    Instance ids run on through the shot: a cut ends everybody.
    """
    out: list[dict[int, int]] = []
    count = 0
    for scene in scenes:
        persons = scene.persons()

        def appears(
            group: list[int], lives: Mapping[int, Life] = scene.lives
        ) -> tuple[int, int, int]:
            earliest = min((lives[key] for key in group), key=lambda life: life.first)
            return earliest.first, earliest.x, group[0]

        ids: dict[int, int] = {}
        for group in sorted(persons.values(), key=appears):
            count += 1
            ids.update(dict.fromkeys(group, count))
        out.append(ids)
    return out
