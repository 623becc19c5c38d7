from __future__ import annotations

import math

import numpy as np

from vimatte.output.qc_notes import MAX_NOTES, notes
from vimatte.output.qc_statistics import InstanceSeries, Statistics


def shot(
    coverage: list[float],
    change: list[float] | None = None,
    soft: list[float] | None = None,
    cuts: tuple[int, ...] = (),
) -> Statistics:
    """Return the numbers of a shot that starts at frame 1001."""
    count = len(coverage)
    made = Statistics({1: "bob"})
    made.frames = list(range(1001, 1001 + count))
    made.starts = [i == 0 or 1001 + i in cuts for i in range(count)]
    made.series[1] = InstanceSeries(
        coverage, change or [math.nan] + [2.0] * (count - 1), soft or [0.0] * count
    )
    return made


def reasons(statistics: Statistics) -> dict[int, str]:
    return {note.frame: note.reason for note in notes(statistics)}


def test_a_steady_shot_has_none() -> None:
    rng = np.random.default_rng(0)
    coverage = (10 + rng.normal(0, 0.1, 200)).tolist()
    change = [math.nan, *(5 + rng.normal(0, 0.8, 199)).tolist()]
    assert notes(shot(coverage, change)) == []
    assert notes(shot([])) == []
    assert notes(shot([3.0])) == []


def test_a_jump_stands_out_from_what_is_usual() -> None:
    change = [math.nan] + [2.0, 2.2, 1.8] * 10
    change[17] = 24.0
    found = notes(shot([10.0] * 31, change))
    assert [(n.frame, n.instance) for n in found] == [(1018, "bob")]
    assert "24%" in found[0].reason
    assert "2.0%" in found[0].reason
    # in a shot that always moves, the same change is nothing
    assert notes(shot([10.0] * 31, [math.nan] + [20.0, 24.0, 16.0] * 10)) == []


def test_growth_is_seen_in_a_shot_that_moves_much() -> None:
    coverage = [10.0] * 30
    coverage[20:] = [13.0] * 10
    change = [math.nan] + [20.0, 35.0, 28.0] * 10
    assert reasons(shot(coverage, change[:30])) == {1021: "grows by 26%"}


def test_reasons_of_one_frame_share_a_line() -> None:
    coverage = [10.0] * 30
    coverage[20:] = [7.0] * 10
    change = [math.nan] + [2.0] * 29
    change[20] = 40.0
    assert reasons(shot(coverage, change)) == {
        1021: "changes by 40% (usually 2.0%); shrinks by 35%"
    }


def test_a_hole_comes_first() -> None:
    coverage = [10.0] * 30
    coverage[8:10] = [0.0, 0.0]
    change = [math.nan] + [2.0] * 29
    change[20] = 60.0
    found = notes(shot(coverage, change))
    assert found[0].reason == "is gone for 2 frames"
    assert [n.frame for n in found] == [1009, 1021]


def test_coming_and_going() -> None:
    at_once = [0.0] * 10 + [10.0] * 10 + [0.0] * 10
    assert reasons(shot(at_once)) == {1011: "comes at once", 1021: "goes at once"}
    gradual = [0.0] * 10 + [2.0, 5.0, 8.0] + [10.0] * 7 + [7.0, 4.0, 1.0] + [0.0] * 7
    assert not [r for r in reasons(shot(gradual)).values() if "once" in r]
    cut = shot(at_once, cuts=(1011, 1021))
    assert notes(cut) == []
    within_a_hole = [10.0] * 10 + [0.0] * 4 + [10.0] * 10
    assert notes(shot(within_a_hole, cuts=(1013,))) != []
    assert "gone for" not in " ".join(reasons(shot(within_a_hole, cuts=(1013,))).values())


def test_a_soft_stretch_is_one_note_at_its_worst_frame() -> None:
    soft = [0.0] * 30
    soft[10:15] = [5.0, 6.0, 20.0, 6.0, 5.0]
    assert reasons(shot([10.0] * 30, soft=soft)) == {
        1013: "20% of the matte is half transparent (frames 1011-1015)"
    }


def test_the_list_is_bounded() -> None:
    coverage = [10.0, 0.0] * 100
    assert len(notes(shot(coverage))) == MAX_NOTES
