"""What is said of a plate's files: every one that looks like a frame is used or named."""

from __future__ import annotations

import re
import string
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vimatte.errors import FrameReadError
from vimatte.frames.file_pattern import read_pattern
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.sequence_files import SequenceFiles, look_for
from vimatte.frames.sequence_notices import notices_of, usual_step
from vimatte.notices import Notice


def look(folder: Path, name: str, *files: str, empty: str = "") -> tuple[str, list[Notice]]:
    """Return the frames of a pattern among these files, and the notices about them."""
    for file in files:
        (folder / file).write_bytes(b"" if file == empty else b"x")
    pattern = read_pattern(folder / name, view=None, start_frame=1)
    found = look_for(pattern)
    assert all((folder / pattern.path(frame).name).is_file() for frame in found.frames)
    return str(found.frames), list(notices_of(pattern, found))


def said(notices: list[Notice]) -> str:
    return " / ".join(map(str, notices))


def test_a_whole_plate_needs_no_word(tmp_path: Path) -> None:
    frames, notices = look(tmp_path, "a.####.exr", *(f"a.{n}.exr" for n in range(998, 1003)))
    assert frames == "1000-1002"
    assert len(notices) == 1
    (tmp_path / "a.998.exr").unlink()
    (tmp_path / "a.999.exr").unlink()
    (tmp_path / "b.1004.exr").write_bytes(b"x")
    (tmp_path / "a.1003.exr.json").write_bytes(b"x")
    assert look(tmp_path, "a.####.exr") == ("1000-1002", [])


def test_a_hole(tmp_path: Path) -> None:
    frames, notices = look(tmp_path, "a.####.exr", *(f"a.{n}.exr" for n in (1001, 1002, 1004)))
    assert frames == "1001-1002,1004"
    assert [(n.code, n.frames) for n in notices] == [("plate-hole", "1003")]
    assert "1 frame of the plate is missing between 1001 and 1004 | frame 1003" in said(notices)
    (tmp_path / "a.1003.png").write_bytes(b"x")
    assert "a.1003.png is there" in said(look(tmp_path, "a.####.exr")[1])


def test_a_negative_hole(tmp_path: Path) -> None:
    _, notices = look(tmp_path, "a.####.exr", "a.-0007.exr", "a.-0005.exr", "a.-0004.exr")
    assert "missing between -7 and -4 | frame -6 |" in said(notices)


@pytest.mark.parametrize(
    ("frames", "step", "missing"),
    [
        ("1001-1009x2", 2, ""),
        ("1001-1005x2,1009-1013x2", 2, "1007"),
        ("10-40x10", 10, ""),
        ("1001,1003", 1, "1002"),
        ("1,2,4,5", 1, "3"),
        ("1,3,5,6,7,9", 1, "2,4,8"),
        ("-9--1x4", 4, ""),
    ],
)
def test_every_second_frame_is_no_hole(
    tmp_path: Path, frames: str, step: int, missing: str
) -> None:
    files = FrameRange.parse(frames)
    assert usual_step(files) == step
    found, notices = look(tmp_path, "a.%d.exr", *(f"a.{n}.exr" for n in files))
    assert FrameRange.parse(found) == files
    assert [n.code for n in notices] == ["plate-step"] * (step > 1) + ["plate-hole"] * bool(missing)
    assert [n.frames for n in notices if n.code == "plate-hole"] == [missing] * bool(missing)


def test_numbers_far_apart_take_no_time(tmp_path: Path) -> None:
    numbers = (1, 2, 3, 500_000_000, 999_999_999)
    _, notices = look(tmp_path, "a.%d.exr", *(f"a.{n}.exr" for n in numbers))
    assert "5 frames, but their numbers run from 1 to 999999999" in said(notices)


def test_empty_files(tmp_path: Path) -> None:
    names = [f"a.{n}.exr" for n in range(1001, 1005)]
    frames, notices = look(tmp_path, "a.####.exr", *names, empty="a.1003.exr")
    assert frames == "1001-1002,1004"
    assert [(n.code, n.frames) for n in notices] == [("plate-empty-file", "1003")]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(FrameReadError, match="every file of the plate is empty: 4 of 0 bytes"):
        look(tmp_path, "a.####.exr")


@pytest.mark.parametrize(
    ("other", "frames"),
    [("a.01001.exr", "1001"), ("a.1001.EXR", "1001"), ("A.1002.exr", "1002"),
     ("a.-0005.exr", "-5"), ("a. 1001.exr", "1001"), ("a.+1001.exr", "1001")],
)  # fmt: skip
def test_two_files_for_one_frame(tmp_path: Path, other: str, frames: str) -> None:
    files = ["a.-006.exr", "a.-005.exr", "a.1001.exr", "a.1002.exr"]
    _, notices = look(tmp_path, "a.####.exr", *files, other)
    found = [n for n in notices if n.code == "plate-two-files"]
    assert [n.frames for n in found] == [frames]
    assert other in found[0].message


@pytest.mark.parametrize("pattern", ["a_####.png", "a_%04d.png", "a_$F4.png"])
@pytest.mark.parametrize("spelling", ["a_-0002.png", "a_-002.png"])
def test_negative_numbers_in_both_spellings(tmp_path: Path, pattern: str, spelling: str) -> None:
    names = [spelling, spelling.replace("2", "1"), "a_0000.png", "a_0001.png"]
    assert look(tmp_path, pattern, *names) == ("-2-1", [])


def test_the_hyphen_may_be_a_separator(tmp_path: Path) -> None:
    names = [f"sh-{n}.png" for n in (1001, 1002)]
    assert look(tmp_path, "sh-####.png", *names) == ("1001-1002", [])
    frames, notices = look(tmp_path, "sh####.png")
    assert frames == "-1002--1001"
    assert "write sh-####.png" in said(notices)


def test_mixed_padding(tmp_path: Path) -> None:
    names = [f"sh.{n}.png" for n in range(998, 1002)]
    frames, notices = look(tmp_path, "sh.####.png", *names)
    assert frames == "1000-1001"
    assert "sh.998.png and sh.999.png look like frames of this plate" in said(notices)
    assert "sh.###.png takes them too" in said(notices)
    assert look(tmp_path, "sh.###.png") == ("998-1001", [])


def test_what_cannot_be_a_frame_is_named(tmp_path: Path) -> None:
    files = ["a.1001.exr", "a.1001.5.exr", "a.1700000000000.exr", "a.١٢.exr", "A.1002.EXR"]
    (tmp_path / "a.1003.exr").mkdir()
    (tmp_path / "a.1004.exr").symlink_to(tmp_path / "lost.exr")
    frames, notices = look(tmp_path, "a.####.exr", *files, "a.1005.exr.tmp", ".a.1006.exr.Xa81bQ")
    assert frames == "1001"
    for name in (*files[1:], "a.1003.exr", "a.1004.exr", "a.1005.exr.tmp", ".a.1006.exr.Xa81bQ"):
        assert name in said(notices)


def test_many_files_are_named_by_their_range(tmp_path: Path) -> None:
    names = [f"a.{n}.exr" for n in range(900, 1001)]
    _, notices = look(tmp_path, "a.####.exr", *names)
    assert notices[0].frames == "900-999"
    assert "and 95 more look like frames" in said(notices)
    assert len(said(notices)) < 500


_PARTS = st.sampled_from(["", "0", "00", "-", "-0", "-00", "+", " "])
_NUMBERS = st.integers(-(10**12), 10**12) | st.integers(-20, 20)
_STEMS = st.sampled_from(
    ["sh.", "SH.", "sh_", "caf\u00e9.", unicodedata.normalize("NFD", "caf\u00e9.")]
)
_ENDS = st.sampled_from([".exr", ".EXR", ".exr.tmp", ".png", ""])
_NAMES = st.tuples(_STEMS, _PARTS, _NUMBERS, _ENDS).map(lambda t: f"{t[0]}{t[1]}{t[2]}{t[3]}")

_LETTERS = string.ascii_letters + string.digits + ".-#%"


@example(names={"sh.0.EXR", "sh.1000000000.exr"}, stem="sh.", token="#", end=".exr")
@given(
    names=st.sets(
        _NAMES | st.text(string.ascii_letters + string.digits + ".-#%", max_size=9), max_size=6
    ),
    stem=_STEMS,
    token=st.sampled_from(["#", "##", "####", "%d", "%04d", "%010d", "$F", "$F4"]),
    end=st.sampled_from([".exr", ".EXR", ".png"]),
)
def test_every_file_that_looks_like_a_frame_is_used_or_named(
    names: set[str], stem: str, token: str, end: str
) -> None:
    looks = re.compile(rf"(?i){re.escape(plain(stem))}\s*[-+]?\d+{re.escape(end)}(\.tmp)?")
    alike = {name for name in names if looks.fullmatch(plain(name))}
    with tempfile.TemporaryDirectory() as folder:
        for name in names - {"", ".", ".."}:
            (Path(folder) / name).write_bytes(b"x")
        try:
            pattern = read_pattern(Path(folder) / (stem + token + end), view=None, start_frame=1)
            files = look_for(pattern)
        except FrameReadError as error:
            # Nothing is used: an error, which names the patterns that are there.
            assert not alike or "the folder has" in str(error)
            return
        used = {pattern.path(frame).name for frame in files.frames}
        assert used <= names
        words = said(list(notices_of(pattern, files)))
        for name in alike - used:
            assert " ".join(name.split()) in words, (name, words)
        assert FrameRange.parse(str(files.frames)) == files.frames


def plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def test_a_still_is_not_looked_around_for(tmp_path: Path) -> None:
    (tmp_path / "a.1001.exr").write_bytes(b"x")
    pattern = read_pattern(tmp_path / "a.1001.exr", view=None, start_frame=1)
    assert look_for(pattern) == SequenceFiles(FrameRange.of([1001]))
