"""Folders: legal names for any shot, a marker from birth, and nothing deleted that is not ours."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimatte.cache import folders
from vimatte.cache.atomic import temporary_beside
from vimatte.cache.folders import MARKER


@pytest.mark.parametrize("name", ["sh010", "sh010_comp.v2", "A-1"])
def test_a_good_name_stays(name: str) -> None:
    assert folders.shot_folder(name) == name


@given(st.text())
def test_any_shot_has_a_legal_folder_name(shot: str) -> None:
    name = folders.shot_folder(shot)
    assert 0 < len(name) <= 80
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| \0')
    assert not name.startswith(".")
    assert not name.endswith(".")
    assert name.split(".")[0].lower() not in {"con", "nul", "com1", "lpt9"}


def test_two_shots_never_share_a_folder() -> None:
    shots = [
        "a/b",
        "a_b",
        "a b",
        "a:b",
        "../a",
        "a",
        "",
        ".",
        "..",
        "shot",
        "CON",
        "_CON",
        "é",
        "ö",
    ]
    assert len({folders.shot_folder(shot) for shot in shots}) == len(shots)


@given(st.integers(-(10**9), 10**9))
def test_frame_names_round_trip(frame: int) -> None:
    assert folders.frame_of(folders.frame_file(frame)) == frame


@pytest.mark.parametrize("name", ["1.safetensors", "00000001.exr", "x00000001.safetensors", "-"])
def test_other_names_are_no_frames(name: str) -> None:
    assert folders.frame_of(name) is None


def test_a_kind_is_a_name() -> None:
    assert folders.kind_and_fingerprint("people-masks-0123456789abcdef") == (
        "people-masks",
        "0123456789abcdef",
    )
    for kind in ("", "../up", "Upper", "a/b"):
        with pytest.raises(ValueError, match="not a kind"):
            folders.store_folder(kind, "0123456789abcdef")


def test_a_folder_is_made_with_its_marker_and_settings(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folders.make_folder(folder, {"x": 1})
    folders.make_folder(folder, {"x": 2})
    assert sorted(p.name for p in folder.iterdir()) == [MARKER, "settings.json"]
    assert folders.is_ours(folder)
    assert not folders.is_ours(folder.parent)
    assert [p.name for p in folder.parent.iterdir()] == ["b"]


def test_a_folder_that_was_there_is_not_ours(tmp_path: Path) -> None:
    mine = tmp_path / "plates"
    mine.mkdir()
    (mine / "00000001.safetensors").write_text("precious")
    folders.make_folder(mine)
    assert not folders.is_ours(mine)
    with pytest.raises(ValueError, match="no folder of the cache"):
        folders.delete_folder(mine)
    folders.remove_empty(mine)
    assert (mine / "00000001.safetensors").exists()


def test_a_link_is_never_ours(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    folders.make_folder(target)
    link.symlink_to(target)
    with pytest.raises(ValueError, match="no folder of the cache"):
        folders.delete_folder(link)
    assert folders.is_ours(target)


def test_deleting_leaves_the_files_of_others(tmp_path: Path) -> None:
    folder = tmp_path / "mattes-0123456789abcdef"
    folders.make_folder(folder, {})
    (folder / folders.frame_file(1)).write_bytes(b"12345")
    (folder / "notes.txt").write_text("mine")
    (folder / "sub").mkdir()
    (folder / folders.frame_file(2)).symlink_to(folder / "notes.txt")
    assert folders.delete_folder(folder) >= 5
    assert sorted(p.name for p in folder.iterdir()) == [
        MARKER,
        folders.frame_file(2),
        "notes.txt",
        "sub",
    ]


def test_what_another_node_writes_stays_whatever_its_clock(tmp_path: Path) -> None:
    """On some shared disks a file carries the clock of the node that wrote it."""
    now = time.time()
    for number, hours in enumerate((-1, 0, 1)):
        path = temporary_beside(tmp_path / f"x{number}")
        path.write_text("half")
        os.utime(path, (now + 3600 * hours,) * 2)
    folders.remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_leftovers_go_when_they_are_old(tmp_path: Path) -> None:
    young, old, made, empty = (temporary_beside(tmp_path / f"x{n}") for n in range(4))
    others = tmp_path / ".others.tmp"
    for path in (young, old, others):
        path.write_text("")
    folders.make_folder(made, {})
    empty.mkdir()
    for path in (old, others, made, empty):
        os.utime(path, (0, 0))
    folders.remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == {young, others}
    folders.remove_leftovers(tmp_path / "nowhere")
