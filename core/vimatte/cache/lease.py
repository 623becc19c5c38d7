"""Leases on work in progress, so that two processes do not compute the same frames for long.

A lease is a file that its holder touches every few seconds. It is advice: who does not see it, or
takes one that is still alive, only does work twice and ends with the same bytes. Nothing waits for
a dead holder longer than `EXPIRES`: on the same machine its process is looked for, elsewhere the
file is no longer touched. Ages are told by the disk's own clock: nodes' clocks differ.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from vimatte.cache.atomic import temporary_beside

HEARTBEAT = 5.0
EXPIRES = 20.0
_MAX_BYTES = 4096


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
    if holder and _is_alive(path, holder):
        return None
    token = secrets.token_hex(8)
    said = {"host": socket.gethostname(), "pid": os.getpid(), "token": token}
    temporary = temporary_beside(path)
    try:
        temporary.write_text(json.dumps(said))
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return Lease(path, token)


def _is_alive(path: Path, holder: dict[str, object]) -> bool:
    if holder.get("host") == socket.gethostname():
        pid = holder.get("pid")
        if pid == os.getpid():
            return False  # two runs in one process must not wait for each other
        if isinstance(pid, int) and pid > 0 and not _runs(pid):
            return False
    return _age(path) < EXPIRES


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _age(path: Path) -> float:
    """Return how long ago a file was touched, in seconds, by the clock of its disk."""
    probe = temporary_beside(path)
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except OSError:
        return float("inf")
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
