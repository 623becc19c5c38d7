from __future__ import annotations

from pathlib import Path

import pytest

from vimatte.errors import FrameReadError
from vimatte.frames.file_pattern import legal_stem, read_pattern


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
    assert found(tmp_path / pattern) == ([-3, 7, 1001, 1002, 1005, 12345], "sh010")


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
