"""The files of a plate's pattern in its folder: used, empty, and those that only look like it."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from vimatte.errors import FrameReadError
from vimatte.frames.file_pattern import FilePattern
from vimatte.frames.folder_names import listed
from vimatte.frames.frame_range import MOST_NUMBER, FrameRange

# Signs, digits of any script, a sub-frame; and blanks that a program put before short numbers.
_NUMBER = r"\s*[-+\u2212]?\d+(?:\.\d+)?\s*"
# What programs hang on a file's name while they write it, or when they are killed.
_UNFINISHED = re.compile(
    r"(?i).*[._~-](?:te?mp|part|partial|filepart|incomplete|writing|lock|crdownload|swp)|.*~"
)
_SCRATCH = re.compile(r"\.[A-Za-z0-9]{6}")

_NONE = FrameRange()

Kind = Literal["spelling", "number", "unfinished", "no file"]


@dataclass(frozen=True, slots=True)
class LookAlike:
    """A file that looks like a frame of the plate and is not used.

    Attributes
    ----------
    name : str
    frame : int or None
        The frame it seems to be; None where the number is no frame's.
    kind : {"spelling", "number", "unfinished", "no file"}
        Other padding or letter case; no whole number of at most nine digits; a name that files have
        while they are written; a folder, or a link that leads nowhere.
    """

    name: str
    frame: int | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class SequenceFiles:
    """What a folder holds of a pattern.

    Attributes
    ----------
    frames : FrameRange
        Those that have a file with content.
    empty : FrameRange
        Those whose file has no byte: a program made it and has not written it.
    others : tuple of LookAlike
    elsewhere : tuple of LookAlike
        Files of frames between the first and the last that have none, with another extension.
    """

    frames: FrameRange
    empty: FrameRange = _NONE
    others: tuple[LookAlike, ...] = ()
    elsewhere: tuple[LookAlike, ...] = ()


def look_for(pattern: FilePattern) -> SequenceFiles:
    """Look for the files of a pattern.

    Raises
    ------
    FrameReadError
        When there is none, or all are empty.
    """
    if pattern.still is not None:
        return SequenceFiles(FrameRange.of([pattern.still]))
    sizes: dict[int, tuple[str, int]] = {}
    rest: list[tuple[str, bool]] = []
    for name, size in _entries(pattern):
        frame = None if size is None else pattern.frame_of(name)
        if frame is None or size is None:
            rest.append((name, size is not None))
        elif frame in sizes:  # both spellings of a negative number
            used = pattern.path(frame).name
            rest.append((name if used != name else sizes[frame][0], True))
            sizes[frame] = (used, size if used == name else sizes[frame][1])
        else:
            sizes[frame] = (name, size)
    frames = FrameRange.of(frame for frame, (_, size) in sizes.items() if size)
    empty = FrameRange.of(frame for frame, (_, size) in sizes.items() if not size)
    if not sizes:
        raise pattern.nothing_found()
    if not frames:
        raise FrameReadError(
            f"every file of the plate is empty: {len(empty)} of 0 bytes",
            path=pattern.folder / pattern.text,
            hint="they were not written to their end: render them again",
        )
    others = tuple(sorted(_look_alikes(pattern, rest), key=_by_number))
    return SequenceFiles(frames, empty, others, tuple(_elsewhere(pattern, frames, rest)))


def _entries(pattern: FilePattern) -> Iterator[tuple[str, int | None]]:
    """Yield the names of a folder, with their sizes; None for what is no file.

    Only files of the pattern are asked for their size: that costs time on a network's disk.
    """
    with listed(pattern.folder) as entries:
        for entry in entries:
            if not entry.is_file():
                yield entry.name, None
            elif pattern.frame_of(entry.name) is None:
                yield entry.name, 1
            else:
                yield entry.name, _size(entry)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 1  # reading it will say what is wrong


def _look_alikes(pattern: FilePattern, names: Sequence[tuple[str, bool]]) -> Iterator[LookAlike]:
    prefix, suffix = _plain(pattern.prefix), _plain(pattern.suffix)
    shape = re.compile(rf"(\.?){re.escape(prefix)}({_NUMBER}){re.escape(suffix)}(.*)", re.DOTALL)
    for name, is_file in names:
        match = shape.fullmatch(_plain(name))
        if match is None:
            continue
        dot, number, behind = match.groups()
        frame = _frame(number)
        if dot or behind:
            if _UNFINISHED.fullmatch(behind) or (dot and _SCRATCH.fullmatch(behind)):
                yield LookAlike(name, frame, "unfinished")
        elif not is_file:
            yield LookAlike(name, frame, "no file")
        else:
            yield LookAlike(name, frame, "number" if frame is None else "spelling")


def _elsewhere(
    pattern: FilePattern, frames: FrameRange, names: Sequence[tuple[str, bool]]
) -> Iterator[LookAlike]:
    """Yield the files that fill a hole under another extension."""
    if not pattern.suffix.startswith("."):
        return
    shape = re.compile(rf"{re.escape(_plain(pattern.prefix))}({_NUMBER})\.[^.]+")
    for name, is_file in names:
        match = shape.fullmatch(_plain(name))
        frame = None if match is None else _frame(match[1])
        if frame is None or not is_file or frame in frames:
            continue
        if frames.first < frame < frames.last and not _plain(name).endswith(_plain(pattern.suffix)):
            yield LookAlike(name, frame, "spelling")


def _frame(text: str) -> int | None:
    digits = text.strip().replace("\u2212", "-")
    if "." in digits or not digits.isascii():
        return None
    number = int(digits) if len(digits) <= 100 else MOST_NUMBER + 1
    return number if abs(number) <= MOST_NUMBER else None


def _by_number(item: LookAlike) -> tuple[bool, int, str]:
    return item.frame is None, item.frame or 0, item.name


def _plain(name: str) -> str:
    """Return a name without what eyes do not see: letter case, and how accents are stored."""
    return unicodedata.normalize("NFC", name.casefold())
