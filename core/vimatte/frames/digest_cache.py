"""Digests of file contents, kept so that an unchanged file is not read again."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

from vimatte.errors import CacheError, FrameReadError

_LOG = logging.getLogger(__name__)
_SCHEMA = 1
_CHUNK = 1 << 20
_MAX_BYTES = 1 << 28
_SETTLED_NS = 2_000_000_000
_HEX = frozenset("0123456789abcdef")
_Stamp = tuple[int, int, int]


class DigestCache:
    """Content digests by file, size, modification time and inode.

    The digest is always that of the content; the key only saves reading the file again. A file
    that was written within the last seconds is not kept, since file times are too coarse to tell
    whether it is written once more.

    Parameters
    ----------
    path : Path, optional
        A JSON file that a later run reads; without it, digests live in memory only. A damaged one
        is ignored with a warning: it only costs time.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, tuple[_Stamp, str]] = {} if path is None else _load(path)
        self._changed = False

    def digest(self, file: str | Path) -> str:
        """Return the BLAKE2b digest (32 hexadecimal digits) of a file's content.

        Raises
        ------
        FrameReadError
            When the file cannot be read.
        """
        key = os.path.abspath(file)  # noqa: PTH100 - links are not followed, no disk is touched
        try:
            before = _stamp(key)
            with self._lock:
                entry = self._known.get(key)
            if entry is not None and entry[0] == before:
                return entry[1]
            made = _hash(key)
            after = _stamp(key)
        except FileNotFoundError:
            raise FrameReadError("the file is missing", path=key) from None
        except OSError as error:
            raise FrameReadError(f"cannot read the file: {error.strerror}", path=key) from None
        if before == after and time.time_ns() - after[1] > _SETTLED_NS:
            with self._lock:
                self._known[key] = (before, made)
                self._changed = True
        return made

    def save(self) -> None:
        """Write what is known to the file, whole or not at all. Without a path: nothing.

        Raises
        ------
        CacheError
            When the file cannot be written.
        """
        if self._path is None or not self._changed:
            return
        with self._lock:
            # Another process may have saved since: keep its entries, ours win.
            self._known = {**_load(self._path), **self._known}
            known = {key: [*stamp, digest] for key, (stamp, digest) in self._known.items()}
            self._changed = False
        try:
            _write(self._path, json.dumps({"schema": _SCHEMA, "files": known}))
        except OSError as error:
            raise CacheError(
                f"cannot save file digests: {error.strerror}", path=self._path
            ) from None


def _stamp(path: str) -> _Stamp:
    status = os.stat(path)  # noqa: PTH116 - millions of calls; no Path object for each
    return status.st_size, status.st_mtime_ns, status.st_ino


def _hash(path: str) -> str:
    made = hashlib.blake2b(digest_size=16)
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        while chunk := file.read(_CHUNK):
            made.update(chunk)
    return made.hexdigest()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):  # a disk that fails says why above
            temporary.unlink(missing_ok=True)


def _load(path: Path) -> dict[str, tuple[_Stamp, str]]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is too large")
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != _SCHEMA:
            return {}
        return {str(key): _entry(*row) for key, row in data["files"].items()}
    except FileNotFoundError:
        return {}
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        _LOG.warning("%s cannot be used, files are hashed again: %s", path, error)
        return {}


def _entry(size: int, mtime_ns: int, inode: int, digest: str) -> tuple[_Stamp, str]:
    if not (isinstance(digest, str) and len(digest) == 32 and set(digest) <= _HEX):
        raise ValueError("a digest is malformed")
    return (int(size), int(mtime_ns), int(inode)), digest
