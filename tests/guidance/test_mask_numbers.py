"""Numbers of masks beside those of the shot: equal, shifted, disjoint, beyond, or with holes."""

from __future__ import annotations

from pathlib import Path

import pytest

from vimatte.errors import GuidanceError
from vimatte.frames.frame_range import FrameRange
from vimatte.guidance.mask_numbers import (
    NumberedMasks,
    Numbering,
    check_numbers,
    shift_between,
)

PLATE = "1001-1010"


def check(
    masks: dict[str, str], shot: str = "", plate: str = PLATE, offset: int | None = None
) -> dict[str, str]:
    """Return what is said, by code."""
    found = [NumberedMasks(n, FrameRange.parse(f), Path("m") / n) for n, f in masks.items()]
    numbering = Numbering(FrameRange.parse(shot or plate), FrameRange.parse(plate), offset)
    return {notice.code: str(notice) for notice in check_numbers(found, numbering)}


@pytest.mark.parametrize(
    ("masks", "shot"),
    [
        ({"anna": PLATE}, ""),
        ({"anna": PLATE, "bert": PLATE}, ""),
        ({"anna": PLATE}, "1003-1005"),
        ({"": PLATE}, "1003"),
        ({"anna": "1002-1005", "bert": PLATE}, "1003-1005"),
    ],
)
def test_masks_of_the_whole_plate_are_no_news(masks: dict[str, str], shot: str) -> None:
    assert check(masks, shot) == {}


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ({"anna": "0-9"}, r"0-9, the shot has 1001-1010: none in common.*--mask-offset 1001 makes"),
        ({"anna": "0-9", "bert": "3-5"}, r"masks have the frames 0-9.*--mask-offset 1001 makes"),
        ({"": "0-4"}, r"none in common.*--mask-offset 1001 would put"),
        ({"anna": "1002-1011"}, r"shifted by 1.*--mask-offset -1 makes.*--mask-offset 0"),
        ({"anna": "1000-1009"}, r"as many, but shifted by 1.*--mask-offset 1 "),
        ({"anna": PLATE, "bert": "0-9"}, r"the masks of bert have the frames 0-9.*none in common"),
        ({"anna": PLATE, "bert": "1000-1009"}, r"bert have.*shifted by 1.*add 1 to the numbers of"),
        ({"anna": PLATE, "bert": "5"}, r"the masks of bert have the frames 5"),
        ({"anna": "999999990-999999999"}, r"--mask-offset -999998989 makes"),
        ({"anna": "1001-1003,1005-1010"}, r"there is no mask for frame 1004"),
    ],
)
def test_what_is_refused(masks: dict[str, str], said: str) -> None:
    with pytest.raises(GuidanceError, match=said):
        check(masks)


def test_a_shift_against_a_part_of_the_plate() -> None:
    with pytest.raises(GuidanceError, match=r"--mask-offset 4 makes"):
        check({"anna": "999-1001"}, shot="1003-1005")
    # Numbers that the plate has are the plate's, whatever part of it is asked for.
    said = check({"anna": "1002-1004"}, shot="1003-1005")["mask-frames-missing"]
    assert "as many as the shot's frames" in said
    assert "--mask-offset 1 makes them equal" in said
    assert "hint" not in check({"anna": "1001-1004"}, shot="1003-1005")["mask-frames-missing"]
    with pytest.raises(GuidanceError, match="none in common"):
        check({"anna": "1008-1010"}, shot="1003-1005")


def test_numbers_that_no_offset_moves() -> None:
    """Time stamps: the hint would name an offset that the option refuses."""
    numbers = FrameRange.of(range(1712345678, 1712345688))
    shot = FrameRange.parse(PLATE)
    with pytest.raises(GuidanceError, match="too large to be moved by an offset") as info:
        check_numbers([NumberedMasks("anna", numbers, Path("m"))], Numbering(shot, shot))
    assert "--mask-offset" not in str(info.value)


def test_an_offset_is_the_users_word() -> None:
    said = check({"anna": "1000-1009"}, offset=0)
    assert "numbered 1000 belong to no frame" in said["mask-frames-unused"]
    assert "anna has no masks at an end of the shot" in said["mask-frames-missing"]
    assert "frame 1010" in said["mask-frames-missing"]
    assert "mask-not-in-shot" in check({"anna": PLATE, "bert": "0-9"}, offset=0)
    with pytest.raises(GuidanceError, match=r"3-12 \(with --mask-offset 3\).*--mask-offset 1001 "):
        check({"anna": "3-12"}, offset=3)


def test_what_is_only_said() -> None:
    said = check({"anna": "1001-1012", "bert": "1001-1012", "cleo": "1003-1005"})
    assert "the masks of anna, bert numbered 1011-1012" in said["mask-frames-unused"]
    assert "cleo has no masks" in said["mask-frames-missing"]
    assert "frames 1001-1002,1006-1010" in said["mask-frames-missing"]
    assert "--mask-offset N" in check({"anna": "1000-1008"})["mask-frames-unused"]
    assert "mask-not-in-shot" in check({"anna": PLATE, "bert": "1008-1010"}, shot="1001-1003")


def test_holes_of_the_plate_are_none_of_the_masks() -> None:
    assert check({"anna": "1001-1002,1004"}, plate="1001-1002,1004") == {}
    said = check({"anna": "1001-1004"}, plate="1001-1002,1004")
    assert "1003" in said["mask-frames-unused"]


@pytest.mark.parametrize(
    ("frames", "wanted", "shift"),
    [
        ("0-4", "1-5", 1), ("1-9x2", "2-10x2", 1), ("1,5,9,10", "3,7,11,12", 2),
        ("1-4", "1-5", None), ("1,2,4", "1,3,4", None), ("5", "-5", -10),
    ],
)  # fmt: skip
def test_shifts(frames: str, wanted: str, shift: int | None) -> None:
    assert shift_between(FrameRange.parse(frames), FrameRange.parse(wanted)) == shift
