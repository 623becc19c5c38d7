"""One decision a contact: stable, and changed only where much speaks against it."""

from __future__ import annotations

import numpy as np
import pytest

from vimatte.guidance.contacts import GAP, Overlap, Stretch, decide

FRAMES = list(range(1001, 1101))


def contact(scores: dict[int, float], first: int = 1, second: int = 2) -> dict[int, list[Overlap]]:
    return {frame: [Overlap(first, second, score, 0.2, 0.5)] for frame, score in scores.items()}


def told(stretches: list[Stretch]) -> list[tuple[int, int, int, int]]:
    return [(s.front, s.behind, s.frames[0], s.frames[-1]) for s in stretches]


def test_one_contact_has_one_decision_whatever_single_frames_say() -> None:
    rng = np.random.default_rng(0)
    scores = {frame: float(rng.normal(-1.5, 2)) for frame in FRAMES}
    stretches = decide(FRAMES, (), contact(scores))
    assert told(stretches) == [(2, 1, 1001, 1100)]
    assert stretches[0].score == pytest.approx(-np.mean(list(scores.values())))
    assert not stretches[0].sure
    assert stretches[0].matters


def test_the_one_in_front_changes_where_many_frames_say_so() -> None:
    scores = {frame: 3.0 if frame < 1050 else -3.0 for frame in FRAMES}
    assert told(decide(FRAMES, (), contact(scores))) == [(1, 2, 1001, 1049), (2, 1, 1050, 1100)]
    for few in (1, 6):
        scores = {f: -3.0 if 1050 <= f < 1050 + few else 3.0 for f in FRAMES}
        assert told(decide(FRAMES, (), contact(scores))) == [(1, 2, 1001, 1100)]


def test_breaks_end_a_contact_where_they_are_long_and_at_cuts() -> None:
    before, after = dict.fromkeys(range(1001, 1011), 2.0), dict.fromkeys(range(1040, 1051), -2.0)
    found = contact(before | after)
    assert told(decide(FRAMES, (), found)) == [(1, 2, 1001, 1010), (2, 1, 1040, 1050)]
    near = dict.fromkeys(range(1011 + GAP, 1014 + GAP), -0.5)
    assert told(decide(FRAMES, (), contact(before | near))) == [(1, 2, 1001, 1013 + GAP)]
    assert len(decide(FRAMES, (1015,), contact(before | near))) == 2
    # Numbers that the plate lacks are no break.
    holes = [f for f in FRAMES if f <= 1010 or f >= 1040]
    assert len(decide(holes, (), contact(before | dict.fromkeys(after, -0.5)))) == 1


def test_where_nothing_speaks_the_first_is_in_front_and_nobody_is_sure() -> None:
    (stretch,) = decide(FRAMES, (), contact({1001: 0.0, 1002: 0.0}))
    assert (stretch.front, stretch.score, stretch.sure) == (1, 0.0, False)


def test_thin_overlaps_matter_only_where_the_plate_is_clear() -> None:
    def matters(score: float, thickness: float, roundness: float) -> bool:
        overlap = Overlap(1, 2, score, thickness, roundness)
        return decide(FRAMES, (), {1001: [overlap]})[0].matters

    assert not matters(0.4, 0.03, 0.8)
    assert matters(3.0, 0.03, 0.8)
    assert matters(0.4, 0.15, 0.5)
    assert not matters(0.4, 0.15, 0.1)  # a band
    assert matters(0.4, 0.25, 0.1)


def test_pairs_do_not_disturb_each_other() -> None:
    found = {1001: [Overlap(*row, 0.2, 0.5) for row in ((1, 2, 3.0), (1, 3, -3.0), (2, 3, 1.0))]}
    assert {(s.front, s.behind) for s in decide(FRAMES, (), found)} == {(1, 2), (3, 1), (2, 3)}
