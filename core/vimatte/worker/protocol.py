"""One JSON object a line: how lines are read, written and limited."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

from vimatte.errors import VimatteError, WorkerError

#: Raised when a request or an answer changes its meaning; new fields do not raise it.
PROTOCOL = 1
#: Bytes of one line at most, either way.
MAX_LINE = 1 << 20

Message = dict[str, Any]


def messages(stream: BinaryIO) -> Iterator[Message | WorkerError]:
    """Read requests until the stream ends.

    Yields
    ------
    dict or WorkerError
        A request; or what is wrong with a line, which is then left out. An over-long line is
        never held in memory as a whole.
    """
    while line := stream.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE + 1)
            yield WorkerError(f"a request is longer than {MAX_LINE} bytes")
        elif line.strip():
            yield _parse(line)


def _parse(line: bytes) -> Message | WorkerError:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        return WorkerError(f"a request is not JSON: {str(error)[:200]}")
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return WorkerError("a request is not an object with a type")
    return message


def error_message(error: VimatteError) -> Message:
    """Return an error as an answer."""
    return {
        "type": "error",
        "code": error.code,
        "message": error.message,
        "frame": error.frame,
        "path": error.path,
        "hint": error.hint,
    }


class Writer:
    """Sends answers; threads may share one."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send one answer. Raises BrokenPipeError where nobody listens any more."""
        line = json.dumps(message, allow_nan=False).encode() + b"\n"
        if len(line) > MAX_LINE:
            error = WorkerError(f"an answer of type {message['type']} is too long to send")
            line = json.dumps(error_message(error) | {"id": message.get("id")}).encode() + b"\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()
