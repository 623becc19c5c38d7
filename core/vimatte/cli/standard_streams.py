"""Standard output and error that outlive whoever reads them.

``vimatte matte ... | head -1``: when the reader has gone, the work goes on to its end, in silence.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

# What a pipe says that nobody reads; Windows has a word of its own for it.
_GONE = {errno.EPIPE, errno.ESHUTDOWN} | ({errno.EINVAL} if os.name == "nt" else set())


class LastingStream:
    """A stream to which writing never fails.

    Attributes
    ----------
    failure : OSError or None
        Why something could not be written, where that is more than a reader who has gone.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._lost = False
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Write, if anybody listens."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Pass on what is kept back, if anybody listens."""
        self._try(self._stream.flush)

    def _try(self, action: Any) -> None:
        if self._lost:
            return
        try:
            action()
        except OSError as error:
            # A terminal that is gone gives an I/O error.
            if error.errno not in _GONE and not (self._terminal and error.errno == errno.EIO):
                self.failure = error
            self._lose()
        except ValueError:  # a stream that has been closed
            self._lose()

    def _lose(self) -> None:
        """Let what is still kept back go nowhere: Python would try again when it ends."""
        self._lost = True
        with suppress(OSError, ValueError):
            number = self._stream.fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def lasting_streams() -> Iterator[LastingStream]:
    """Let nothing that is printed within end the program.

    Names that the terminal cannot show are written with escapes. A stream that is closed from the
    start (``>&-``) becomes one to nowhere: the next file that is opened must not take its number.

    Yields
    ------
    LastingStream
        Standard output; its `failure` tells at the end whether a log is not complete.
    """
    before = sys.stdout, sys.stderr
    _fill_numbers()
    out, said = LastingStream(_usable(sys.stdout)), LastingStream(_usable(sys.stderr))
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", said)
    try:
        yield out
    finally:
        out.flush()
        said.flush()
        sys.stdout, sys.stderr = before


def _fill_numbers() -> None:
    # The lowest free number is taken each time: these three, where they are not open.
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(number)


def _usable(stream: TextIO | None) -> TextIO:
    if stream is None or stream.closed:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream
