"""The numbers of mask files beside those of the shot: they meet, or the user hears of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from vimatte.errors import GuidanceError
from vimatte.frames.frame_range import MOST_NUMBER, FrameRange
from vimatte.frames.numbered_files import NumberedFiles
from vimatte.notices import Notice

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class NumberedMasks:
    """One sequence of masks.

    Attributes
    ----------
    owner : str
        Whose masks they are; empty where one sequence holds them all.
    frames : FrameRange
        Their numbers, with the offset added.
    path : Path
        Where they lie.
    """

    owner: str
    frames: FrameRange
    path: Path


@dataclass(frozen=True, slots=True)
class Numbering:
    """Whose numbers are matched, and how.

    Attributes
    ----------
    shot, plate : FrameRange
        The frames to matte, and all that the plate has.
    offset : int or None
        What the user asked to add to the files' numbers; None where nothing was said.
    kind : {"mask", "garbage", "core"}
        What the files are.
    """

    shot: FrameRange
    plate: FrameRange
    offset: int | None = None
    kind: str = "mask"

    @property
    def option(self) -> str:
        """The option that moves the numbers."""
        return f"--{self.kind}-offset"

    @property
    def files(self) -> str:
        """What the files are called."""
        return "masks" if self.kind == "mask" else f"{self.kind} mattes"


def check_numbers(found: Sequence[NumberedMasks], numbering: Numbering) -> tuple[Notice, ...]:
    """Compare the numbers of masks with the shot's.

    A shot may be part of its plate, and its masks cover the whole: a file belongs to no frame
    where the *plate* has none of its number, and is missing where the *shot* has no file.

    Returns
    -------
    tuple of Notice
        Files that belong to no frame, and ends of the shot without masks.

    Raises
    ------
    GuidanceError
        When no file lies in the shot, when numbers look shifted and the user gave no offset, or
        when files are missing between others.
    """
    shot, plate = numbering.shot, numbering.plate
    every = FrameRange.of(chain.from_iterable(item.frames for item in found))
    if not len(every):
        return ()
    where = found[0].path if len(found) == 1 else found[0].path.parent
    if not len(every.intersect(shot)):
        raise _disjoint(f"the {numbering.files}", every, numbering, where)
    _refuse_shifted(f"the {numbering.files}", every, numbering, where)
    notices: list[Notice] = []
    unused: dict[str, list[NumberedMasks]] = {}
    missing: dict[str, list[NumberedMasks]] = {}
    for item in found:
        whose = _of(item, numbering)
        if not len(item.frames.intersect(shot)):
            if numbering.offset is None and not len(item.frames.intersect(plate)):
                raise _disjoint(whose, item.frames, numbering, item.path, alone=len(found) > 1)
            notices.append(_not_in_shot(whose, item, numbering))
            continue
        if len(found) > 1:
            _refuse_shifted(whose, item.frames, numbering, item.path, alone=True)
        absent = _absent(item, numbering)
        if len(absent):
            missing.setdefault(str(absent), []).append(item)
        strangers = item.frames.without(plate)
        if len(strangers):
            unused.setdefault(str(strangers), []).append(item)
    shifted = None
    if unused and missing and numbering.offset is None:
        shifted = f"where the numbers are shifted, {numbering.option} N adds N"
    notices += [
        Notice(
            f"{numbering.kind}-frames-unused",
            f"the {numbering.files}{_whose(items)} numbered {_short(text)} belong to no "
            "frame of the plate and are not used",
            path=str(items[0].path),
            hint=shifted,
        )
        for text, items in unused.items()
    ]
    anew = None
    renumbered = shift_between(every, shot)
    if renumbered and numbering.offset is None:
        anew = "they are as many as the shot's frames: if they count from another start, "
        anew += f"{numbering.option} {renumbered} makes them equal"
    notices += [
        Notice(
            f"{numbering.kind}-frames-missing",
            f"{_names(items)} no {numbering.files} at an end of the shot: absent there",
            frames=text,
            path=str(items[0].path),
            hint=anew,
        )
        for text, items in missing.items()
    ]
    return tuple(notices)


def shift_between(frames: FrameRange, wanted: FrameRange) -> int | None:
    """Return what added to every number of `frames` gives `wanted`; None where nothing does."""
    if not len(frames) or len(frames) != len(wanted):
        return None
    shift = wanted.first - frames.first
    moved = tuple(range(r.start + shift, r.stop + shift, r.step) for r in frames.runs)
    return shift if FrameRange(moved) == wanted else None


def refuse_doubled(files: NumberedFiles) -> None:
    """Refuse two files of one number.

    Raises
    ------
    GuidanceError
    """
    if files.doubled:
        other = files.doubled[0]
        number = next(n for n, path in files.files.items() if _same_number(path, other, files))
        raise GuidanceError(
            f"two files have the number {number}: {files.files[number].name} and {other.name}",
            path=files.folder,
            hint="keep one of them",
        )


def _same_number(path: Path, other: Path, files: NumberedFiles) -> bool:
    cut = slice(len(files.prefix), -len(files.suffix))
    return int(path.name[cut]) == int(other.name[cut])


def _absent(item: NumberedMasks, numbering: Numbering) -> FrameRange:
    """Return the frames at the shot's ends that have no file. Raises for frames in between."""
    within = item.frames.intersect(numbering.shot)
    span = FrameRange.of(f for f in numbering.shot if within.first <= f <= within.last)
    holes = span.without(item.frames)
    if len(holes):
        one = "mask" if numbering.kind == "mask" else f"{numbering.kind} matte"
        where = f"frame{'s' * (len(holes) > 1)} {_short(holes)}"
        hint = {
            "mask": "an empty mask is a black picture; a missing file is an error",
            "garbage": "every frame needs a picture: one that is all white takes nothing away",
            "core": "every frame needs a picture: one that is all black adds nothing",
        }
        raise GuidanceError(
            f"there is no {one} for {where}",
            frame=holes.first,
            path=item.path,
            hint=hint[numbering.kind],
        )
    return numbering.shot.without(span)


def _refuse_shifted(
    whose: str, frames: FrameRange, numbering: Numbering, path: Path, *, alone: bool = False
) -> None:
    if numbering.offset is not None or not len(frames.without(numbering.plate)):
        return
    shift = _shift(frames, numbering)
    if shift:
        option = numbering.option
        raise GuidanceError(
            f"{whose} have the frames {_short(frames)}, the shot has {_short(numbering.shot)}: "
            f"as many, but shifted by {abs(shift)}",
            path=path,
            hint=_alone(shift, option)
            if alone
            else f"{option} {shift} makes them equal, {option} 0 takes them as they are",
        )


def _disjoint(
    whose: str, frames: FrameRange, numbering: Numbering, path: Path, *, alone: bool = False
) -> GuidanceError:
    moved = "" if not numbering.offset else f" (with {numbering.option} {numbering.offset})"
    shift = _shift(frames, numbering)
    total = (numbering.offset or 0) + (shift or numbering.shot.first - frames.first)
    hint = f"{numbering.option} {total} "
    hint += "makes them equal" if shift else "would put the first of them on the shot's first frame"
    if abs(total) > MOST_NUMBER:
        hint = "give the files the shot's numbers: these are too large to be moved by an offset"
        alone = False
    return GuidanceError(
        f"{whose} have the frames {_short(frames)}{moved}, the shot has "
        f"{_short(numbering.shot)}: none in common",
        path=path,
        hint=_alone(total, numbering.option) if alone else hint,
    )


def _alone(shift: int, option: str) -> str:
    """Say what helps where the numbers of the other instances are right."""
    return (
        f"{option} moves those of all: add {shift} to the numbers of these files, or take them as "
        f"they are by {option} 0"
    )


def _shift(frames: FrameRange, numbering: Numbering) -> int | None:
    shift = shift_between(frames, numbering.plate)
    return shift_between(frames, numbering.shot) if shift is None else shift


def _not_in_shot(whose: str, item: NumberedMasks, numbering: Numbering) -> Notice:
    return Notice(
        f"{numbering.kind}-not-in-shot",
        f"{whose} have the frames {_short(item.frames)}: none of them is in the shot",
        path=str(item.path),
    )


def _of(item: NumberedMasks, numbering: Numbering) -> str:
    return f"the {numbering.files}" + (f" of {item.owner}" if item.owner else "")


def _names(items: Sequence[NumberedMasks]) -> str:
    names = [item.owner for item in items if item.owner]
    if not names:
        return "there are"
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"{', '.join(names[:4])}{more} {'has' if len(names) == 1 else 'have'}"


def _whose(items: Sequence[NumberedMasks]) -> str:
    names = [item.owner for item in items if item.owner]
    if not names:
        return ""
    return f" of {', '.join(names[:4])}" + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _short(frames: FrameRange | str) -> str:
    text = str(frames)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
