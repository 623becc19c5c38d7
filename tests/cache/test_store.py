"""The frame store: what is saved comes back, and what is broken never does."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vimatte.cache.fingerprint import arrays_digest, fingerprint
from vimatte.cache.store import MARKER, FrameStore, remove_stale, safe_name
from vimatte.errors import CacheError

ARRAYS = {
    "half": np.linspace(0, 1, 12, dtype=np.float16).reshape(3, 4),
    "bits": np.array([[True, False]]),
    "bytes": np.arange(5, dtype=np.uint8),
    "window": np.array([-1, 2, 3], np.int32),
    "float": np.zeros((0, 4), np.float32),
}


def make(root: Path, **settings_: object) -> FrameStore:
    return FrameStore(root, "sh010", "mattes", settings_)


def test_a_frame_comes_back_with_its_record(tmp_path: Path) -> None:
    store = make(tmp_path)
    store.save(-3, ARRAYS, {"plate": "a"})
    found = store.load(-3, {"plate": "a"})
    assert found is not None
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    assert store.record(-3) == {"plate": "a"}
    assert store.load(-3, {"plate": "b"}) is None
    assert store.load(4) is None
    assert store.record(4) is None
    assert store.frames() == [-3]
    assert (store.folder / MARKER).exists()


def test_settings_make_the_folder(tmp_path: Path) -> None:
    assert make(tmp_path, a=1, b=2).folder == make(tmp_path, b=2, a=1).folder
    assert make(tmp_path, a=1).folder != make(tmp_path, a=2).folder
    with pytest.raises(ValueError):
        fingerprint({"a": float("nan")})


def test_arrays_digest_sees_type_shape_and_bytes() -> None:
    base = {"a": np.zeros(4, np.uint8)}
    others = [{"b": base["a"]}, {"a": np.zeros((2, 2), np.uint8)}, {"a": np.ones(4, np.uint8)}]
    assert arrays_digest(base) == arrays_digest({"a": np.zeros(4, np.uint8)})
    assert len({arrays_digest(x) for x in [base, *others]}) == 4


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_flipped_bit_and_any_truncation_is_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: st.DataObject
) -> None:
    store = make(tmp_path)
    store.save(1, ARRAYS, {"plate": "a"})
    path = store.path(1)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= 1 << data.draw(st.integers(0, 7))
    else:
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        found = store.load(1, {"plate": "a"})
    # A flip in padding or in unused metadata may leave the content whole; it is never wrong.
    if found is not None:
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array)
    else:
        assert store.load(1) is None or not store.corrupt


def test_a_corrupt_frame_is_reported_and_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = make(tmp_path)
    store.save(7, ARRAYS, {})
    store.path(7).write_bytes(store.path(7).read_bytes()[:-9])
    with caplog.at_level(logging.WARNING):
        assert store.load(7) is None
    assert "frame 7" in caplog.text
    assert store.corrupt == [store.path(7)]
    assert not store.path(7).exists()


def test_an_unwritable_cache_is_one_clear_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(CacheError, match="cannot make the cache") as info:
        make(blocked).save(1, ARRAYS, {})
    assert info.value.hint


def _fill(root: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = make(Path(root))
    try:
        store.save(1, {"x": np.random.default_rng(0).random(4000).astype(np.float32)}, {})
    except CacheError as error:
        os._exit(5 if error.frame == 1 else 1)
    os._exit(0)


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    store = make(tmp_path)
    store.save(2, ARRAYS, {})
    process = multiprocessing.get_context("spawn").Process(target=_fill, args=(str(tmp_path),))
    process.start()
    process.join(60)
    assert process.exitcode == 5
    assert store.frames() == [2]
    assert [p.name for p in store.folder.iterdir() if p.name.endswith(".tmp")] == []


def _write_many(root: str, value: int) -> None:
    store = make(Path(root))
    for _ in range(30):
        store.save(1, {"x": np.full(3000, value, np.uint8)}, {"value": str(value)})


def test_two_processes_on_one_frame_never_corrupt_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(str(tmp_path), v)) for v in (1, 2)]
    for writer in writers:
        writer.start()
    store = make(tmp_path)
    seen = 0
    while any(writer.is_alive() for writer in writers):
        found = store.load(1)
        if found is not None:
            seen += 1
            assert len(np.unique(found["x"])) == 1
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert seen
    assert store.corrupt == []


def test_stale_temporary_files_are_removed(tmp_path: Path) -> None:
    store = make(tmp_path)
    store.save(1, ARRAYS, {})
    old, new = store.folder / ".old.tmp", store.folder / ".new.tmp"
    old.write_text("")
    new.write_text("")
    os.utime(old, (0, 0))
    remove_stale(store.folder)
    assert not old.exists()
    assert new.exists()


@given(st.text(max_size=100))
def test_safe_names_stay_in_their_folder(text: str) -> None:
    name = safe_name(text)
    assert name
    assert "/" not in name
    assert "\\" not in name
    assert not name.startswith(".")
    assert Path("x", name).parent == Path("x")
