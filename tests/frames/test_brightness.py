from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vimatte.frames.colour import NetworkColour
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.open_plate import open_plate
from vimatte.notices import Notice

Write = Callable[..., Path]


def ordinary(rng: np.random.Generator) -> Any:
    """A picture as scenes are: around mid grey, with shadows and a few lights."""
    made = 0.18 * 2 ** rng.normal(0, 1.5, (60, 90, 3))
    made[:4, :6] = 40.0
    return made.astype(np.float32)


def notices(tmp_path: Path, write: Write, pictures: list[Any], **options: Any) -> Any:
    for at, picture in enumerate(pictures):
        write(f"a.{1001 + at}.exr", picture)
    plate = open_plate(tmp_path / "a.####.exr")
    colour = NetworkColour(None, plate=plate, exposure=options.get("exposure", 0.0))
    source = NetworkSource(plate, colour)
    found = source.notices
    assert source.notices is found  # measured once
    return found


@pytest.mark.parametrize("stops", [-6, 0, 2, 4])
def test_ordinary_plates_say_nothing(tmp_path: Path, write_image: Write, stops: int) -> None:
    rng = np.random.default_rng(0)
    pictures = [ordinary(rng) * np.float32(2.0**stops) for _ in range(3)]
    assert notices(tmp_path, write_image, pictures) == ()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.7])
def test_sky_snow_and_fire_say_nothing(tmp_path: Path, write_image: Write, share: float) -> None:
    picture = ordinary(np.random.default_rng(1))
    picture[: round(60 * share)] = (9.0, 11.0, 14.0)
    assert notices(tmp_path, write_image, [picture]) == ()


def test_one_flash_in_a_shot_says_nothing(tmp_path: Path, write_image: Write) -> None:
    picture = ordinary(np.random.default_rng(2))
    pictures = [picture, picture * 60, picture]
    assert notices(tmp_path, write_image, pictures) == ()


@pytest.mark.parametrize(("factor", "stops"), [(50, -6), (100, -7), (1000, -10)])
def test_far_above_white(tmp_path: Path, write_image: Write, factor: float, stops: int) -> None:
    picture = ordinary(np.random.default_rng(3)) * np.float32(factor)
    (found,) = notices(tmp_path, write_image, [picture] * 3)
    assert isinstance(found, Notice)
    assert found.code == "above-white"
    assert found.message.startswith("most of the plate lies above white; try --exposure ")
    assert abs(float(found.message.split()[-1]) - stops) <= 1
    assert found.frames == "1001-1003"
    # What is named helps, and an exposure that is there already counts.
    assert notices(tmp_path, write_image, [picture] * 3, exposure=float(stops)) == ()
    (further,) = notices(tmp_path, write_image, [picture] * 3, exposure=2.0)
    assert further.message == found.message


def test_an_element_on_black_is_judged_by_itself(tmp_path: Path, write_image: Write) -> None:
    picture = np.zeros((60, 90, 3), np.float32)
    picture[20:30, 20:30] = 20.0
    (found,) = notices(tmp_path, write_image, [picture])
    assert found.code == "above-white"


def test_a_black_plate_is_said(tmp_path: Path, write_image: Write) -> None:
    black = np.zeros((8, 8, 3), np.float32)
    (found,) = notices(tmp_path, write_image, [black] * 2)
    assert (found.code, found.frames) == ("black-plate", "1001-1002")
    fading = [black, np.full_like(black, 0.2), black]
    assert notices(tmp_path, write_image, fading) == ()


def test_a_frame_that_cannot_be_read_is_left_to_the_run(tmp_path: Path, write_image: Write) -> None:
    bright = ordinary(np.random.default_rng(4)) * np.float32(200)
    for frame in (1, 2, 3):
        write_image(f"b.{frame}.exr", bright)
    content = (tmp_path / "b.3.exr").read_bytes()
    (tmp_path / "b.3.exr").write_bytes(content[: len(content) // 2])
    plate = open_plate(tmp_path / "b.#.exr")
    (found,) = NetworkSource(plate, NetworkColour(None, plate=plate)).notices
    assert found.frames == "1-2"


def test_display_referred_plates_are_not_read_for_it(tmp_path: Path, write_image: Write) -> None:
    write_image("a.1.png", np.ones((8, 8, 3), np.float32), "uint8")
    plate = open_plate(tmp_path / "a.#.png")
    source = NetworkSource(plate, NetworkColour(None, plate=plate))
    plate.read = None  # type: ignore[assignment]
    assert source.notices == ()


def test_values_that_are_no_numbers_are_said(tmp_path: Path, write_image: Write) -> None:
    fine = ordinary(np.random.default_rng(5))
    broken = fine.copy()
    broken[10:12, 10:20] = (np.nan, 0.2, np.inf)
    (found,) = notices(tmp_path, write_image, [fine, broken, fine])
    assert (found.code, found.frames) == ("not-finite", "1002")
    assert "NaN or infinite (40 in the frames that were looked at)" in found.message
