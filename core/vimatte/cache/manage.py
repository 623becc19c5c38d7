"""List, verify and prune cache folders. Only folders that hold our marker are ever touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vimatte.cache.store import MARKER, Corrupt, decode, frame_files
from vimatte.errors import CacheError


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder of frames.

    Attributes
    ----------
    folder : Path
    shot, kind, fingerprint : str
    frames : int
    bytes : int
    used : float
        When a frame of it was last read or written, seconds since the epoch.
    """

    folder: Path
    shot: str
    kind: str
    fingerprint: str
    frames: int
    bytes: int
    used: float


def ls(root: Path) -> list[Entry]:
    """Return every folder of frames below a cache folder, the last used first.

    Raises
    ------
    CacheError
        When the folder is not there.
    """
    if not root.is_dir():
        raise CacheError("there is no cache folder", path=root)
    entries = []
    for folder in _folders(root):
        sizes, used = [], 0.0
        for _, path in frame_files(folder):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                sizes.append(status.st_size)
                used = max(used, status.st_mtime)
        kind, _, mark = folder.name.rpartition("-")
        entries.append(Entry(folder, folder.parent.name, kind, mark, len(sizes), sum(sizes), used))
    return sorted(entries, key=lambda entry: -entry.used)


def verify(root: Path) -> Iterator[str]:
    """Read every file and yield a line for each corrupt one; nothing is removed."""
    for entry in ls(root):
        for frame, path in sorted(frame_files(entry.folder)):
            try:
                decode(path)
            except FileNotFoundError:
                continue
            except (Corrupt, OSError) as error:
                yield f"frame {frame}: {error}: {path}"


def prune(root: Path, limit: int) -> int:
    """Remove frames, the longest unused first, until at most `limit` bytes are left.

    Parameters
    ----------
    root : Path
    limit : int
        In bytes.

    Returns
    -------
    int
        How many bytes were removed.
    """
    if not root.is_dir():
        raise CacheError("there is no cache folder", path=root)
    files = []
    for folder in _folders(root):
        for _, path in frame_files(folder):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in files)
    removed = 0
    for _, size, path in sorted(files):
        if total - removed <= limit:
            break
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CacheError(f"cannot prune: {error.strerror}", path=path) from error
        removed += size
    for folder in list(_folders(root)):
        if not any(frame_files(folder)):
            _remove(folder)
    return removed


def _folders(root: Path) -> Iterator[Path]:
    for shot in sorted(root.iterdir()):
        if shot.is_dir() and not shot.is_symlink():
            for folder in sorted(shot.iterdir()):
                if not folder.is_symlink() and (folder / MARKER).is_file():
                    yield folder


def _remove(folder: Path) -> None:
    """Remove an empty folder of ours: the files we make beside frames, then the folder itself."""
    for name in ("settings.json", MARKER):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody else's file is in it: it stays
        folder.rmdir()
