from __future__ import annotations

from pathlib import Path

import pytest

from vimatte.errors import FrameReadError, InputError
from vimatte.frames.file_pattern import has_view_token, legal_stem, read_pattern


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def found(path: Path, view: str | None = None) -> tuple[list[int], str]:
    pattern = read_pattern(path, view=view, start_frame=1)
    frames = pattern.find()
    assert all(pattern.path(frame).is_file() for frame in frames)
    return list(frames), pattern.name


@pytest.mark.parametrize("pattern", ["sh010.####.exr", "sh010.%04d.exr"])
def test_numbers_with_padding(tmp_path: Path, pattern: str) -> None:
    touch(tmp_path, "sh010.1001.exr", "sh010.1002.exr", "sh010.1005.exr", "sh010.12345.exr")
    touch(tmp_path, "sh010.7.exr", "sh010.007.exr", "sh010.0007.exr", "sh010.00008.exr")
    touch(tmp_path, "sh010.1003.exr.tmp", "sh010.100a.exr", "xsh010.1009.exr", "sh010.-003.exr")
    touch(tmp_path, "sh010.-0004.exr", "sh010.-00005.exr", "sh010.-06.exr", "sh010.-0000.exr")
    assert found(tmp_path / pattern) == ([-4, -3, 7, 1001, 1002, 1005, 12345], "sh010")


@pytest.mark.parametrize("pattern", ["a_#.png", "a_%d.png"])
def test_numbers_without_padding(tmp_path: Path, pattern: str) -> None:
    touch(tmp_path, "a_1.png", "a_10.png", "a_02.png")
    assert found(tmp_path / pattern) == ([1, 10], "a")


def test_name_without_a_stem(tmp_path: Path) -> None:
    touch(tmp_path, "0001.png", "0002.beauty.png")
    assert found(tmp_path / "####.png") == ([1], "plate")
    assert found(tmp_path / "####.beauty.png") == ([2], "beauty")


def test_still(tmp_path: Path) -> None:
    touch(tmp_path, "photo.png", "sh010.1001.exr", "we#ird 50%.png")
    pattern = read_pattern(tmp_path / "photo.png", view=None, start_frame=5)
    assert (list(pattern.find()), pattern.name) == ([5], "photo")
    assert found(tmp_path / "sh010.1001.exr") == ([1001], "sh010")
    assert found(tmp_path / "we#ird 50%.png") == ([1], "we_ird_50")


def test_views_by_token(tmp_path: Path) -> None:
    touch(tmp_path, "left/a.l.0001.exr", "right/a.r.0001.exr", "right/a.r.0002.exr")
    path = tmp_path / "%V" / "a.%v.####.exr"
    assert found(path, "left") == ([1], "a.l")
    assert found(path, "right") == ([1, 2], "a.r")
    assert found(path, "r") == ([1, 2], "a.r")
    with pytest.raises(FrameReadError, match=r"two views.*--view left"):
        found(path)


def test_the_only_view_needs_no_name(tmp_path: Path) -> None:
    touch(tmp_path, "a.right.0001.exr")
    assert found(tmp_path / "a.%V.####.exr") == ([1], "a.right")
    with pytest.raises(FrameReadError, match="no file of a left or right view"):
        found(tmp_path / "b.%V.####.exr")
    with pytest.raises(FrameReadError, match="no file matches"):
        found(tmp_path / "a.%V.####.exr", "left")


@pytest.mark.parametrize("view", ["../x", "", "a b", "x" * 100])
def test_a_view_is_a_plain_name(tmp_path: Path, view: str) -> None:
    with pytest.raises(FrameReadError, match="not a view name"):
        read_pattern(tmp_path / "a.%V.####.exr", view=view, start_frame=1)


@pytest.mark.parametrize("folder", ["50%video", "100%Vfx", "left %v"])
def test_a_folder_may_be_called_like_a_view_token(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, f"{folder}/a.1001.exr", f"{folder}/right/b.r.1001.exr", f"{folder}/100%v.1.exr")
    assert found(tmp_path / folder / "a.####.exr") == ([1001], "a")
    assert found(tmp_path / folder / "a.####.exr", "left") == ([1001], "a")
    assert found(tmp_path / folder / "%V" / "b.%v.####.exr") == ([1001], "b.r")
    assert found(tmp_path / folder / "100%v.#.exr")[0] == [1]
    assert not has_view_token(tmp_path / folder / "a.####.exr")
    assert has_view_token(tmp_path / folder / "%V" / "b.%v.####.exr")


def test_the_group_that_has_files_is_the_number(tmp_path: Path) -> None:
    touch(tmp_path, "comp#2_v001.1001.exr", "comp#2_v001.1002.exr")
    touch(tmp_path, "x#.1.exr", "x2.#.exr")
    assert found(tmp_path / "comp#2_v001.####.exr") == ([1001, 1002], "comp_2_v001")
    with pytest.raises(FrameReadError, match="more than one frame number"):
        found(tmp_path / "x#.#.exr")  # both would do


def test_a_number_in_a_folders_name(tmp_path: Path) -> None:
    touch(tmp_path, "sh.1001/sh.1001.exr", "take#2/sh.1001.exr", "sh_1002/a.0001.exr")
    assert found(tmp_path / "sh.1001" / "sh.####.exr") == ([1001], "sh")
    assert found(tmp_path / "take#2" / "sh.####.exr") == ([1001], "sh")
    with pytest.raises(FrameReadError, match="a folder of the plate's path has a frame number"):
        found(tmp_path / "sh.####" / "sh.####.exr")


def test_ten_digits_and_more(tmp_path: Path) -> None:
    touch(tmp_path, "a.0000001001.exr", "a.1700000000000.exr", "b.1700000000.exr")
    assert found(tmp_path / "a.%010d.exr") == ([1001], "a")
    with pytest.raises(FrameReadError, match=r"no file matches.*numbers go from -999999999 to 9"):
        found(tmp_path / "b.##########.exr")


@pytest.mark.parametrize("path", ["", " ", "\t"])
def test_an_empty_path_is_no_path(path: str) -> None:
    with pytest.raises(InputError, match="an empty path is no path"):
        read_pattern(path, view=None, start_frame=1)


def test_near_misses_come_first(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{letter}.0001.jpg" for letter in "abcdefgh"), "SH010_main.001.exr")
    with pytest.raises(FrameReadError, match=r"has SH010_main\.###\.exr, "):
        found(tmp_path / "sh010_main.####.exr")
    with pytest.raises(FrameReadError, match=r"belongs into --frames: --frames 1-10"):
        found(tmp_path / "SH010_main.###.exr 1-10")


def test_nothing_matches(tmp_path: Path) -> None:
    touch(tmp_path, "sh010.1001.exr", "sh010.1002.exr", "notes.txt")
    with pytest.raises(FrameReadError, match=r"no file matches.*sh011.*sh010\.####\.exr") as caught:
        found(tmp_path / "sh011.####.exr")
    assert caught.value.path == str(tmp_path / "sh011.####.exr")
    with pytest.raises(FrameReadError, match="no such file"):
        found(tmp_path / "sh011.exr")
    with pytest.raises(FrameReadError, match="no such folder"):
        found(tmp_path / "nowhere" / "sh011.####.exr")
    with pytest.raises(FrameReadError, match=r"is a folder.*sh010\.####\.exr"):
        found(tmp_path)
    with pytest.raises(FrameReadError, match="more than one frame number"):
        found(tmp_path / "a.####.%04d.exr")


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("sh010.", "sh010"),
        ("a b/c", "a_b_c"),
        ("..", "plate"),
        ("CON", "plate_CON"),
        ("Привет", "plate"),
        ("x" * 300, "x" * 100),
    ],
)
def test_legal_stem(text: str, stem: str) -> None:
    assert legal_stem(text) == stem
