"""Listing, verifying and pruning: what is unused goes first, and only what is ours."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from vimatte.cache import manage
from vimatte.cache.folders import MARKER
from vimatte.cache.store import FrameStore
from vimatte.errors import CacheError

OLD = 1e9


def fill(root: Path, shot: str, kind: str, age: float) -> FrameStore:
    """Three frames of about 4 kB each, last used at ``OLD - age``."""
    store = FrameStore(root, shot, kind, {})
    for frame in (3, 1, 2):
        noise = np.random.default_rng(frame).integers(0, 255, 4000).astype(np.uint8)
        store.save(frame, {"x": noise}, {})
        os.utime(store.path(frame), (OLD - age - frame,) * 2)
    os.utime(store.folder / MARKER, (OLD - age,) * 2)
    return store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "cache"
    for shot, kind, age in (("a", "states", 300), ("a", "mattes", 100), ("b", "mattes", 200)):
        fill(root, shot, kind, age)
    (root / "a" / "notes").mkdir()
    (root / "a" / "notes" / "00000001.safetensors").write_text("mine")
    (root / "readme.txt").write_text("mine")
    return root


def names(root: Path) -> list[tuple[str, str, int]]:
    return [(e.shot, e.kind, e.frames) for e in manage.ls(root)]


def test_ls_names_the_last_used_first(root: Path) -> None:
    entries = manage.ls(root)
    assert names(root) == [("a", "mattes", 3), ("b", "mattes", 3), ("a", "states", 3)]
    assert all(12_000 < e.bytes < 14_000 for e in entries)
    assert [e.used for e in entries] == [OLD - 100, OLD - 200, OLD - 300]
    assert entries[0].fingerprint == FrameStore(root, "a", "mattes", {}).fingerprint


def test_reading_is_using(root: Path) -> None:
    FrameStore(root, "a", "states", {}).load(1)
    assert names(root)[0] == ("a", "states", 3)


def test_prune_frees_no_more_than_it_must(root: Path) -> None:
    total = sum(e.bytes for e in manage.ls(root))
    assert manage.prune(root, total) == 0
    assert 4000 < manage.prune(root, total - 1) < 5000
    assert names(root)[-1] == ("a", "states", 2)
    assert FrameStore(root, "a", "states", {}).frames() == [1, 2]  # 3 was written before them
    freed = manage.prune(root, total // 2)
    assert names(root) == [("a", "mattes", 3), ("b", "mattes", 1)]
    assert freed > 4000
    assert sum(e.bytes for e in manage.ls(root)) <= total // 2


def test_prune_takes_all_that_is_ours_and_nothing_else(root: Path) -> None:
    manage.prune(root, 0)
    assert manage.ls(root) == []
    left = {str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir()}
    assert left == {"a/.vimatte-cache", "a/notes/00000001.safetensors", "readme.txt", MARKER}


def test_folders_without_marker_and_links_are_left_alone(root: Path, tmp_path: Path) -> None:
    unmarked = FrameStore(root, "a", "states", {}).folder
    (unmarked / MARKER).unlink()
    other = fill(tmp_path / "other", "c", "mattes", 999)
    (root / "linked").symlink_to(other.folder.parent)
    (root / "b" / other.folder.name.replace("mattes", "linked")).symlink_to(other.folder)
    assert names(root) == [("a", "mattes", 3), ("b", "mattes", 3)]
    manage.prune(root, 0)
    assert len(list(unmarked.iterdir())) == 4
    assert other.frames() == [1, 2, 3]


def test_verify_names_the_corrupt_file(root: Path) -> None:
    assert list(manage.verify(root)) == []
    store = FrameStore(root, "b", "mattes", {})
    content = bytearray(store.path(2).read_bytes())
    content[-1] ^= 1
    store.path(2).write_bytes(content)
    (problem,) = manage.verify(root)
    assert (problem.frame, problem.path) == (2, store.path(2))
    assert str(problem) == f"frame 2: its checksum is wrong | {store.path(2)}"
    assert store.path(2).exists()


def test_no_folder(tmp_path: Path) -> None:
    for call in (manage.ls, lambda path: manage.prune(path, 0), lambda p: list(manage.verify(p))):
        with pytest.raises(CacheError, match="no cache folder"):
            call(tmp_path / "nowhere")
