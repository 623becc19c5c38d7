from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from vimatte.errors import CacheError, FrameReadError
from vimatte.frames.digest_cache import DigestCache


def old_file(path: Path, content: bytes, seconds: int = 1_000_000) -> Path:
    path.write_bytes(content)
    os.utime(path, (seconds, seconds))
    return path


def content_digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def test_digest_of_content(tmp_path: Path) -> None:
    digests = DigestCache()
    for content in (b"", b"one", bytes(3_000_000)):
        assert digests.digest(old_file(tmp_path / "f", content)) == content_digest(content)


def test_second_run_reads_no_file_again(tmp_path: Path) -> None:
    file = old_file(tmp_path / "f", b"one")
    first = DigestCache(tmp_path / "digests")
    made = first.digest(file)
    first.save()
    # Same size and time, other content: only who reads the file again could notice.
    with file.open("r+b") as handle:
        handle.write(b"two")
    os.utime(file, (1_000_000, 1_000_000))
    assert DigestCache(tmp_path / "digests").digest(file) == made
    assert DigestCache().digest(file) == content_digest(b"two")


@pytest.mark.parametrize("how", ["size", "time", "file"])
def test_changed_file_is_hashed_again(tmp_path: Path, how: str) -> None:
    file = old_file(tmp_path / "f", b"one")
    digests = DigestCache(tmp_path / "digests")
    digests.digest(file)
    if how == "size":
        old_file(file, b"four")
    elif how == "time":
        old_file(file, b"two", 1_000_001)
    else:
        old_file(tmp_path / "g", b"two").replace(file)
    assert digests.digest(file) == content_digest(file.read_bytes())


def test_fresh_file_is_not_trusted_by_its_time(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"one")
    digests = DigestCache()
    digests.digest(file)
    status = file.stat()
    with file.open("r+b") as handle:
        handle.write(b"two")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digests.digest(file) == content_digest(b"two")


def test_two_runs_keep_each_others_entries(tmp_path: Path) -> None:
    files = [old_file(tmp_path / name, name.encode()) for name in ("a", "b")]
    runs = [DigestCache(tmp_path / "digests") for _ in files]
    for run, file in zip(runs, files, strict=True):
        run.digest(file)
    for run in runs:
        run.save()
    saved = json.loads((tmp_path / "digests").read_text())
    assert {Path(name).name for name in saved["files"]} == {"a", "b"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "digests"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"schema": 1}', '{"schema": 1, "files": {"f": [1, 2]}}',
     '{"schema": 1, "files": {"f": [1, 2, 3, "../x"]}}', "\0\xff"],
)  # fmt: skip
def test_damaged_file_only_costs_time(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "digests").write_bytes(text.encode("latin-1"))
    file = old_file(tmp_path / "f", b"one")
    digests = DigestCache(tmp_path / "digests")
    assert "hashed again" in caplog.text
    assert digests.digest(file) == content_digest(b"one")
    digests.save()
    assert DigestCache(tmp_path / "digests").digest(file) == content_digest(b"one")


def test_other_schema_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "digests").write_text('{"schema": 99, "files": 5}')
    file = old_file(tmp_path / "f", b"one")
    assert DigestCache(tmp_path / "digests").digest(file) == content_digest(b"one")


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(FrameReadError, match="missing"):
        DigestCache().digest(tmp_path / "nope")
    with pytest.raises(FrameReadError, match="cannot read the file"):
        DigestCache().digest(tmp_path)
    (tmp_path / "file").write_text("not a folder")
    digests = DigestCache(tmp_path / "file" / "digests")
    digests.digest(old_file(tmp_path / "f", b"one"))
    with pytest.raises(CacheError, match="cannot save"):
        digests.save()


def test_nothing_to_save(tmp_path: Path) -> None:
    DigestCache(tmp_path / "digests").save()
    DigestCache().save()
    assert not list(tmp_path.iterdir())
