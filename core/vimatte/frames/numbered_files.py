"""The numbered picture files of a folder: ``mask.1001.png``, ``mask-1001.png``, ``m_-0002.exr``.

A name ends in the frame's number and a suffix. The hyphen before a number is a minus after another
separator or at the start of a name (``m_-0002``, ``-0002``), and where files of the same name
without a hyphen lie beside it (``m-0001``, ``m0000``, ``m0001``); otherwise it only separates.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vimatte.errors import FrameReadError
from vimatte.frames.frame_range import FrameRange

#: What a file is called that may hold a picture of a matte or a mask.
PICTURE_SUFFIXES = frozenset(
    (".png", ".exr", ".tif", ".tiff", ".jpg", ".jpeg", ".tga", ".bmp", ".dpx")
)
_NUMBERED = re.compile(r"(.*?)(-?)([0-9]+)(\.[A-Za-z0-9]+)", re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_NAMELESS = re.compile(r"\.[._-]*[0-9]+\.[A-Za-z0-9]+")
_MOST_DIGITS = 18
_SEPARATORS = "._- "
# What file systems and operating systems leave beside a user's files; names that start with a dot
# are theirs, too.
_OF_THE_SYSTEM = frozenset(
    (
        *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "lost+found"),
        *("$recycle.bin", "recycler", "system volume information", "found.000"),
        *("@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "__pycache__"),
        *("network trash folder", "temporary items"),
    )
)


@dataclass(frozen=True, slots=True)
class NumberedFiles:
    """The files of one sequence.

    Attributes
    ----------
    folder : Path
    prefix, suffix : str
        The names before and after the number.
    files : mapping of int to Path
        By number.
    doubled : tuple of Path
        Files whose number another file has already, e.g. ``m.007.png`` beside ``m.7.png``.
    """

    folder: Path
    prefix: str
    suffix: str
    files: Mapping[int, Path]
    doubled: tuple[Path, ...] = ()

    @property
    def frames(self) -> FrameRange:
        """The numbers."""
        return FrameRange.of(self.files)

    @property
    def name(self) -> str:
        """The names with ``#`` for the number; of a single file that was named, its own."""
        if not self.prefix and not self.suffix:
            return next(iter(self.files.values())).name
        return f"{self.prefix}#{self.suffix}"

    def moved(self, offset: int) -> NumberedFiles:
        """Return the same files with `offset` added to their numbers."""
        if offset == 0:
            return self
        files = {number + offset: path for number, path in self.files.items()}
        return NumberedFiles(self.folder, self.prefix, self.suffix, files, self.doubled)


@dataclass(frozen=True, slots=True)
class FolderListing:
    """What lies in a folder, without what systems leave there.

    Attributes
    ----------
    sequences : tuple of NumberedFiles
        Ascending by name.
    stills : tuple of Path
        Pictures without a number.
    others : tuple of Path
        Files that are no pictures.
    folders : tuple of Path
    """

    sequences: tuple[NumberedFiles, ...]
    stills: tuple[Path, ...]
    others: tuple[Path, ...]
    folders: tuple[Path, ...]


def list_folder(folder: Path) -> FolderListing:
    """Look into a folder.

    Raises
    ------
    FrameReadError
        When it cannot be listed.
    """
    files, folders = _entries(folder)
    pictures = [path for path in files if path.suffix.lower() in PICTURE_SUFFIXES]
    numbered, stills = _split(pictures)
    groups: dict[tuple[str, str], list[tuple[int, Path]]] = {}
    for prefix, number, path in numbered:
        groups.setdefault((prefix, path.suffix.lower()), []).append((number, path))
    return FolderListing(
        tuple(
            _sequence(folder, prefix, suffix, found)
            for (prefix, suffix), found in sorted(groups.items())
        ),
        tuple(stills),
        tuple(path for path in files if path.suffix.lower() not in PICTURE_SUFFIXES),
        tuple(folders),
    )


def files_between(folder: Path, prefix: str, suffix: str, width: int) -> NumberedFiles:
    """Return the files whose names are a number between `prefix` and `suffix`.

    Parameters
    ----------
    folder : Path
    prefix, suffix : str
    width : int
        Digits of the number as the user wrote the pattern: of two files with one number, the one
        spelled so is taken.

    Raises
    ------
    FrameReadError
        When the folder cannot be listed.
    """
    found = []
    for path in _entries(folder)[0]:
        name = path.name
        if len(name) <= len(prefix) + len(suffix):
            continue
        text = name[len(prefix) : len(name) - len(suffix)]
        if name.startswith(prefix) and name.endswith(suffix) and _NUMBER.fullmatch(text):
            found.append((f"{int(text):0{width}d}" != text, int(text), path))
    return _sequence(folder, prefix, suffix, [(number, path) for _, number, path in sorted(found)])


def single_file(path: Path, number: int) -> NumberedFiles:
    """Return one file as a sequence, under a number that its name need not have."""
    return NumberedFiles(path.parent, "", "", {number: path})


def number_of(name: str) -> int | None:
    """Return the number a single file's name ends in, or None."""
    match = _NUMBERED.fullmatch(name)
    if match is None or len(match[3]) > _MOST_DIGITS:
        return None
    return -int(match[3]) if match[2] and _is_minus(match[1]) else int(match[3])


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return files and folders by name, without the systems' own."""
    files: list[Path] = []
    folders: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_of_the_system(entry.name):
                    continue
                (folders if entry.is_dir() else files).append(folder / entry.name)
    except OSError as error:
        raise FrameReadError(f"cannot list the folder: {error.strerror}", path=folder) from error
    return sorted(files), sorted(folders)


def _is_of_the_system(name: str) -> bool:
    """Whether a name is hidden or a system's; ``.1001.png`` is somebody's who left out a name."""
    hidden = name[0] == "." and (name[:2] == "._" or _NAMELESS.fullmatch(name) is None)
    return hidden or name.casefold() in _OF_THE_SYSTEM


def _split(pictures: Iterable[Path]) -> tuple[list[tuple[str, int, Path]], list[Path]]:
    """Return prefix, number and path of the numbered ones, and the rest."""
    parsed, stills = [], []
    for path in pictures:
        match = _NUMBERED.fullmatch(path.name)
        if match is None or len(match[3]) > _MOST_DIGITS:
            stills.append(path)
        else:
            parsed.append((match[1], match[2], match[3], path))
    plain = {(prefix, path.suffix.lower()) for prefix, hyphen, _, path in parsed if not hyphen}
    numbered = []
    for prefix, hyphen, digits, path in parsed:
        minus = hyphen and (_is_minus(prefix) or (prefix, path.suffix.lower()) in plain)
        separator = hyphen if not minus else ""
        numbered.append((prefix + separator, -int(digits) if minus else int(digits), path))
    return numbered, stills


def _is_minus(prefix: str) -> bool:
    return not prefix or prefix[-1] in _SEPARATORS


def _sequence(
    folder: Path, prefix: str, suffix: str, found: Iterable[tuple[int, Path]]
) -> NumberedFiles:
    files: dict[int, Path] = {}
    doubled = []
    for number, path in found:
        if files.setdefault(number, path) != path:
            doubled.append(path)
    return NumberedFiles(folder, prefix, suffix, dict(sorted(files.items())), tuple(doubled))
