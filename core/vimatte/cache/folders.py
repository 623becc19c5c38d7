"""The cache's folders: their names, their marker, and the one way they are made and deleted."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vimatte.cache.atomic import disk_time, is_temporary, temporary_beside

MARKER = ".vimatte-cache"
LEASE = ".lease"
SETTINGS = "settings.json"
SUFFIX = ".safetensors"
# A write takes seconds; what is older belongs to a run that was killed. A day, by the disk's clock:
# on some shared disks a file carries the clock of the node that wrote it, which may be wrong.
LEFTOVER_SECONDS = 24 * 3600.0

_FRAME = re.compile(r"(-?\d{1,12})\.safetensors")
_STORE = re.compile(r"([a-z][a-z0-9_-]{0,40})-([0-9a-f]{16})")
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}


def shot_folder(shot: str) -> str:
    """Return a folder name for a shot, whose name nobody has checked.

    A name that is legal on every system stays as it is; any other is cleaned and gets a digest, so
    that two shots never share a folder.
    """
    clean = re.sub(r"[^A-Za-z0-9._-]", "_", shot).strip(".")[:64].rstrip(".") or "shot"
    if clean.split(".")[0].lower() in _RESERVED:
        clean = f"_{clean}"
    if clean == shot:
        return clean
    digest = hashlib.sha256(shot.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{clean}-{digest}"


def store_folder(kind: str, fingerprint: str) -> str:
    """Return the name of a store's folder. Raises ValueError for a kind that is not a name."""
    name = f"{kind}-{fingerprint}"
    if _STORE.fullmatch(name) is None:
        raise ValueError(f"not a kind of cache: {kind!r}")
    return name


def kind_and_fingerprint(name: str) -> tuple[str, str] | None:
    """Return what a store's folder name says, or None for another name."""
    match = _STORE.fullmatch(name)
    return None if match is None else (match[1], match[2])


def frame_file(frame: int) -> str:
    """Return the name of a frame's file."""
    return f"{frame:08d}{SUFFIX}"


def frame_of(name: str) -> int | None:
    """Return the frame that a file's name stands for, or None for another name."""
    match = _FRAME.fullmatch(name)
    frame = None if match is None else int(match[1])
    return frame if frame is not None and frame_file(frame) == name else None


def is_ours(folder: Path) -> bool:
    """Whether we made a folder, so that we may delete it. A link is never ours."""
    return not folder.is_symlink() and folder.is_dir() and (folder / MARKER).is_file()


def make_folder(folder: Path, settings: Mapping[str, Any] | None = None) -> None:
    """Make a folder that carries the marker from the moment it exists.

    A folder that is there already is left as it is: without a marker it stays somebody else's.

    Raises
    ------
    OSError
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = temporary_beside(folder)
    scratch.mkdir()
    try:
        (scratch / MARKER).write_text("Made by vimatte; it may delete this folder.\n")
        if settings is not None:
            text = json.dumps(settings, indent=1, sort_keys=True, allow_nan=False)
            (scratch / SETTINGS).write_text(text + "\n", encoding="utf-8")
        scratch.rename(folder)
    except OSError:
        # Another process may have made it in the meantime: then there is nothing left to do.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def delete_folder(folder: Path) -> int:
    """Delete a store's folder that carries the marker, and return the bytes that were in it.

    Only files of ours are removed; if there are others, they stay, and so does the folder.

    Raises
    ------
    ValueError
        When the folder has no marker.
    OSError
    """
    if not is_ours(folder):
        raise ValueError(f"no folder of the cache: {folder}")
    freed = 0
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        ours = entry.name == SETTINGS or frame_of(entry.name) is not None
        ours = ours or entry.name.endswith(LEASE)
        if (ours or is_temporary(entry.name)) and entry.is_file(follow_symlinks=False):
            size = entry.stat(follow_symlinks=False).st_size
            Path(entry.path).unlink(missing_ok=True)
            freed += size
    # The marker goes last: a deletion that is cut short can be taken up again.
    remove_empty(folder)
    return freed


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left half made in a folder, as far as the system allows."""
    try:
        with os.scandir(folder) as entries:
            found = [
                (Path(entry.path), entry.stat(follow_symlinks=False).st_mtime)
                for entry in entries
                if is_temporary(entry.name)
            ]
        limit = disk_time(folder) - LEFTOVER_SECONDS if found else 0.0
        old = [path for path, written in found if written < limit]
        for path in old:
            if path.is_dir() and not path.is_symlink():
                delete_folder(path) if is_ours(path) else path.rmdir()
            else:
                path.unlink(missing_ok=True)
    except OSError:
        return  # tidying up is not worth an error: a write that follows will say what is wrong


def remove_empty(folder: Path) -> None:
    """Delete a folder of ours that holds nothing but the marker; any other stays."""
    if not is_ours(folder):
        return
    with os.scandir(folder) as entries:
        if any(entry.name != MARKER for entry in entries):
            return
    (folder / MARKER).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        # Somebody put a file there at this very moment; it is still a folder of ours.
        (folder / MARKER).touch()
