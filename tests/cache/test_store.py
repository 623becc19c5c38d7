"""The frame store: what is saved comes back, what is broken never does, whoever else is at it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from vimatte.cache import manage
from vimatte.cache.folders import MARKER
from vimatte.cache.store import FrameStore
from vimatte.errors import CacheError

ARRAYS = {
    "alpha": np.linspace(0, 1, 12, dtype=np.float16).reshape(3, 4),
    "bits": np.array([[True, False]]),
    "bytes": np.arange(5, dtype=np.uint8),
    "window": np.array([-1, 2, 3], np.int32),
    "none": np.zeros((0, 4), np.float32),
}
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX users, limits and signals")
spawn = multiprocessing.get_context("spawn")


def make(root: Path, **settings: object) -> FrameStore:
    return FrameStore(root, "sh010", "mattes", settings)


def same(found: dict[str, np.ndarray] | None, arrays: dict[str, np.ndarray]) -> bool:
    return found is not None and all(np.array_equal(found[name], arrays[name]) for name in arrays)


def test_a_frame_comes_back_with_its_record(tmp_path: Path) -> None:
    store = make(tmp_path)
    for frame in (12, 1001, -3):
        store.save(frame, ARRAYS, {"plate": "a"})
    assert same(store.load(-3, {"plate": "a"}), ARRAYS)
    assert same(store.load(-3), ARRAYS)
    assert store.record(-3) == {"plate": "a"}
    assert store.frames() == [-3, 12, 1001]
    assert store.path(1001).name == "00001001.safetensors"
    store.delete(12)
    store.delete(12)
    assert store.frames() == [-3, 1001]


def test_what_is_missing_or_stale_is_none(tmp_path: Path) -> None:
    store = make(tmp_path)
    assert store.load(1) is None
    assert store.record(1) is None
    assert store.frames() == []
    store.delete(1)
    store.save(1, ARRAYS, {"plate": "a"})
    assert store.load(1, {"plate": "b"}) is None
    assert store.load(1, {}) is None
    assert store.load(1, {"plate": "a", "guidance": "c"}) is None
    store.save(1, {}, {"plate": "b"})
    assert store.load(1, {"plate": "b"}) == {}


def test_nothing_is_written_before_the_first_frame(tmp_path: Path) -> None:
    store = make(tmp_path / "cache")
    store.load(1)
    store.frames()
    assert not (tmp_path / "cache").exists()


def test_the_folder_says_what_it_was_made_with(tmp_path: Path) -> None:
    store = make(tmp_path, segment=48, model="lite")
    store.save(1, {}, {})
    text = (store.folder / "settings.json").read_text()
    assert '"model": "lite"' in text
    assert (store.folder / MARKER).is_file()
    assert make(tmp_path, model="lite", segment=48).load(1) == {}
    assert make(tmp_path, model="lite", segment=24).load(1) is None
    assert FrameStore(tmp_path, "sh020", "mattes", {"model": "lite", "segment": 48}).load(1) is None


def test_a_shots_name_cannot_leave_the_cache(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "cache", "../../etc", "mattes", {})
    store.save(1, {}, {})
    assert store.folder.resolve().is_relative_to(tmp_path / "cache")


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "folder"])
def test_a_corrupt_frame_is_reported_removed_and_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    store = make(tmp_path)
    store.save(7, ARRAYS, {"plate": "a"})
    path, content = store.path(7), bytearray(store.path(7).read_bytes())
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        content[-1] ^= 1
        path.write_bytes({"cut": content[:-9], "flip": content, "empty": b""}[damage])
    with caplog.at_level(logging.WARNING):
        assert store.load(7, {"plate": "a"}) is None
    assert str(path) in caplog.text
    assert store.corrupt == [path]
    if damage != "folder":
        assert not path.exists()
        store.save(7, ARRAYS, {"plate": "a"})
        assert same(store.load(7), ARRAYS)


def test_a_corrupt_head_has_no_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = make(tmp_path)
    store.save(7, ARRAYS, {})
    store.path(7).write_bytes(b"junk")
    with caplog.at_level(logging.WARNING):
        assert store.record(7) is None
    assert store.corrupt == [store.path(7)]


def test_a_pruned_store_can_still_be_written(tmp_path: Path) -> None:
    store = make(tmp_path)
    store.save(1, ARRAYS, {})
    manage.prune(tmp_path, 0)
    assert not store.folder.exists()
    store.save(2, ARRAYS, {})
    assert store.frames() == [2]
    assert (store.folder / MARKER).is_file()


def test_a_cache_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(CacheError, match="cannot be written") as info:
        make(blocked).save(1, ARRAYS, {})
    assert info.value.hint
    assert info.value.frame == 1
    assert info.value.path is not None
    assert str(blocked) in info.value.path


def _save_with_small_files_only(root: str) -> None:
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    noise = np.random.default_rng(0).random(4000)
    _expect_cache_error(Path(root), noise)


def _save_as_nobody(root: str) -> None:
    os.chdir(root)  # a user who may not come here by the full path can still be in it
    if os.geteuid() == 0:
        os.setuid(65534)
    _expect_cache_error(Path(), np.zeros(3))


def _expect_cache_error(root: Path, array: np.ndarray) -> None:
    try:
        make(root).save(1, {"x": array}, {})
    except CacheError as error:
        sys.exit(0 if error.frame == 1 and error.hint and error.path else 2)
    sys.exit(1)


@posix
@pytest.mark.parametrize("save", [_save_with_small_files_only, _save_as_nobody])
def test_what_cannot_be_written_leaves_nothing_half_written(tmp_path: Path, save: object) -> None:
    """A limit on a file's size stops a write half-way, as a full disk does."""
    store = make(tmp_path)
    store.save(2, ARRAYS, {})
    folders = (tmp_path, store.folder.parent, store.folder)
    for folder in folders:
        folder.chmod(0o555 if save is _save_as_nobody else 0o755)
    process = spawn.Process(target=save, args=(str(tmp_path),))
    process.start()
    process.join(60)
    for folder in folders:
        folder.chmod(0o755)
    assert process.exitcode == 0
    assert store.frames() == [2]
    assert {p.name for p in store.folder.iterdir()} == {
        MARKER,
        "settings.json",
        store.path(2).name,
    }


def _write_for_ever(root: str, value: int) -> None:
    store = make(Path(root))
    while True:
        store.save(1, {"x": np.full(200_000, value, np.uint16)}, {"value": str(value)})


@posix
def test_killed_writers_on_one_frame_never_corrupt_it(tmp_path: Path) -> None:
    writers = [spawn.Process(target=_write_for_ever, args=(str(tmp_path), v)) for v in range(2)]
    for writer in writers:
        writer.start()
    store = make(tmp_path)
    seen: set[int] = set()
    end = time.monotonic() + 30
    while len(seen) < 2 and time.monotonic() < end:
        found = store.load(1)
        if found is not None:
            values = np.unique(found["x"])
            assert len(values) == 1
            seen.add(int(values[0]))
    for writer in writers:
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
    assert seen == {0, 1}
    assert store.load(1) is not None
    assert store.corrupt == []
    assert list(manage.verify(tmp_path)) == []


def test_many_threads_share_a_store(tmp_path: Path) -> None:
    store = make(tmp_path)
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for frame in range(8):
                store.save(frame, {"x": np.full(50, frame)}, {"by": str(number)})
                found = store.load(frame)
                assert found is not None
                assert np.all(found["x"] == frame)
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.frames() == list(range(8))
