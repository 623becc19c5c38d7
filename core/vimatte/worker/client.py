"""Start and talk to the worker process from inside a host application.

This one file is copied beside the host adapters. It needs nothing but the standard library of
Python 3.9, and imports nothing of vimatte.

    client = WorkerClient(find_python())
    client.request("run", plate="/plates/sh010.####.exr", out="/mattes/sh010")
    for answer in client.poll():       # from a timer of the host: never waits
        ...
    client.close()
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Optional

PROTOCOL = 1
MAX_LINE = 1 << 20
#: Variables of a host that would lead the worker's own Python and libraries astray.
ASTRAY = ("PYTHON", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_", "OCIO", "QT_", "OPENIMAGEIO")
LOG_LINES = 40

Answer = dict[str, Any]


class WorkerFailed(RuntimeError):
    """The worker cannot be started, has died, or speaks another protocol."""


def record_file() -> Path:
    """Return where install.py says which environment it made, for hosts to find it."""
    given = os.environ.get("VIMATTE_ENVIRONMENT")
    if given:
        return Path(given)
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "vimatte" / "environment.json"


def find_python(preferred: str = "") -> Path:
    """Return the Python of the vimatte environment.

    Parameters
    ----------
    preferred : str
        The environment's folder or its Python, as the user named it; empty: what
        ``$VIMATTE_PYTHON`` says, else what install.py made.

    Raises
    ------
    WorkerFailed
        With what to do about it.
    """
    chosen = preferred or os.environ.get("VIMATTE_PYTHON", "")
    if chosen:
        path = Path(chosen).expanduser()
        for python in (path, path / "bin" / "python", path / "Scripts" / "python.exe"):
            if python.is_file():
                return python
        raise WorkerFailed(f"no vimatte environment there: {chosen}")
    try:
        with record_file().open(encoding="utf-8") as stream:
            python = Path(str(json.loads(stream.read(1 << 16))["python"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise WorkerFailed(
            "vimatte is not installed for this user: run `python3 install.py` for this program in"
            " the folder of vimatte, or name its environment"
        ) from None
    if not python.is_file():
        raise WorkerFailed(f"the vimatte environment has gone: {python}; run install.py again")
    return python


def clean_environment(more: Optional[Mapping[str, str]] = None) -> dict[str, str]:  # noqa: UP045
    """Return the environment for the worker: the host's, without what is meant for the host."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ASTRAY)}
    return {**kept, **(more or {})}


class WorkerClient:
    """A running worker.

    Parameters
    ----------
    python : Path
        From `find_python`.
    environment : mapping, optional
        Variables to add to the cleaned environment.

    Raises
    ------
    WorkerFailed
        When the process cannot be started.
    """

    def __init__(
        self,
        python: Path,
        environment: Optional[Mapping[str, str]] = None,  # noqa: UP045
    ) -> None:
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - an argument list
                [os.fspath(python), "-m", "vimatte.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=clean_environment(environment),
                cwd=os.fspath(Path(python).parent),
                creationflags=flags,
            )
        except OSError as error:
            raise WorkerFailed(f"cannot start {python}: {error.strerror}") from error
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._pending: dict[int, str] = {}
        self._next = 1
        self._closing = False
        # Held: the pipes are read by threads, so that neither process ever waits for the other.
        streams = (self._process.stdout, self._process.stderr)
        readers = (self._read_answers, self._read_log)
        self._threads = [
            threading.Thread(target=reader, args=(stream,), daemon=True)
            for reader, stream in zip(readers, streams)  # noqa: B905 - Python 3.9
        ]
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        """Whether a request has not been answered to its end."""
        return bool(self._pending)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def log(self) -> str:
        """The last lines the worker wrote to its log."""
        return "\n".join(self._log)

    def request(self, kind: str, **fields: Any) -> int:
        """Send a request and return its id, which its answers carry.

        Raises
        ------
        WorkerFailed
            When the worker has died.
        """
        identity = self._next
        self._next += 1
        self._pending[identity] = kind
        try:
            self._send({"type": kind, "id": identity, **fields})
        except WorkerFailed:
            del self._pending[identity]
            raise
        return identity

    def cancel(self) -> None:
        """Stop what runs and what waits; finished frames are kept.

        The request ends with an error of code ``cancelled``. A worker that has died is no error.
        """
        with contextlib.suppress(WorkerFailed):
            self._send({"type": "cancel"})

    def poll(self) -> list[Answer]:
        """Return the answers that have come, at once.

        When the worker dies in the middle of requests, each is answered by an error of code
        ``worker``; the last answer of all has the type ``exit``.
        """
        found: list[Answer] = []
        while True:
            try:
                answer = self._answers.get_nowait()
            except queue.Empty:
                return found
            found.extend(self._seen(answer))

    def answers(self, timeout: float = 0.2) -> Iterator[Answer]:
        """Yield answers until every request is answered; for hosts that may wait.

        Parameters
        ----------
        timeout : float
            Seconds between looks.
        """
        while self.busy:
            try:
                answer = self._answers.get(timeout=timeout)
            except queue.Empty:
                continue
            yield from self._seen(answer)

    def close(self, grace: float = 5.0) -> int:
        """End the worker: ask, then kill after `grace` seconds. Idempotent.

        Returns
        -------
        int
            The process's exit code.
        """
        self._closing = True
        if self._process.stdin and not self._process.stdin.closed:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            code = self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for thread in self._threads:
            thread.join(timeout=1.0)
        return code

    def kill(self) -> None:
        """End the worker at once; nothing half written stays under its name."""
        self._closing = True
        self._process.kill()
        self.close()

    def _send(self, message: Answer) -> None:
        line = json.dumps(message).encode() + b"\n"
        if len(line) > MAX_LINE:
            raise WorkerFailed("the request is too long")
        stdin = self._process.stdin
        try:
            if stdin is None or stdin.closed:
                raise WorkerFailed("the worker has been closed")
            stdin.write(line)
            stdin.flush()
        except OSError as error:
            for thread in self._threads:  # its last words may still be on their way
                thread.join(timeout=1.0)
            raise WorkerFailed(f"the worker has died: {self._last_words()}") from error

    def _seen(self, answer: Answer) -> list[Answer]:
        """Keep account of what is answered, and turn an end into errors of what is not."""
        kind = answer.get("type")
        if kind in ("done", "error"):
            self._pending.pop(answer.get("id"), None)  # type: ignore[arg-type]
        elif kind == "hello" and answer.get("protocol") != PROTOCOL:
            self._process.kill()
            found, ours = answer.get("protocol"), PROTOCOL
            self._log.append(f"it speaks protocol {found}, this host {ours}: install both anew")
        elif kind == "exit":
            ends = [
                {
                    "type": "error",
                    "id": identity,
                    "code": "worker",
                    "message": f"the worker ended ({answer['returncode']}): {self._last_words()}",
                    "frame": None,
                    "path": None,
                    "hint": "finished frames are kept; start again to go on",
                }
                for identity in self._pending
            ]
            self._pending.clear()
            return [*ends, answer]
        return [answer]

    def _last_words(self) -> str:
        return self._log[-1] if self._log else "it said nothing"

    def _read_answers(self, stream: IO[bytes]) -> None:
        with stream:
            while True:
                line = stream.readline(MAX_LINE + 1)
                if not line:
                    break
                try:
                    answer = json.loads(line)
                except (ValueError, RecursionError):
                    answer = None
                if isinstance(answer, dict):
                    self._answers.put(answer)
                else:
                    self._log.append("the worker sent a line that is no answer")
        code = self._process.wait()
        # Its log is read to its end first: the last line says why it ended.
        deadline = time.monotonic() + 1.0
        while self._threads[1].is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        self._answers.put({"type": "exit", "returncode": code})

    def _read_log(self, stream: IO[bytes]) -> None:
        with stream:
            while True:
                line = stream.readline(1 << 16)
                if not line:
                    return
                text = line.decode("utf-8", "replace").rstrip()
                if text:
                    self._log.append(text)
