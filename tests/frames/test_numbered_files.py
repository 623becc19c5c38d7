"""Numbered files: what is a number, what a minus, what belongs to a file system."""

from __future__ import annotations

from pathlib import Path

import pytest

from vimatte.errors import FrameReadError
from vimatte.frames.numbered_files import files_between, list_folder, number_of


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["mask.1001.png", "mask.1002.png"], {"mask.#.png": [1001, 1002]}),
        (["mask-1001.png", "mask-1002.png"], {"mask-#.png": [1001, 1002]}),
        (["sh010-1001.png"], {"sh010-#.png": [1001]}),
        (["1001.png", "1002.png"], {"#.png": [1001, 1002]}),
        (["m_-0002.exr", "m_-001.exr", "m_0000.exr"], {"m_#.exr": [-2, -1, 0]}),
        (["m.-2.exr", "m.-1.exr"], {"m.#.exr": [-2, -1]}),
        (["-2.png", "-1.png", "0.png"], {"#.png": [-2, -1, 0]}),
        (["m-0001.png", "m0000.png", "m0001.png"], {"m#.png": [-1, 0, 1]}),
        (["mask--2.png", "mask-1.png"], {"mask-#.png": [-2, 1]}),
        (["m.998.png", "m.1000.png", "m.0999.png"], {"m.#.png": [998, 999, 1000]}),
        (["m.1.PNG", "m.2.png"], {"m.#.png": [1, 2]}),
        ([".1001.png", ".1002.png"], {".#.png": [1001, 1002]}),
        (["m.12345678901234.png"], {"m.#.png": [12345678901234]}),
        (["a.1.png", "b.1.png"], {"a.#.png": [1], "b.#.png": [1]}),
    ],
)
def test_sequences(tmp_path: Path, names: list[str], found: dict[str, list[int]]) -> None:
    inside = list_folder(touch(tmp_path, *names))
    assert {each.name: list(each.files) for each in inside.sequences} == found
    for each in inside.sequences:
        assert sorted(path.name for path in each.files.values()) == sorted(
            name for name in names if name.startswith(each.prefix.rstrip("-"))
        )


def test_everything_else_is_listed_too(tmp_path: Path) -> None:
    touch(tmp_path, "m.1.png", "m.01.png", "still.png", "notes.txt", "m.0123456789012345678.png")
    (tmp_path / "sub").mkdir()
    inside = list_folder(tmp_path)
    assert [path.name for path in inside.stills] == ["m.0123456789012345678.png", "still.png"]
    assert [path.name for path in inside.others] == ["notes.txt"]
    assert [path.name for path in inside.folders] == ["sub"]
    (sequence,) = inside.sequences
    assert [path.name for path in sequence.doubled] == ["m.1.png"]


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "._m.1001.png", "Thumbs.db", "desktop.ini", "__MACOSX", "@eaDir", "lost+found",
     "$RECYCLE.BIN", ".AppleDouble", "System Volume Information", "#recycle"],
)  # fmt: skip
def test_what_systems_leave_is_nobodys(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "m.1001.png")
    touch(tmp_path / name, "x.1.png") if "." not in name[1:] else touch(tmp_path, name)
    inside = list_folder(tmp_path)
    assert [each.name for each in inside.sequences] == ["m.#.png"]
    assert not (inside.stills or inside.others or inside.folders)


def test_a_pattern_takes_its_own_spelling_first(tmp_path: Path) -> None:
    touch(tmp_path, "m.7.png", "m.0007.png", "m.8.png", "m.-0002.png", "other.7.png", "m.x.png")
    found = files_between(tmp_path, "m.", ".png", 4)
    assert {number: path.name for number, path in found.files.items()} == {
        -2: "m.-0002.png",
        7: "m.0007.png",
        8: "m.8.png",
    }
    assert [path.name for path in found.doubled] == ["m.7.png"]


def test_numbers_move(tmp_path: Path) -> None:
    (sequence,) = list_folder(touch(tmp_path, "m.0.png", "m.1.png")).sequences
    assert str(sequence.moved(1001).frames) == "1001-1002"
    assert sequence.moved(0) is sequence


@pytest.mark.parametrize(
    ("name", "number"),
    [("m.0007.png", 7), ("m-7.png", 7), ("m_-7.png", -7), ("still.png", None), ("7", None)],
)
def test_the_number_of_one_file(name: str, number: int | None) -> None:
    assert number_of(name) == number


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FrameReadError, match="cannot list"):
        list_folder(tmp_path / "gone")
