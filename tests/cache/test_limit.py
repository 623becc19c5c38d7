"""Keeping a cache within a limit: nothing that is read, nothing that somebody works on."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from vimatte.cache import manage
from vimatte.cache.folders import MARKER
from vimatte.cache.lease import take
from vimatte.cache.limit import keep_within
from vimatte.cache.store import FrameStore
from vimatte.errors import CacheError

OLD = 1e9


def fill(root: Path, shot: str, kind: str, age: float) -> FrameStore:
    """Three frames of about 4 kB each, last used at ``OLD - age``."""
    store = FrameStore(root, shot, kind, {})
    for frame in (1, 2, 3):
        noise = np.random.default_rng(frame).integers(0, 255, 4000).astype(np.uint8)
        store.save(frame, {"x": noise}, {})
        os.utime(store.path(frame), (OLD - age,) * 2)
    os.utime(store.folder / MARKER, (OLD - age,) * 2)
    return store


def total(root: Path) -> int:
    return sum(entry.bytes for entry in manage.ls(root))


def test_others_go_before_what_can_be_spared(tmp_path: Path) -> None:
    mattes, states = (fill(tmp_path, "a", kind, 300) for kind in ("mattes", "states"))
    older, younger = fill(tmp_path, "b", "mattes", 200), fill(tmp_path, "c", "mattes", 100)
    keep = [mattes.folder, states.folder]
    one = total(tmp_path) // 4

    def no() -> list[Path]:
        pytest.fail("nothing must be spared yet")

    found = keep_within(tmp_path, 4 * one, keep=keep, spare=no)
    assert (found.bytes, found.others, found.spared) == (4 * one, 0, 0)
    found = keep_within(tmp_path, 4 * one - 1, keep=keep, spare=no)
    assert found.bytes == 3 * one == total(tmp_path)
    assert not older.folder.exists()
    assert younger.frames() == [1, 2, 3]
    found = keep_within(
        tmp_path, 2 * one - 1, keep=keep, spare=lambda: [states.path(f) for f in (1, 2)]
    )
    assert not younger.folder.exists()
    assert states.frames() == [2, 3]  # no more than must
    assert found.bytes == total(tmp_path) <= 2 * one - 1
    found = keep_within(tmp_path, 0, keep=keep, spare=lambda: [states.path(2)])
    assert (mattes.frames(), states.frames()) == ([1, 2, 3], [3])
    assert found.bytes == total(tmp_path) > 0


def test_a_shot_in_work_is_left_alone(tmp_path: Path) -> None:
    own, other = fill(tmp_path, "a", "mattes", 0), fill(tmp_path, "b", "mattes", 300)
    lease = take(other.folder / "1.lease")
    assert lease is not None
    with lease:
        keep_within(tmp_path, 0, keep=[own.folder], spare=list)
        assert other.frames() == [1, 2, 3]
    keep_within(tmp_path, 0, keep=[own.folder], spare=list)
    assert not other.folder.exists()
    assert own.frames() == [1, 2, 3]


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    fill(tmp_path, "b", "mattes", 300)
    (tmp_path / "b" / "notes").mkdir()
    (tmp_path / "b" / "notes" / "00000001.safetensors").write_text("mine")
    (tmp_path / "mine.txt").write_text("mine")
    keep_within(tmp_path, 0, keep=[], spare=list)
    assert (tmp_path / "b" / "notes" / "00000001.safetensors").exists()
    assert (tmp_path / "mine.txt").exists()


def test_no_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="no cache folder"):
        keep_within(tmp_path / "none", 0, keep=[], spare=list)
