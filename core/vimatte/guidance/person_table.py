"""Who of all that was followed is a person of the shot, and under which id."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vimatte.guidance.person_records import Settled

_SURE = 0.8


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
    """

    first: int
    last: int
    x: int
    frames: int = 0
    found: int = 0
    best: float = 0.0


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
            score = settled.scores.get(key)
            if score is not None:
                life.found += 1
                life.best = max(life.best, score)
        self.joined.extend(settled.joined)

    def persons(self) -> dict[int, list[int]]:
        """Return the tracks of each person, ghosts left out, by the person's lowest track id."""
        leader = {key: key for key in self.lives}

        def find(key: int) -> int:
            while leader[key] != key:
                key = leader[key]
            return key

        for one, other in self.joined:
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
