"""What becomes of results on the timeline: transforms, a second run, another choice, undo."""

from __future__ import annotations

from pathlib import Path

import pytest
from blender_support import MAX_ERROR, STEP, inside

SCRIPT = "inside_timeline.py"


def test_every_result_stays_in_step_with_a_turned_strip(
    blender: Path, material: Path, tmp_path: Path
) -> None:
    found = inside(blender, material, tmp_path, "transforms", SCRIPT)
    assert len(found) >= 15
    assert min(brightest for _, _, brightest in found.values()) > 0.9
    # A slope of the pictures is 0.05 to 0.2 a pixel.
    far = {}
    for name, (wrong, within, _) in found.items():
        # From 5.0 on, Blender resamples a mask strip twice: up to half a pixel, more at borders.
        twice = name.endswith("ISOLATE") and "rotated COMPOSITOR" in found
        if (within if twice else wrong) > (0.1 if twice else MAX_ERROR):
            far[name] = (wrong, within)
    assert far == {}


def test_a_later_run_follows_the_strip_and_the_choice(
    blender: Path, material: Path, tmp_path: Path
) -> None:
    found = inside(blender, material, tmp_path, "later", SCRIPT)
    isolated = ["isolate", "matte", "source"]
    assert found["first"] == found["same"] == found["faster"] == isolated
    assert found["followed"] == [6, 0.25]
    source, copy, matte = found["ends"]
    assert source == copy == matte
    assert found["name"] == "the user's name"
    assert found["grouped"] == found["still"] == ["group", *isolated]
    end, wanted, members = found["meta"]
    assert end == wanted
    assert members == 2
    assert found["cutout"] == ["cutout", "group", "source"]
    assert found["matte"] == ["group", "matte", "source"]


def test_the_compositor_reads_the_layer_of_the_frame(
    blender: Path, material: Path, tmp_path: Path
) -> None:
    found = inside(blender, material, tmp_path, "composited", SCRIPT)
    if "version" in found:
        assert found["version"] < 5  # the compositor's modifier came with 5.0
        return
    refused = {name for name, rows in found.items() if isinstance(rows[0], str)}
    assert refused == {"reverse", "strobe", "fast", "slow", "fast_reverse", "fast_trimmed"}
    assert all("choose Isolate" in found[name][0] for name in refused)
    for name in set(found) - refused:
        assert len(found[name]) >= 5, name
        for frame, level, alpha in found[name]:
            shown = 1 + round((level * 255 - 30) / STEP)
            assert alpha == pytest.approx(shown / 64, abs=MAX_ERROR), (name, frame)


def test_a_click_is_undone_and_done_again(blender: Path, material: Path, tmp_path: Path) -> None:
    found = inside(blender, material, tmp_path, "undone", SCRIPT)
    made = ["clip", "clip hero", "clip hero matte"]
    assert found["before"] == found["undone"] == ["clip"]
    assert found["made"] == found["redone"] == found["again"] == made
    assert found["shots"] == 0
