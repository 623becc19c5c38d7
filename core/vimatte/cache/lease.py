"""Leases on work in progress, so that two processes do not compute the same frames for long.

A lease is a file that its holder touches every few seconds. It is advice: who does not see it, or
takes one that is still alive, only does work twice and ends with the same bytes. Nothing waits for
a dead holder longer than `EXPIRES`: on the same machine its process is looked for, elsewhere the
file is watched until it has not changed for so long, by the watcher's own steady clock. What time
a file carries is not asked: some shared disks give it the clock of the node that wrote it, and
nodes' clocks differ. Only a lease that is older than `FORGOTTEN` needs no watching.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from vimatte.cache.atomic import disk_time, replace_file, temporary_beside

HEARTBEAT = 5.0
EXPIRES = 20.0
# By the disk's clock; no node's is wrong by so much.
FORGOTTEN = 24 * 3600.0
_MAX_BYTES = 4096
# What a lease looked like when it last changed, and when that was by this process's steady clock.
_watched: dict[str, tuple[tuple[object, ...], float]] = {}


class Lease:
    """A held lease; a context manager. Made by `take`."""

    def __init__(self, path: Path, token: str) -> None:
        self._path, self._token = path, token
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._thread.start()

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give it back. Idempotent."""
        self._ended.set()
        self._thread.join()
        if _read(self._path).get("token") == self._token:
            with suppress(OSError):
                self._path.unlink()

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT):
            # Another's must not look alive through us.
            if _read(self._path).get("token") == self._token:
                with suppress(OSError):  # the folder may be gone; the lease is advice
                    os.utime(self._path)


def take(path: Path) -> Lease | None:
    """Take a lease, unless somebody who is alive holds it.

    Parameters
    ----------
    path : Path
        Its file; the folder must be there.

    Returns
    -------
    Lease or None
        None where another process holds it. A disk that cannot be written gives a lease too: what
        is wrong with it is said where something of worth is written.
    """
    holder = _read(path)
    # Two runs in one process must not wait for each other.
    if holder and not _is_ours(holder) and _is_alive(path, holder):
        return None
    _watched.pop(str(path), None)
    token = secrets.token_hex(8)
    said = {"host": socket.gethostname(), "pid": os.getpid(), "token": token}
    temporary = temporary_beside(path)
    try:
        temporary.write_text(json.dumps(said))
        if not _put(temporary, path, holder, token):
            return None
    except OSError:
        pass
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return Lease(path, token)


def is_held(path: Path) -> bool:
    """Whether somebody who is alive, be it this process, holds a lease."""
    holder = _read(path)
    return bool(holder) and (_is_ours(holder) or _is_alive(path, holder))


def _put(temporary: Path, path: Path, seen: dict[str, object], token: str) -> bool:
    """Give a lease its name, unless somebody did since it was looked at.

    A hard link fails where a name is taken; a rename would replace the lease of who was faster.
    """
    try:
        os.link(temporary, path)
        return True
    except FileExistsError:
        holder = _read(path)
        if holder.get("token") == token:
            return True  # a network's disk may answer twice, and say the second time that it exists
        if _is_ours(holder):
            replace_file(temporary, path)  # two runs in this process
            return True
    except OSError:
        pass  # a disk without hard links
    return _take_over(temporary, path, seen)


def _take_over(temporary: Path, path: Path, seen: dict[str, object]) -> bool:
    """Replace what was seen, if it is still there: one process at a time, by a claim on it."""
    name = hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]
    claim = path.with_name(f".{path.name}.0-{name}.tmp")
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        # Who made it was killed in the middle; infinite is the age of one that is gone by now.
        if EXPIRES < _age(claim) < float("inf"):
            claim.unlink(missing_ok=True)
        return False
    try:
        if _read(path) != seen:
            return False
        replace_file(temporary, path)
        return True
    finally:
        with suppress(OSError):
            claim.unlink()


def _is_ours(holder: dict[str, object]) -> bool:
    return holder.get("host") == socket.gethostname() and holder.get("pid") == os.getpid()


def _is_alive(path: Path, holder: dict[str, object]) -> bool:
    if holder.get("host") == socket.gethostname():
        pid = holder.get("pid")
        if isinstance(pid, int) and pid > 0 and not _runs(pid):
            return False
    try:
        status = path.stat()
    except OSError:
        return False  # it was given back at this moment
    now = time.monotonic()
    looks = (holder.get("token"), status.st_mtime_ns, status.st_ino)
    before = _watched.get(str(path))
    if before is None and _age(path) > FORGOTTEN:
        return False
    if before is None or before[0] != looks:
        _watched[str(path)] = looks, now
        return True
    return now - before[1] < EXPIRES


def _runs(pid: int) -> bool:
    if os.name == "nt":
        return True  # there the question is a signal: silence tells instead
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _age(path: Path) -> float:
    """Return how long ago a file was touched, in seconds, by the clock of its disk."""
    try:
        return disk_time(path.parent) - path.stat().st_mtime
    except OSError:
        return float("inf")  # given back at this moment, or on a disk where nobody can hold one


def _read(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
