"""Names of image sequences: ``sh010.####.exr``, ``sh010.%04d.exr``, ``sh010.$F4.exr``, stills."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vimatte.errors import FrameReadError
from vimatte.frames import view_tokens
from vimatte.frames.folder_names import names_in, patterns_in
from vimatte.frames.frame_range import MOST_NUMBER, FrameRange
from vimatte.frames.given_path import given_path

_FRAME_TOKEN = re.compile(r"#+|%(?:0[0-9]{1,2})?d|\$F[1-9]?(?![A-Za-z0-9])")
_NUMBER = re.compile(r"-?[0-9]{1,100}")
_NUMBERED_STILL = re.compile(r"(.+)\.(-?[0-9]{3,9})(\.[^.]+)")
# Behind a pattern that was copied out of Nuke stands its range.
_RANGE_BEHIND = re.compile(r"\s+-?[0-9]+(?:--?[0-9]+)?\s*$")
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
        Digits of the number, padded with zeros; 0 where the name has no number. The minus of a
        negative number is one of them for printf (``-002``) and stands before them for Blender
        (``-0002``): both are read.
    still : int or None
        The frame number of a still, whose file name is prefix + suffix.
    """

    folder: Path
    prefix: str
    suffix: str
    width: int
    still: int | None = None

    def path(self, frame: int) -> Path:
        """Return the file of one frame: of two spellings of a negative number the one there is."""
        if self.still is not None:
            return self.folder / f"{self.prefix}{self.suffix}"
        paths = [
            self.folder / f"{self.prefix}{number}{self.suffix}" for number in self._spelt(frame)
        ]
        if len(paths) > 1 and not paths[0].exists() and paths[1].exists():
            return paths[1]
        return paths[0]

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

    @property
    def text(self) -> str:
        """The file name with ``#`` for the digits of the number."""
        if self.still is not None:
            return self.prefix + self.suffix
        return f"{self.prefix}{'#' * max(1, self.width)}{self.suffix}"

    def find(self) -> FrameRange:
        """Return the frames whose files exist. Raises FrameReadError when there is none."""
        if self.still is not None:
            return FrameRange.of([self.still])
        frames = FrameRange.of(
            frame for name in names_in(self.folder) if (frame := self.frame_of(name)) is not None
        )
        if not frames:
            raise self.nothing_found()
        return frames

    def frame_of(self, name: str) -> int | None:
        """Return the frame that a file's name stands for, or None for a name of none.

        Only one spelling of a number is one of ours: 7, 07 and 0007 are different files.
        """
        if not (name.startswith(self.prefix) and name.endswith(self.suffix)):
            return None
        text = name[len(self.prefix) : len(name) - len(self.suffix)]
        if not _NUMBER.fullmatch(text) or abs(int(text)) > MOST_NUMBER:
            return None
        frame = int(text)
        return frame if text in self._spelt(frame) else None

    def nothing_found(self) -> FrameReadError:
        """Return the error of a pattern without a file, which names what comes near it."""
        hints = [what_is_there(self.folder, self.text)]
        if self.folder.is_dir() and any(map(self._too_large, names_in(self.folder))):
            limit = f"frame numbers go from -{MOST_NUMBER} to {MOST_NUMBER}: give the files others"
            hints.insert(0, limit)
        behind = _RANGE_BEHIND.search(self.suffix)
        if behind is not None:
            hints.insert(0, f"a range belongs into --frames: --frames {behind[0].strip()}")
        return FrameReadError(
            "no file matches the plate's pattern",
            path=self.folder / self.text,
            hint="; ".join(hint for hint in hints if hint) or None,
        )

    def _too_large(self, name: str) -> bool:
        """Whether a name would be a frame's but for the size of its number."""
        if not (name.startswith(self.prefix) and name.endswith(self.suffix)):
            return False
        text = name[len(self.prefix) : len(name) - len(self.suffix)]
        return _NUMBER.fullmatch(text) is not None and abs(int(text)) > MOST_NUMBER

    def _spelt(self, frame: int) -> Sequence[str]:
        number = f"{frame:0{self.width}d}"
        if frame >= 0:
            return (number,)
        after_minus = f"-{-frame:0{self.width}d}"
        return (number,) if number == after_minus else (number, after_minus)


def read_pattern(path: str | Path, *, view: str | None, start_frame: int) -> FilePattern:
    """Work out which files a plate's path means.

    Parameters
    ----------
    path : str or Path
        A pattern (``#``, ``%d``, ``%04d`` or ``$F4`` in the file name; ``%V`` or ``%v`` anywhere)
        or a file.
    view : str, optional
        What the view tokens stand for. Without it the only stereo view there is.
    start_frame : int
        The frame number of a still whose name has none (``name.1001.exr`` has one).

    Raises
    ------
    InputError
        When the path is empty.
    FrameReadError
        When nothing matches, or the pattern is ambiguous.
    """
    path = given_path(path, "the plate")
    if not path.is_file():
        path = view_tokens.with_view(path, view, _anything_matches)
    if path.is_file():
        match = _NUMBERED_STILL.fullmatch(path.name)
        still = int(match[2]) if match else start_frame
        return FilePattern(path.parent, path.stem, path.suffix, 0, still)
    patterns = _patterns(path)
    if len(patterns) > 1:
        # The number is the group of which there are files; others are a part of the name.
        patterns = [pattern for pattern in patterns if _has_files(pattern)]
        if len(patterns) != 1:
            raise FrameReadError(
                "the plate's name has more than one frame number",
                path=path,
                hint="write # (or %04d) for the frame number only, other digits as they are",
            )
    if patterns:
        if _FRAME_TOKEN.search(str(path.parent)) and not path.parent.is_dir():
            raise FrameReadError(
                "a folder of the plate's path has a frame number",
                path=path,
                hint="the number stands in the file's name, and all frames lie in one folder",
            )
        return patterns[0]
    if path.is_dir():
        raise FrameReadError(
            "the plate is a folder, not an image sequence or a movie",
            path=path,
            hint=what_is_there(path),
        )
    raise FrameReadError("no such file", path=path, hint=what_is_there(path.parent, path.name))


def has_view_token(path: str | Path) -> bool:
    """Whether the path holds ``%V`` or ``%v``, and no folder or file is called so."""
    return view_tokens.has_view_token(Path(path), _anything_matches)


def legal_stem(text: str) -> str:
    """Turn any text into a file stem that every system takes, at most 100 characters."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._- ")[:100].rstrip("._- ")
    if not stem:
        return "plate"
    return f"plate_{stem}" if _RESERVED.fullmatch(stem) else stem


def what_is_there(folder: Path, wanted: str = "") -> str | None:
    """Name a few patterns of the files in a folder, those most like the wanted name first."""
    if not folder.is_dir():
        return None
    known = patterns_in(folder, wanted)
    if not known:
        return "the folder holds no file"
    return "the folder has " + ", ".join(known[:4]) + (", ..." if len(known) > 4 else "")


def _patterns(path: Path) -> list[FilePattern]:
    """Return the pattern of every group in a file's name that may be the frame number."""
    name, found = path.name, []
    for token in _FRAME_TOKEN.finditer(name):
        text = token[0]
        width = len(text) if text[0] == "#" else int("".join(filter(str.isdigit, text)) or 0)
        found.append(FilePattern(path.parent, name[: token.start()], name[token.end() :], width))
    return found


def _anything_matches(path: Path) -> bool:
    return path.is_file() or any(map(_has_files, _patterns(path)))


def _has_files(pattern: FilePattern) -> bool:
    try:
        return any(pattern.frame_of(name) is not None for name in names_in(pattern.folder))
    except FrameReadError:
        return False
