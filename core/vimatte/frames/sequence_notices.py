"""What the user should know of the files of a plate: holes, doubles, files that are not used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import gcd

from vimatte.frames.file_pattern import FilePattern
from vimatte.frames.frame_range import MOST_NUMBER, FrameRange
from vimatte.frames.sequence_files import LookAlike, SequenceFiles
from vimatte.notices import Notice

#: Notices about frames that are not there. Who asks for certain frames knows of them, or is
#: refused.
OF_MISSING_FRAMES = frozenset({"plate-hole", "plate-step", "plate-empty-file"})
_NAMED = 6
# Missing frames that are listed, and characters of a list: a worker's line has an end.
_MOST_MISSING = 100_000
_LONGEST = 4000


def notices_of(pattern: FilePattern, files: SequenceFiles) -> tuple[Notice, ...]:
    """Return what the user should know of a plate's files."""
    path = str(pattern.folder / pattern.text)
    return (
        *_missing(files, path),
        *_empty(files, path),
        *_doubles(files, path),
        *_not_used(pattern, files, path),
        *_unfinished(files, path),
        *_negative(pattern, files, path),
    )


def usual_step(frames: FrameRange) -> int:
    """Return the step that the frames keep, but for holes: 2 for a plate on twos, mostly 1."""
    gaps = [later - earlier for earlier, later in pairwise(_bounded(frames))]
    step = gcd(*gaps)
    # Two frames far apart are no step, nor are numbers that only happen to have a factor.
    return step if len(gaps) > 1 and 2 * gaps.count(step) >= len(gaps) else 1


def _missing(files: SequenceFiles, path: str) -> Iterator[Notice]:
    frames = files.frames
    if len(frames) < 2:
        return
    first, last, step = frames.first, frames.last, usual_step(frames)
    if step > 1:
        yield Notice(
            "plate-step",
            f"the plate has every {_ordinal(step)} frame from {first} to {last} only, "
            "and so have the mattes",
            path=path,
        )
    count = (last - first) // step + 1 - len(frames)
    if count > _MOST_MISSING:
        yield Notice(
            "plate-hole",
            f"the plate has {len(frames)} frames, but their numbers run from {first} to {last}",
            path=path,
            hint="numbers that are no frame numbers, e.g. time stamps, are best renumbered",
        )
        return
    absent = FrameRange.span(first, last, step).without(frames).without(files.empty)
    if not len(absent):
        return
    there = [item.name for item in files.elsewhere if item.frame in absent]
    hint = f"render {'it' if len(absent) == 1 else 'them'} again, or go on"
    if there:
        hint = f"{_listed(there)} {_are(there)} there"
    yield Notice(
        "plate-hole",
        f"{_count(len(absent), 'frame')} of the plate {_are(range(len(absent)))} missing "
        f"between {first} and {last}",
        _text(absent),
        path,
        hint,
    )


def _empty(files: SequenceFiles, path: str) -> Iterator[Notice]:
    if len(files.empty):
        yield Notice(
            "plate-empty-file",
            f"{_count(len(files.empty), 'file')} of the plate "
            f"{'is' if len(files.empty) == 1 else 'are'} empty (0 bytes) and not used",
            _text(files.empty),
            path,
            "not written to the end, or a placeholder of a render that is going on: "
            "render again what is missing",
        )


def _doubles(files: SequenceFiles, path: str) -> Iterator[Notice]:
    found = [item for item in _unused(files) if item.frame in files.frames]
    if found:
        yield Notice(
            "plate-two-files",
            f"two files for one frame: {_listed([item.name for item in found])} "
            f"{_are(found)} not used",
            _frames(found),
            path,
            "one file a frame is used, the one that is written as the pattern is; "
            "move the other away",
        )


def _not_used(pattern: FilePattern, files: SequenceFiles, path: str) -> Iterator[Notice]:
    found = [item for item in _unused(files) if item.frame not in files.frames]
    whole = [item for item in found if item.kind == "spelling"]
    if whole:
        wider = _pattern_of_all(pattern, files.frames, whole)
        yield Notice(
            "plate-unused-files",
            f"{_listed([item.name for item in whole])} {_look(whole)} of this plate and "
            f"{_are(whole)} not used",
            _frames(whole),
            path,
            "give all frames names of one kind: the same padding, letters and extension"
            if wider is None
            else f"{wider} takes them too",
        )
    strange = [item for item in found if item.kind == "number"]
    if strange:
        yield Notice(
            "plate-unused-files",
            f"{_listed([item.name for item in strange])} {_look(strange)} of this plate and "
            f"{_are(strange)} not used",
            path=path,
            hint=f"frame numbers are whole, in the digits 0 to 9, and at most {MOST_NUMBER}",
        )
    broken = [item for item in found if item.kind == "no file"]
    if broken:
        yield Notice(
            "plate-unused-files",
            f"{_listed([item.name for item in broken])} {_look(broken)} of this plate and "
            f"{'is no file' if len(broken) == 1 else 'are no files'}",
            _frames(broken),
            path,
            "a folder, or a link that leads nowhere",
        )


def _unfinished(files: SequenceFiles, path: str) -> Iterator[Notice]:
    found = [item for item in files.others if item.kind == "unfinished"]
    if found:
        yield Notice(
            "plate-leftover-files",
            f"{_listed([item.name for item in found])} {_are(found)} not used: such names are "
            "those of files that are being written, or were not written to the end",
            _frames(found),
            path,
            "wait for the render, or remove them",
        )


def _negative(pattern: FilePattern, files: SequenceFiles, path: str) -> Iterator[Notice]:
    if files.frames.last < 0 and pattern.prefix[-1:].isalnum():
        yield Notice(
            "plate-negative-frames",
            "every frame number is negative: the hyphen before it may be a part of the name",
            _text(files.frames),
            path,
            f"then write {pattern.prefix}-{pattern.text[len(pattern.prefix) :]}",
        )


def _unused(files: SequenceFiles) -> Iterator[LookAlike]:
    return (item for item in files.others if item.kind != "unfinished")


def _pattern_of_all(
    pattern: FilePattern, frames: FrameRange, others: Sequence[LookAlike]
) -> str | None:
    """Return the pattern of another padding that takes every file, where there is one."""
    used = [pattern.path(frame).name for frame in _bounded(frames)]
    for width in range(9, 0, -1):
        wider = FilePattern(pattern.folder, pattern.prefix, pattern.suffix, width)
        names = [*used, *(item.name for item in others)]
        if all(wider.frame_of(name) is not None for name in names):
            return wider.text
    return None


def _bounded(frames: FrameRange) -> list[int]:
    return [frame for run in frames.runs for frame in run[:100_000]]


def _frames(items: Sequence[LookAlike]) -> str:
    return _text(FrameRange.of(item.frame for item in items if item.frame is not None))


def _text(frames: FrameRange) -> str:
    """Return a range as text; of one that is too long the frames it lies between."""
    text = str(frames)
    return text if len(text) <= _LONGEST else f"{frames.first}-{frames.last}"


def _listed(names: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and 7 more``."""
    if len(names) > _NAMED:
        return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _are(items: Sequence[object]) -> str:
    return "is" if len(items) == 1 else "are"


def _look(items: Sequence[object]) -> str:
    return "looks like a frame" if len(items) == 1 else "look like frames"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 20 else ending}"
