"""List, verify and prune a cache. Only folders that carry our marker are ever touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vimatte.cache import folders, frame_file
from vimatte.cache.atomic import hint_for
from vimatte.cache.frame_file import CorruptFrameError
from vimatte.errors import CacheError


@dataclass(frozen=True, slots=True)
class Entry:
    """One store of the cache.

    Attributes
    ----------
    folder : Path
    shot, kind, fingerprint : str
        From the folder's path; the shot as it was made a legal name.
    frames : int
        How many frames have a file.
    bytes : int
        What those files take.
    used : float
        When it was last read or written, in seconds since the epoch.
    """

    folder: Path
    shot: str
    kind: str
    fingerprint: str
    frames: int
    bytes: int
    used: float


@dataclass(frozen=True, slots=True)
class Problem:
    """A file of the cache that is not what was written.

    Attributes
    ----------
    path : Path
    frame : int
    reason : str
    """

    path: Path
    frame: int
    reason: str

    def __str__(self) -> str:
        """One line."""
        return f"frame {self.frame}: {self.reason} | {self.path}"


def ls(root: str | Path) -> list[Entry]:
    """Return every store below a cache folder, the last used first.

    Raises
    ------
    CacheError
        When the folder is not there or cannot be read.
    """
    if not Path(root).is_dir():
        raise CacheError("there is no cache folder", path=root)
    try:
        entries = [_entry(folder) for folder in _stores(Path(root))]
    except OSError as error:
        raise CacheError(
            f"the cache cannot be listed: {error.strerror or error}",
            path=error.filename or root,
            hint=hint_for(error),
        ) from error
    return sorted(entries, key=lambda entry: (-entry.used, str(entry.folder)))


def verify(root: str | Path) -> Iterator[Problem]:
    """Read every file and yield what is wrong; nothing is changed.

    The next run that needs a corrupt frame removes it and computes it again.

    Raises
    ------
    CacheError
        When the folder is not there or cannot be read.
    """
    for entry in ls(root):
        for frame, path, _ in _frames(entry.folder):
            reason = _what_is_wrong(frame, path)
            if reason is not None:
                yield Problem(path, frame, reason)


def prune(root: str | Path, limit_bytes: int) -> int:
    """Remove frames until at most `limit_bytes` are left.

    The store that was not used for longest loses its frames first, the oldest before the younger.
    A run that is using a store at this time computes the frames it lost again.

    Returns
    -------
    int
        How many bytes were freed.

    Raises
    ------
    CacheError
        When the folder is not there, or a file cannot be removed.
    """
    entries = ls(root)
    left = sum(entry.bytes for entry in entries)
    freed = 0
    try:
        for entry in reversed(entries):
            if left <= limit_bytes:
                break
            if left - entry.bytes >= limit_bytes:
                freed += folders.delete_folder(entry.folder)
                left -= entry.bytes
                folders.remove_empty(entry.folder.parent)
                continue
            oldest = sorted(_frames(entry.folder), key=lambda item: (item[2].st_mtime, item[0]))
            for _, path, status in oldest:
                if left <= limit_bytes:
                    break
                path.unlink(missing_ok=True)
                freed += status.st_size
                left -= status.st_size
    except OSError as error:
        raise CacheError(
            f"a file of the cache cannot be removed: {error.strerror or error}",
            path=error.filename or root,
            hint=hint_for(error),
        ) from error
    return freed


def _stores(root: Path) -> Iterator[Path]:
    for shot in sorted(root.iterdir()):
        if shot.is_symlink() or not shot.is_dir():
            continue
        for folder in sorted(shot.iterdir()):
            if folders.kind_and_fingerprint(folder.name) and folders.is_ours(folder):
                yield folder


def _entry(folder: Path) -> Entry:
    sizes, used = [], (folder / folders.MARKER).stat().st_mtime
    for _, _, status in _frames(folder):
        sizes.append(status.st_size)
        used = max(used, status.st_mtime)
    kind, fingerprint = folders.kind_and_fingerprint(folder.name) or (folder.name, "")
    return Entry(folder, folder.parent.name, kind, fingerprint, len(sizes), sum(sizes), used)


def _frames(folder: Path) -> list[tuple[int, Path, os.stat_result]]:
    """Return the frames of a store, ascending; one that goes away meanwhile is not in it."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            frame = folders.frame_of(entry.name)
            if frame is None or not entry.is_file(follow_symlinks=False):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            found.append((frame, Path(entry.path), status))
    return sorted(found, key=lambda item: item[0])


def _what_is_wrong(frame: int, path: Path) -> str | None:
    try:
        frame_file.read(path, frame)
    except FileNotFoundError:
        return None
    except CorruptFrameError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return None
