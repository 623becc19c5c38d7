"""One clear error for everything that can keep a file from being written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vimatte.cache.atomic import hint_for, write_atomically
from vimatte.errors import OutputError

_HINT = "check the folder's permissions and free space"


@contextmanager
def writing(path: Path, frame: int | None = None, temporary: Path | None = None) -> Iterator[None]:
    """Turn an OSError into an OutputError that names the file.

    Parameters
    ----------
    path : Path
        What is being written.
    frame : int, optional
    temporary : Path, optional
        Removed when the block fails, whatever the reason.
    """
    try:
        yield
    except BaseException as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        reason = " ".join(str(error.strerror or error).split())
        raise OutputError(
            f"cannot write {'the folder' if path.is_dir() else 'the file'}: {reason}",
            frame=frame,
            path=path,
            hint=hint_for(error) or _HINT,
        ) from error


def write_file(path: Path, data: bytes, frame: int | None = None) -> None:
    """Write bytes under a temporary name in the same folder, flush, rename.

    Raises
    ------
    OutputError
    """
    with writing(path, frame):
        write_atomically(path, data)


def make_folder(folder: Path, frame: int | None = None) -> None:
    """Make a folder and its parents. Raises OutputError."""
    with writing(folder, frame):
        folder.mkdir(parents=True, exist_ok=True)
