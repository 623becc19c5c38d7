"""A run within a cache limit: the same bytes, its masks and mattes kept, states given up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests_session_support import Discs

from vimatte.cache import manage
from vimatte.cache.store import FrameStore
from vimatte.frames.frame_range import FrameRange
from vimatte.session import MatteSession, cache_limit
from vimatte.session.cache_limit import CacheLimit
from vimatte.session.publishing import PublishOptions, open_publisher, publishing

Make = Callable[..., MatteSession]


def publish(session: MatteSession, out: Path, limit: CacheLimit | None = None) -> int:
    """Return how many frames were computed."""
    session.ready()
    publisher = open_publisher(session, out, PublishOptions())
    computed = 0
    for result in publishing(session, publisher):
        computed += not result.cached
        if limit is not None:
            limit.finished(result.frame)
    return computed


def files(folder: Path, pattern: str) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.glob(pattern))}


def size(cache: Path) -> int:
    return sum(entry.bytes for entry in manage.ls(cache))


def test_a_run_within_a_limit(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_limit, "EVERY", 2)
    free = make("free")
    publish(free, tmp_path / "out-free")
    whole = size(tmp_path / "free")
    states = sum(e.bytes for e in manage.ls(tmp_path / "free") if e.kind == "states")
    bound = whole - states // 2

    # Another shot's frames lie in the same cache, long unused.
    FrameStore(tmp_path / "tight", "other", "mattes", {}).save(1, {"x": np.zeros(90_000)}, {})
    session = make("tight")
    session.ready()
    limit = CacheLimit(session, bound)
    limit.look()
    assert publish(session, tmp_path / "out", limit) == 18
    limit.look(1018)
    assert not limit.exceeded
    assert limit.needed == size(tmp_path / "tight") <= bound
    assert limit.freed > 90_000
    kinds = {e.kind: e.frames for e in manage.ls(tmp_path / "tight")}
    assert kinds["mattes"] == kinds["guidance"] == 18
    assert kinds["states"] < 6

    pattern = "v001/exr/*.exr"
    assert files(tmp_path / "out", pattern) == files(tmp_path / "out-free", pattern)
    again = make("tight")
    assert publish(again, tmp_path / "out") == 0


def test_a_correction_after_states_are_gone(make: Make, tmp_path: Path) -> None:
    list(make("free").run())
    session = make("tight")
    session.ready()
    limit = CacheLimit(session, 0)
    publish(session, tmp_path / "out", limit)
    limit.look(1018)
    kept = {e.kind: e.frames for e in manage.ls(tmp_path / "tight")}
    assert kept["mattes"] == 18
    # Those of the last segment stay: it may be taken up in its middle.
    assert session.stores()["states"].frames() == [1014, 1017, 1018]
    assert limit.exceeded
    mattes = session.stores()["mattes"]
    mattes.delete(1011)
    again = make("tight")
    results = list(again.run(FrameRange.of([1011])))
    assert [r.cached for r in results] == [False]
    assert files(tmp_path / "tight", "*/mattes-*/*.safetensors") == files(
        tmp_path / "free", "*/mattes-*/*.safetensors"
    )


def test_of_the_shot_only_old_mattes_and_states_go(make: Make, tmp_path: Path) -> None:
    old = make("tight", provider=Discs(count=1))
    list(old.run())
    session = make("tight")
    session.ready()
    limit = CacheLimit(session, 0)
    limit.look()
    assert [e.kind for e in manage.ls(tmp_path / "tight")] == ["guidance"] * 2
    assert session.stores()["guidance"].frames() == list(session.frames)
