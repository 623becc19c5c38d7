from __future__ import annotations

import math

import numpy as np

from vimatte.output.mask_match import MaskMatch
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


def matched(match: list[MaskMatch], coverage: list[float] | None = None) -> Statistics:
    made = shot(coverage or [10.0] * len(match))
    made.series[1].match = match
    return made


def test_an_empty_matte_comes_first_in_one_line() -> None:
    coverage = [10.0] * 30
    coverage[8:10] = [0.0, 0.0]  # a hole, which says less
    match = [MaskMatch(5000, 5000)] * 30
    match[15:20] = [MaskMatch(5000 + 100 * k, 0.0) for k in range(5)]
    found = notes(matched(match, coverage))
    assert found[0].frame == 1020
    assert found[0].reason == "the mask has 5,400 pixels, the matte is empty (frames 1016-1020)"
    assert found[0].grave
    assert str(found[0]) == f"frame 1020: bob: {found[0].reason}"
    assert found[0].to_json()["instance"] == "bob"
    assert "is gone for 2 frames" in found[1].reason
    assert not found[1].grave
    assert sum("empty" in note.reason for note in found) == 1


def test_many_frames_apart_are_counted() -> None:
    match = [MaskMatch(5000, 0.0 if k % 2 else 5000.0) for k in range(100)]
    (note,) = notes(matched(match))
    assert note.reason.endswith("the matte is empty (frames 1002-1100x2)")
    match = [MaskMatch(5000, 0.0 if k * k % 7 == 1 else 5000.0) for k in range(200)]
    (note,) = notes(matched(match))
    assert "of them" in note.reason
    assert len(note.reason) < 120


def test_a_matte_far_from_its_mask_and_a_mask_left_out() -> None:
    good = [MaskMatch(5000, 5000, 20.0, 20.0)] * 10
    assert notes(matched(good)) == []
    astray = matched([*good, MaskMatch(5000, 9000, 45.0, 0.0), MaskMatch(5000, 2000, 0.0, 60.0)])
    found = notes(astray)
    assert [note.reason for note in found] == [
        "45% of the matte is far from the mask",
        "60% of the mask has no matte",
    ]
    assert all(note.grave for note in found)


def test_a_speck_that_is_lost_is_named_but_is_not_grave() -> None:
    (note,) = notes(matched([MaskMatch(40, 0.0, 0.0, 100.0, speck=True)] * 3))
    assert note.reason == "the mask has 40 pixels, the matte is empty (frames 1001-1003)"
    assert not note.grave
