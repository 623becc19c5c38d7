"""Listing, verifying and pruning: the oldest goes first, and only what is ours."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from vimatte.cache import manage
from vimatte.cache.store import FrameStore
from vimatte.errors import CacheError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for age, kind in ((100, "states"), (50, "mattes")):
        store = FrameStore(tmp_path, "sh010", kind, {})
        for frame in (1, 2):
            store.save(frame, {"x": rng.integers(0, 255, 4000).astype(np.uint8)}, {})
            os.utime(store.path(frame), (1e9 - age - frame, 1e9 - age - frame))
    (tmp_path / "sh010" / "notes").mkdir()
    (tmp_path / "sh010" / "notes" / "000000001.safetensors").write_text("mine")
    return tmp_path


def test_ls(root: Path) -> None:
    entries = manage.ls(root)
    assert [(e.kind, e.frames) for e in entries] == [("mattes", 2), ("states", 2)]
    assert all(e.bytes > 4000 for e in entries)


def test_prune_takes_the_oldest_and_leaves_what_is_not_ours(root: Path) -> None:
    total = sum(e.bytes for e in manage.ls(root))
    removed = manage.prune(root, total // 2)
    assert removed >= total // 2 - 100
    assert [e.kind for e in manage.ls(root)] == ["mattes"]
    manage.prune(root, 0)
    assert manage.ls(root) == []
    assert (root / "sh010" / "notes" / "000000001.safetensors").read_text() == "mine"


def test_verify_names_the_corrupt_file(root: Path) -> None:
    assert list(manage.verify(root)) == []
    path = manage.ls(root)[0].folder / "000000002.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    problems = list(manage.verify(root))
    assert len(problems) == 1
    assert "frame 2" in problems[0]


def test_no_folder(tmp_path: Path) -> None:
    for call in (manage.ls, lambda p: manage.prune(p, 0)):
        with pytest.raises(CacheError, match="no cache folder"):
            call(tmp_path / "nowhere")
