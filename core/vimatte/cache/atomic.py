"""Files that appear whole under their name, or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

_TEMPORARY = re.compile(r"\..+\.\d+-[0-9a-f]{16}\.tmp")
_HINTS = {
    errno.ENOSPC: "the disk is full: free some space, or use `vimatte cache prune`",
    errno.EDQUOT: "your disk quota is used up: free some space, or use `vimatte cache prune`",
    errno.EFBIG: "files may not become that large here: see your system's limits",
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.EACCES: "you may not write there: choose another folder, or change its permissions",
    errno.EPERM: "you may not write there: choose another folder, or change its permissions",
    errno.EIO: "the disk fails, or is full: look at it, or choose another folder",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "a file has the name that a folder needs: choose another folder",
    errno.EISDIR: "a folder has that name: choose another one for the file",
}


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that its name never stands for half of it, whoever else writes it.

    The data goes to a temporary name in the same folder, is flushed to the disk and renamed.

    Raises
    ------
    OSError
        As the system gives it; the temporary file is gone then.
    """
    temporary = temporary_beside(path)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            # Some network disks say that they are full only so.
            if os.fstat(file.fileno()).st_size != len(data):
                raise OSError(errno.EIO, "the disk kept only a part of the file", str(path))
        replace_file(temporary, path)
    except BaseException:
        with suppress(OSError):  # a disk that fails says why above
            temporary.unlink(missing_ok=True)
        raise


def replace_file(source: Path, target: Path) -> None:
    """Give a file its name, whatever had it. Raises OSError."""
    try:
        source.replace(target)
    except PermissionError:
        # On Windows a file that somebody reads at this moment cannot be replaced; reading is short.
        if os.name != "nt":
            raise
        time.sleep(0.5)
        source.replace(target)


def temporary_beside(path: Path) -> Path:
    """Return a name in the same folder that nobody else uses."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(8)}.tmp")


def disk_time(folder: Path) -> float:
    """Return what time it is for a folder's disk, in seconds; a node's own clock may differ.

    Raises
    ------
    OSError
        When nothing can be written there.
    """
    probe = temporary_beside(folder / "time")
    try:
        probe.touch(exist_ok=False)
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def is_temporary(name: str) -> bool:
    """Whether a file's name is one that `temporary_beside` gives."""
    return _TEMPORARY.fullmatch(name) is not None


def hint_for(error: OSError) -> str | None:
    """Return what a user can do about a failed write, where that is known."""
    return None if error.errno is None else _HINTS.get(error.errno)
