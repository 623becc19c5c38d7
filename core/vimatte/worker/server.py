"""The worker's loop: requests come in on one thread, jobs run on the main one."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import traceback
from typing import Any, BinaryIO

from vimatte._version import __version__
from vimatte.errors import Cancelled, VimatteError, WorkerError
from vimatte.models.process import give_back_memory, settle_process
from vimatte.worker.protocol import PROTOCOL, Message, Writer, error_message, messages

#: Jobs that may wait; a host that sends more has gone wrong.
MAX_WAITING = 16
#: Seconds that a job has to stop by itself once the host is gone. Every file is renamed into
#: place, so that an end at any moment leaves nothing half written.
GRACE = 3.0


class Server:
    """Reads requests, runs them one after the other, and ends when its input does."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._waiting: queue.Queue[tuple[int, Message] | None] = queue.Queue()
        # A cancel is for all that was asked before it, and for nothing that comes after.
        self._cancels = 0

    def read(self, stream: BinaryIO) -> None:
        """Take requests until the stream ends; then have the process end."""
        try:
            for message in messages(stream):
                self._take(message)
        finally:
            self._cancels += 1
            self._waiting.put(None)
            timer = threading.Timer(GRACE, os._exit, (1,))
            timer.daemon = True
            timer.start()

    def _take(self, message: Message | WorkerError) -> None:
        if isinstance(message, WorkerError):
            self._answer(error_message(message), None)
        elif message["type"] == "cancel":
            self._cancels += 1
        elif self._waiting.qsize() >= MAX_WAITING:
            error = WorkerError("too many requests wait", hint="wait for `done` or `error`")
            self._answer(error_message(error), message.get("id"))
        else:
            self._waiting.put((self._cancels, message))

    def _answer(self, message: Message, request: Any) -> None:
        self._writer.send(message | {"id": request})

    def work(self) -> None:
        """Run jobs until the input has ended."""
        while (item := self._waiting.get()) is not None:
            cancels, message = item
            identity = message.get("id")
            try:
                self._answer({"type": "done", **self._job(message, cancels)}, identity)
            except VimatteError as error:
                self._answer(error_message(error), identity)
            except BrokenPipeError:
                return
            except Exception as error:  # noqa: BLE001 - the last place that can tell the host
                traceback.print_exc()
                kind = type(error).__name__
                fault = VimatteError(
                    f"this is a fault of vimatte: {kind}: {error}"[:2000],
                    hint="the worker's log shows where; please report it",
                )
                self._answer(error_message(fault), identity)
            if self._waiting.empty():
                give_back_memory()  # a host may stay open for days

    def _job(self, message: Message, cancels: int) -> Message:
        # Imported with the first job: hello comes at once, and torch only when a network runs.
        from vimatte.worker.jobs import JOBS  # noqa: PLC0415
        from vimatte.worker.request import read_request  # noqa: PLC0415

        job = JOBS.get(message["type"])
        if job is None:
            known = ", ".join([*JOBS, "cancel"])
            raise WorkerError(f"no request is called {message['type']!r}"[:200], hint=known)

        def tell(answer: Message) -> None:
            if self._cancels > cancels:
                raise Cancelled("stopped; finished frames are kept")
            self._answer(answer, message.get("id"))

        request = read_request(message)
        if self._cancels > cancels:
            raise Cancelled("stopped before it began")
        return job(request, tell)


def main() -> int:
    """Run the worker.

    Returns
    -------
    int
        0 when the host closed the input.
    """
    settle_process()
    # Answers get a descriptor of their own; what a library prints goes to the log.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO, format="vimatte worker: %(message)s", stream=sys.stderr)
    writer = Writer(answers)
    server = Server(writer)
    try:
        writer.send(
            {"type": "hello", "protocol": PROTOCOL, "vimatte": __version__, "pid": os.getpid()}
        )
        threading.Thread(target=server.read, args=(sys.stdin.buffer,), daemon=True).start()
        server.work()
    except (BrokenPipeError, KeyboardInterrupt):
        # The host is gone, or the user stopped both: finished frames are kept either way.
        os._exit(1)
    return 0
