"""What lies in a folder: names of files, and the patterns of the sequences they make."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import SequenceMatcher
from pathlib import Path

from vimatte.errors import FrameReadError

# A hyphen behind a letter or a digit parts the name from the number; elsewhere it is a minus.
_LAST_NUMBER = re.compile(r"(?:(?<![A-Za-z0-9])-)?[0-9]+$")


def names_in(folder: Path) -> list[str]:
    """Return the names of a folder's files. Raises FrameReadError."""
    with listed(folder) as entries:
        return [entry.name for entry in entries if entry.is_file()]


@contextmanager
def listed(folder: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
    """Open a folder for listing. Raises FrameReadError."""
    try:
        with os.scandir(folder) as entries:
            yield entries
    except FileNotFoundError:
        raise FrameReadError("no such folder", path=folder) from None
    except OSError as error:
        raise FrameReadError(f"cannot list the folder: {error.strerror}", path=folder) from None


def patterns_in(folder: Path, wanted: str = "") -> list[str]:
    """Return the patterns of a folder's files, ``#`` for digits; most like the wanted one first."""
    found: dict[str, None] = {}
    for name in sorted(names_in(folder)):
        if name.startswith("."):
            continue
        stem, dot, suffix = name.rpartition(".")
        masked = _LAST_NUMBER.sub(lambda m: "#" * len(m[0].lstrip("-")), stem)
        found[masked + dot + suffix] = None
    if not wanted:
        return list(found)
    aim = wanted.casefold()
    # Of thousands of names of stills no more are compared than a person waits for.
    likeness = {
        name: SequenceMatcher(None, aim, name.casefold()).ratio() for name in list(found)[:2000]
    }
    return sorted(likeness, key=lambda name: -likeness[name])
