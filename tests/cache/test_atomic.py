from __future__ import annotations

import os
from pathlib import Path

import pytest

from vimatte.cache.atomic import write_atomically


@pytest.mark.parametrize("kept", [0, 1, 99])
def test_a_disk_that_keeps_only_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Some network disks take everything, and have less when the file is flushed."""
    flush = os.fsync

    def loses(handle: int) -> None:
        flush(handle)
        os.ftruncate(handle, kept)

    (tmp_path / "a.json").write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", loses)
    with pytest.raises(OSError, match="only a part"):
        write_atomically(tmp_path / "a.json", bytes(100))
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"before"
