"""The frame store: what was computed for each frame of a shot with one set of settings."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vimatte.cache import frame_file
from vimatte.cache.atomic import hint_for, write_atomically
from vimatte.cache.fingerprint import fingerprint
from vimatte.cache.folders import (
    LEASE,
    MARKER,
    frame_of,
    make_folder,
    remove_leftovers,
    shot_folder,
    store_folder,
)
from vimatte.cache.folders import frame_file as file_name
from vimatte.cache.frame_file import CorruptFrameError
from vimatte.cache.lease import Lease, take
from vimatte.errors import CacheError

log = logging.getLogger(__name__)

# How often, at most, reading tells the folder that it is still in use.
_TOUCH_SECONDS = 60.0
# The system is short of something; the file is not to blame.
_TRANSIENT = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN}


class FrameStore:
    """A folder with a file a frame: ``root/<shot>/<kind>-<fingerprint>/<frame>.safetensors``.

    Nothing is written before the first `save`. Any number of processes and threads may read and
    write one store: a file appears whole or not at all, and is checked when it is read.

    Parameters
    ----------
    root : Path
        The cache folder.
    shot : str
        Any text; it is made a legal folder name.
    kind : str
        What is stored: ``guidance``, ``states``, ``mattes``, ...
    settings : mapping
        Everything the arrays depend on beside what each frame's record says; see `fingerprint`.

    Attributes
    ----------
    folder : Path
    fingerprint : str
    corrupt : list of Path
        Files that were found corrupt, and removed, since this object was made.
    """

    def __init__(self, root: Path, shot: str, kind: str, settings: Mapping[str, Any]) -> None:
        self.fingerprint = fingerprint(settings)
        self.folder = Path(root) / shot_folder(shot) / store_folder(kind, self.fingerprint)
        self.corrupt: list[Path] = []
        self._settings = dict(settings)
        self._tidied = False
        self._touched = 0.0

    def path(self, frame: int) -> Path:
        """Return where a frame's file is, or would be."""
        return self.folder / file_name(frame)

    def save(
        self, frame: int, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, str]
    ) -> None:
        """Write one frame; it replaces what was there.

        Parameters
        ----------
        frame : int
        arrays : mapping of str to ndarray
            Of bool, integers or floats up to 64 bits; of any shape, empty too.
        record : mapping of str to str
            What the arrays were made from; `load` compares it.

        Raises
        ------
        CacheError
            When the disk is full, read-only or not ours to write; no half file is left.
        """
        path = self.path(frame)
        data = frame_file.encode(frame, arrays, record)
        try:
            self._make_ready()
            try:
                write_atomically(path, data)
            except FileNotFoundError:
                # The folder was pruned by another process after we last looked.
                self._make_ready()
                write_atomically(path, data)
        except OSError as error:
            raise CacheError(
                f"the cache cannot be written: {error.strerror or error}",
                frame=frame,
                path=path,
                hint=hint_for(error),
            ) from error

    def load(
        self, frame: int, record: Mapping[str, str] | None = None
    ) -> dict[str, NDArray[Any]] | None:
        """Return a frame's arrays, checked, or None when there are none to use.

        Parameters
        ----------
        frame : int
        record : mapping of str to str, optional
            What the arrays should have been made from. None takes whatever there is.

        Returns
        -------
        dict of str to ndarray, or None
            None when the frame is missing, when its record is another one, or when the file is
            corrupt: that is logged, listed in `corrupt`, and the file removed.

        Raises
        ------
        CacheError
            When the system is short of files or memory.
        """
        path = self.path(frame)
        before = _status(path)
        if before is None:
            return None
        try:
            arrays = frame_file.read(path, frame, record)
        except FileNotFoundError:
            return None
        except (CorruptFrameError, OSError) as error:
            self._give_up(path, before, error)
            return None
        self._touch()
        return arrays

    def record(self, frame: int) -> dict[str, str] | None:
        """Return what a frame was made from, reading only the head of its file.

        Returns
        -------
        dict of str to str, or None
            None when the frame is missing, or its head is corrupt (see `load`). The arrays are
            not checked: `load` may still find them corrupt.
        """
        path = self.path(frame)
        before = _status(path)
        if before is None:
            return None
        try:
            with path.open("rb") as file:
                return frame_file.record_of(frame_file.read_header(file))
        except FileNotFoundError:
            return None
        except (CorruptFrameError, OSError) as error:
            self._give_up(path, before, error)
            return None

    def lease(self, frame: int) -> Lease | None:
        """Take the lease on the work that begins at a frame; None where another holds it.

        Raises
        ------
        CacheError
            When the cache cannot be written.
        """
        try:
            self._make_ready()
        except OSError as error:
            raise CacheError(
                f"the cache cannot be written: {error.strerror or error}",
                path=self.folder,
                hint=hint_for(error),
            ) from error
        return take(self.folder / f"{frame}{LEASE}")

    def frames(self) -> list[int]:
        """Return the frames that have a file, ascending. Raises CacheError."""
        try:
            with os.scandir(self.folder) as entries:
                found = [frame_of(entry.name) for entry in entries]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CacheError(
                f"the cache cannot be read: {error.strerror or error}", path=self.folder
            ) from error
        return sorted(frame for frame in found if frame is not None)

    def delete(self, frame: int) -> None:
        """Remove a frame's file, if there is one. Raises CacheError."""
        path = self.path(frame)
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise CacheError(
                f"a file of the cache cannot be removed: {error.strerror or error}",
                frame=frame,
                path=path,
                hint=hint_for(error),
            ) from error

    def _make_ready(self) -> None:
        if self._tidied and self.folder.is_dir():
            return
        make_folder(self.folder.parent.parent)
        make_folder(self.folder.parent)
        make_folder(self.folder, self._settings)
        if not self._tidied:
            remove_leftovers(self.folder.parent)
            remove_leftovers(self.folder)
        self._tidied = True

    def _give_up(self, path: Path, before: os.stat_result, error: Exception) -> None:
        """Report a file that cannot be used, and remove it."""
        if isinstance(error, OSError) and error.errno in _TRANSIENT:
            raise CacheError(
                f"the cache cannot be read: {error.strerror or error}", path=path
            ) from error
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        log.warning(
            "a file of the cache is corrupt and will be computed again: %s: %s", path, reason
        )
        self.corrupt.append(path)
        try:
            # Unless another process has put a new file there since we looked.
            if os.path.samestat(before, path.lstat()):
                path.unlink(missing_ok=True)
        except OSError as failure:
            log.warning("it cannot be removed: %s: %s", path, failure.strerror)

    def _touch(self) -> None:
        """Let the marker's time say when the folder was last used; `manage.prune` goes by it."""
        now = time.monotonic()
        if self._touched and now - self._touched < _TOUCH_SECONDS:
            return
        self._touched = now
        try:
            os.utime(self.folder / MARKER)
        except OSError:
            return  # a cache that is read-only, or of somebody else: it is not pruned by us either


def _status(path: Path) -> os.stat_result | None:
    """Return what the system says of a file, or None where there is none, or none to be seen."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
