"""Orientation tags of picture files: pictures come as they are meant, and it is said."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from plate_files import make_spec, write

from vimatte.errors import FrameReadError
from vimatte.frames.open_plate import open_plate
from vimatte.frames.orientation import Orientation
from vimatte.frames.window import Window

Ramp = Callable[..., NDArray[np.float32]]
FORMATS = [("tif", "uint16"), ("jpg", "uint8"), ("png", "uint8"), ("dpx", "uint16")]
# What OpenImageIO itself makes of each tag is the measure.
TAGS = range(1, 9)


def stored(count: int = 1) -> NDArray[np.float32]:
    """A picture like no turned or mirrored one of itself."""
    made = np.zeros((16, 24, 3), np.float32)
    made[:8, :8] = (0.9, 0.1, 0.1)
    made[8:, :8] = (0.1, 0.7, 0.1)
    made[:8, 16:] = (0.1, 0.1, 0.8)
    return made * np.float32(1 - 0.1 * (count - 1))


def tagged(path: Path, kind: str, tag: int, pixels: NDArray[np.float32]) -> Path:
    attributes: dict[str, Any] = {"Orientation": tag}
    if path.suffix == ".jpg":
        attributes["Compression"] = "jpeg:100"
    return write(path, (make_spec(pixels, kind, attributes=attributes), pixels))


def reoriented(path: Path) -> NDArray[np.float32]:
    made = oiio.ImageBufAlgo.reorient(oiio.ImageBuf(str(path)))
    return np.asarray(made.get_pixels(oiio.FLOAT), np.float32)[:, :, :3]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(("suffix", "kind"), FORMATS)
def test_every_tag_of_every_format(tmp_path: Path, suffix: str, kind: str, tag: int) -> None:
    path = tagged(tmp_path / f"a.0001.{suffix}", kind, tag, stored())
    if suffix == "dpx" and tag > 4:
        return  # refused, see below
    plate = open_plate(tmp_path / f"a.####.{suffix}")
    read, expected = plate.read(1), reoriented(path)
    np.testing.assert_allclose(read.pixels, expected, atol=2 / 255)
    height, width = expected.shape[:2]
    assert read.header.display_window == read.header.data_window == Window(0, 0, width, height)
    assert plate.header(1) == read.header
    if suffix != "dpx":  # OpenImageIO writes other numbers into a DPX than it reads
        laid = Orientation.of_tag(tag)
        assert (plate.turns, plate.mirrored) == (laid.turns, laid.mirrored)
    assert [notice.code for notice in plate.notices] == ["oriented"] * (tag != 1)
    assert "Orientation" not in read.header.metadata


# Which way a DPX's lines run and follow one another (SMPTE 268M, image orientation).
DPX: dict[int, Callable[[Any], Any]] = {
    0: lambda p: p,  # left to right, top to bottom
    1: lambda p: p[:, ::-1],  # right to left, top to bottom
    2: lambda p: p[::-1],  # left to right, bottom to top
    3: lambda p: p[::-1, ::-1],  # right to left, bottom to top
    0xFFFF: lambda p: p,  # undefined
}


def dpx(path: Path, number: int) -> Path:
    tagged(path, "uint16", 1, stored())
    content = bytearray(path.read_bytes())
    struct.pack_into("<H" if content[:4] == b"XPDS" else ">H", content, 768, number)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("number", DPX)
def test_dpx_by_its_own_numbers(tmp_path: Path, number: int) -> None:
    read = open_plate(dpx(tmp_path / "a.dpx", number)).read(1).pixels
    np.testing.assert_allclose(read, DPX[number](stored()), atol=1e-3)


@pytest.mark.parametrize("number", [4, 5, 6, 7])
def test_dpx_whose_lines_run_down_is_refused(tmp_path: Path, number: int) -> None:
    with pytest.raises(FrameReadError, match="lines run from top to bottom"):
        open_plate(dpx(tmp_path / "a.dpx", number))


def test_turned_pixels_are_as_high_as_they_were_wide(tmp_path: Path) -> None:
    pixels = stored()
    spec = make_spec(pixels, "uint8", attributes={"Orientation": 6, "PixelAspectRatio": 2.0})
    write(tmp_path / "a.tif", (spec, pixels))
    assert open_plate(tmp_path / "a.tif").header(1).pixel_aspect == pytest.approx(0.5)


def test_an_orientation_that_came_with_attributes_turns_no_exr(tmp_path: Path) -> None:
    pixels = stored()
    spec = make_spec(pixels, attributes={"Orientation": 6})
    plate = open_plate(write(tmp_path / "a.exr", (spec, pixels)))
    np.testing.assert_allclose(plate.read(1).pixels, pixels, atol=1e-3)
    assert (plate.turns, plate.mirrored, plate.notices) == (0, False, ())


@pytest.mark.parametrize("tag", [0, 9, 4096])
def test_a_tag_that_means_nothing(tmp_path: Path, tag: int) -> None:
    path = tagged(tmp_path / "a.tif", "uint8", 6, stored())
    content = path.read_bytes()
    entry = struct.pack("<HHIHH", 274, 3, 1, 6, 0)
    assert content.count(entry) == 1
    path.write_bytes(content.replace(entry, struct.pack("<HHIHH", 274, 3, 1, tag, 0)))
    plate = open_plate(path)
    assert (plate.turns, plate.mirrored) == (0, False)


def test_another_tag_in_mid_shot_is_refused(tmp_path: Path) -> None:
    for frame, tag in ((1, 1), (2, 3)):
        tagged(tmp_path / f"a.{frame}.tif", "uint8", tag, stored())
    plate = open_plate(tmp_path / "a.#.tif")
    plate.read(1)
    for look in (plate.read, plate.header):
        with pytest.raises(FrameReadError, match=r"orientation tag is another.*frame 2"):
            look(2)


def test_digest_tells_turned_pictures_from_the_same_bytes_as_stored(tmp_path: Path) -> None:
    """Older versions took pictures as stored: their mattes must not be found again."""
    one = tagged(tmp_path / "a.tif", "uint8", 6, stored())
    plain = tagged(tmp_path / "b.tif", "uint8", 1, stored())
    shutil.copy(one, tmp_path / "c.tif")
    digests = [open_plate(path).digest(1) for path in (one, tmp_path / "c.tif", plain)]
    assert digests[0] == digests[1] != digests[2]


def test_pages_of_a_tiff_are_said(tmp_path: Path) -> None:
    pages = [(make_spec(stored(n), "uint8"), stored(n)) for n in (1, 2, 3)]
    plate = open_plate(write(tmp_path / "a.tif", *pages))
    (notice,) = plate.notices
    assert notice.code == "several-pictures"
    assert "3 pictures" in notice.message
    np.testing.assert_allclose(plate.read(1).pixels, stored(), atol=1 / 255)
