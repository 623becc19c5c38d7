"""Names of image sequences: ``sh010.####.exr``, ``sh010.%04d.exr``, view tokens and stills."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vimatte.errors import FrameReadError
from vimatte.frames.frame_range import FrameRange

_FRAME_TOKEN = re.compile(r"#+|%(?:0[0-9]{1,2})?d")
_VIEW_TOKEN = re.compile(r"%[Vv]")
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_NUMBERED_STILL = re.compile(r"(.+)\.([0-9]{3,9})(\.[^.]+)")
_VIEW_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_STEREO = ("left", "right")
# Names that Windows keeps for devices, whatever the suffix.
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


@dataclass(frozen=True, slots=True)
class FilePattern:
    """The files of one image sequence, or one still.

    Attributes
    ----------
    folder : Path
    prefix, suffix : str
        The file name before and after the frame number.
    width : int
        Digits of the number, padded with zeros as printf does; 0 where the name has no number.
    still : int or None
        The frame number of a still, whose file name is prefix + suffix.
    """

    folder: Path
    prefix: str
    suffix: str
    width: int
    still: int | None = None

    def path(self, frame: int) -> Path:
        """Return the file of one frame."""
        if self.still is not None:
            return self.folder / f"{self.prefix}{self.suffix}"
        return self.folder / f"{self.prefix}{frame:0{self.width}d}{self.suffix}"

    @property
    def name(self) -> str:
        """A legal file stem: the file name without its number and extension."""
        stem = self.prefix + self.suffix if self.still is not None else self.prefix
        match = _NUMBERED_STILL.fullmatch(stem) if self.still is not None else None
        if match is not None:
            stem = match[1]
        elif self.still is not None:
            stem = Path(stem).stem
        elif not stem.strip("._- "):
            stem = self.suffix.rpartition(".")[0]
        return legal_stem(stem)

    def find(self) -> FrameRange:
        """Return the frames whose files exist. Raises FrameReadError when there is none."""
        if self.still is not None:
            return FrameRange.of([self.still])
        frames = FrameRange.of(self._numbers())
        if not frames:
            raise FrameReadError(
                "no file matches the plate's pattern",
                path=self.folder / f"{self.prefix}{'#' * max(1, self.width)}{self.suffix}",
                hint=_what_is_there(self.folder),
            )
        return frames

    def _numbers(self) -> Iterator[int]:
        for name in _names(self.folder):
            if not (name.startswith(self.prefix) and name.endswith(self.suffix)):
                continue
            text = name[len(self.prefix) : len(name) - len(self.suffix)]
            # Only the one spelling that `path` gives back: 7, 07 and 0007 are different files.
            if _NUMBER.fullmatch(text) and f"{int(text):0{self.width}d}" == text:
                yield int(text)


def read_pattern(path: str | Path, *, view: str | None, start_frame: int) -> FilePattern:
    """Work out which files a plate's path means.

    Parameters
    ----------
    path : str or Path
        A pattern (``#``, ``%d`` or ``%04d`` in the file name; ``%V`` or ``%v`` anywhere) or a file.
    view : str, optional
        What the view tokens stand for. Without it the only stereo view there is.
    start_frame : int
        The frame number of a still whose name has none (``name.1001.exr`` has one).

    Raises
    ------
    FrameReadError
        When nothing matches, or the pattern is ambiguous.
    """
    path = Path(path)
    if path.is_file():
        match = _NUMBERED_STILL.fullmatch(path.name)
        still = int(match[2]) if match else start_frame
        return FilePattern(path.parent, path.stem, path.suffix, 0, still)
    path = _with_view(path, view)
    tokens = list(_FRAME_TOKEN.finditer(path.name))
    if len(tokens) == 1:
        token = tokens[0]
        text = token[0]
        width = len(text) if text[0] == "#" else int(text[1:-1] or 0)
        return FilePattern(path.parent, path.name[: token.start()], path.name[token.end() :], width)
    if len(tokens) > 1:
        raise FrameReadError("the plate's name has more than one frame number", path=path)
    if path.is_file():
        return read_pattern(path, view=None, start_frame=start_frame)
    if path.is_dir():
        raise FrameReadError(
            "the plate is a folder, not an image sequence or a movie",
            path=path,
            hint=_what_is_there(path),
        )
    raise FrameReadError("no such file", path=path, hint=_what_is_there(path.parent))


def has_view_token(path: str | Path) -> bool:
    """Whether the path holds ``%V`` or ``%v``."""
    return _VIEW_TOKEN.search(str(path)) is not None


def legal_stem(text: str) -> str:
    """Turn any text into a file stem that every system takes, at most 100 characters."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._- ")[:100].rstrip("._- ")
    if not stem:
        return "plate"
    return f"plate_{stem}" if _RESERVED.fullmatch(stem) else stem


def _with_view(path: Path, view: str | None) -> Path:
    if not has_view_token(path):
        return path
    if view is not None:
        if not _VIEW_NAME.fullmatch(view):
            raise FrameReadError(f"{view!r} is not a view name", path=path, hint="e.g. left")
        return _substitute(path, {"l": "left", "r": "right"}.get(view.lower(), view))
    present = [name for name in _STEREO if _anything_matches(_substitute(path, name))]
    if len(present) == 1:
        return _substitute(path, present[0])
    if present:
        raise FrameReadError(
            "the plate has two views", path=path, hint="choose one: --view left or --view right"
        )
    raise FrameReadError(
        "no file of a left or right view matches the plate's pattern",
        path=path,
        hint="another view is chosen by --view",
    )


def _substitute(path: Path, view: str) -> Path:
    return Path(_VIEW_TOKEN.sub(lambda m: view if m[0] == "%V" else view[0], str(path)))


def _anything_matches(path: Path) -> bool:
    try:
        return len(read_pattern(path, view=None, start_frame=1).find()) > 0
    except FrameReadError:
        return False


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except FileNotFoundError:
        raise FrameReadError("no such folder", path=folder) from None
    except OSError as error:
        raise FrameReadError(f"cannot list the folder: {error.strerror}", path=folder) from None


def _what_is_there(folder: Path) -> str | None:
    """Name a few patterns of the files in a folder, to help with a mistyped one."""
    if not folder.is_dir():
        return None
    patterns: dict[str, None] = {}
    for name in sorted(_names(folder)):
        stem, dot, suffix = name.rpartition(".")
        masked = re.sub(r"[0-9]+$", lambda m: "#" * len(m[0]), stem)
        patterns[masked + dot + suffix] = None
    if not patterns:
        return "the folder holds no file"
    known = list(patterns)
    return "the folder has " + ", ".join(known[:4]) + (", ..." if len(known) > 4 else "")
