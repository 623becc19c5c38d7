"""Every error vimatte raises, and the exit code each family ends a command with.

::

    VimatteError                      1
    ├── InputError                    3   the plate, range, colour or guidance given is wrong
    │   ├── FrameReadError
    │   ├── FrameRangeError
    │   ├── ColorSpaceError
    │   ├── GuidanceError
    │   └── SessionError
    ├── ConfigError                   4   the installation or a setting is wrong
    │   ├── UnknownModelError
    │   └── MissingDependencyError
    ├── CacheError                    5   the cache cannot be read or written
    │   └── FrameNotReady
    ├── OutputError                   6   results cannot be written (full, read-only, ...)
    ├── ModelError                    7   the network or its weights failed
    │   ├── CheckpointError
    │   └── OutOfMemoryError
    ├── WorkerError                   8   the worker process failed
    ├── VerifyError                   9   published or cached files are missing or wrong
    ├── FarmError                    10   a job bundle is wrong, or the farm refused or lost a job
    └── Cancelled                   130   stopped by the user; finished frames are kept

argparse ends with 2 for a malformed command line.
"""

from __future__ import annotations

import os
from typing import ClassVar

# Characters of a message, and of a hint.
LONGEST = 2000


class VimatteError(Exception):
    """Base of every error that vimatte raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, as one clause without a trailing full stop.
    frame : int, optional
        The plate's frame number the error belongs to.
    path : str or os.PathLike, optional
        The file or folder the error belongs to.
    hint : str, optional
        What the user can do about it.
    """

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        frame: int | None = None,
        path: str | os.PathLike[str] | None = None,
        hint: str | None = None,
    ) -> None:
        message = _shortened(message)
        super().__init__(message)
        self.message = message
        self.frame = frame
        self.path = None if path is None else os.fspath(path)
        self.hint = None if hint is None else _shortened(hint)

    def __str__(self) -> str:
        """One line: message, then frame, path and hint where they are known."""
        frame = "" if self.frame is None else f"frame {self.frame}"
        return one_line(self.message, frame, self.path, self.hint)


def one_line(message: str, frames: str, path: str | None, hint: str | None) -> str:
    """Return ``message | frames | path (hint: ...)`` without the parts that are empty."""
    line = " | ".join(part for part in (message, frames, path) if part)
    if hint:
        line += f" (hint: {hint})"
    return " ".join(line.split())


def _shortened(text: str) -> str:
    """Return a text of bounded length: an error may quote what anybody wrote."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


class InputError(VimatteError):
    """The plate, frame range, colour space or guidance given cannot be used."""

    exit_code = 3
    code = "input"


class FrameReadError(InputError):
    """A frame is missing, truncated, of another size, or not a picture."""

    code = "frame-read"


class FrameRangeError(InputError):
    """A frame range is malformed, empty or outside the plate."""

    code = "frame-range"


class ColorSpaceError(InputError):
    """A colour space is unknown to the OCIO config, or must be given and is not."""

    code = "color-space"


class GuidanceError(InputError):
    """Guidance masks are missing, empty, or of the wrong size."""

    code = "guidance"


class SessionError(InputError):
    """A session file is malformed, of another version, or points outside its roots."""

    code = "session"


class ConfigError(VimatteError):
    """The installation, a setting or a name is wrong."""

    exit_code = 4
    code = "config"


class UnknownModelError(ConfigError):
    """No model, guidance provider or output has this name; the message lists the known ones."""

    code = "unknown-model"


class MissingDependencyError(ConfigError):
    """A package of an optional extra is not installed."""

    code = "missing-dependency"


class CacheError(VimatteError):
    """The cache cannot be read or written."""

    exit_code = 5
    code = "cache"


class FrameNotReady(CacheError):
    """The frame asked for has not been computed yet."""

    code = "frame-not-ready"


class OutputError(VimatteError):
    """A result cannot be written: the disk is full, read-only, ..."""

    exit_code = 6
    code = "output"


class ModelError(VimatteError):
    """The network failed."""

    exit_code = 7
    code = "model"


class CheckpointError(ModelError):
    """Weights are missing, corrupt, or belong to another network."""

    code = "checkpoint"


class OutOfMemoryError(ModelError):
    """The device ran out of memory, with the smallest tiles too."""

    code = "out-of-memory"


class WorkerError(VimatteError):
    """The worker process died or spoke another protocol version."""

    exit_code = 8
    code = "worker"


class VerifyError(VimatteError):
    """Published or cached files are missing, corrupt or not what the session describes."""

    exit_code = 9
    code = "verify"


class FarmError(VimatteError):
    """A job bundle is wrong, or the farm's own programs refused a job or lost one."""

    exit_code = 10
    code = "farm"


class Cancelled(VimatteError):
    """The user stopped the work; every finished frame is kept."""

    exit_code = 130
    code = "cancelled"
