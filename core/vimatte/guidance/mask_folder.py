"""Find the masks at a path: which form they have, and which files are none of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vimatte.errors import FrameReadError, GuidanceError
from vimatte.frames.file_pattern import read_pattern
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.numbered_files import (
    FolderListing,
    NumberedFiles,
    files_between,
    list_folder,
    number_of,
    single_file,
)
from vimatte.guidance.mask_forms import ExrLayers, InstanceMattes, PngMasks
from vimatte.guidance.mask_layouts import MaskLayout
from vimatte.guidance.mask_numbers import refuse_doubled
from vimatte.notices import Notice

_MOST_NAMED = 12
_NUMBER = re.compile(r"-?[0-9]+(?=\.[^./]*$)")


@dataclass(frozen=True, slots=True)
class GivenMasks:
    """Masks at a path.

    Attributes
    ----------
    layout : MaskLayout
    notices : tuple of Notice
        What lies there and is not used.
    """

    layout: MaskLayout
    notices: tuple[Notice, ...] = ()


def open_masks(path: Path, frames: FrameRange | None = None) -> GivenMasks:
    """Tell which form the masks at a path have.

    Parameters
    ----------
    path : Path
        A folder with a folder an instance in it; or a folder with one numbered sequence, or its
        pattern (``masks.####.png``): EXR files are layers, PNG files index pictures or one
        instance's matte, others one instance's matte.
    frames : FrameRange, optional
        The shot's: where it is a single one, a picture without a number is its mask.

    Raises
    ------
    GuidanceError
        When nothing is there, or nothing that is known.
    """
    if path.is_dir():
        inside = listed_folder(path)
        folders = {folder: listed_folder(folder) for folder in inside.folders}
        if any(listing.sequences or listing.stills for listing in folders.values()) or (
            folders and not (inside.sequences or inside.stills)
        ):
            return _instance_folders(path, inside, folders, frames)
        sequence, unused = sequence_of(path, inside, frames)
        unused += inside.folders
    else:
        sequence, unused = sequence_at(path, frames)
    suffix = next(iter(sequence.files.values())).suffix.lower()
    notices = unused_files(path if path.is_dir() else path.parent, unused)
    layout: MaskLayout
    if suffix == ".exr":
        layout = ExrLayers(sequence)
    elif suffix == ".png":
        layout = PngMasks(sequence)
    else:
        layout = InstanceMattes({1: ("object01", sequence)}, "matte", overlapping=False)
    return GivenMasks(layout, notices)


def sequence_at(
    path: Path, frames: FrameRange | None = None
) -> tuple[NumberedFiles, tuple[Path, ...]]:
    """Return the files of a pattern or of a single picture, and files like it that are not used.

    Raises
    ------
    GuidanceError
        When there is none.
    """
    try:
        pattern = read_pattern(path, view=None, start_frame=1)
        if pattern.still is None:
            found = files_between(pattern.folder, pattern.prefix, pattern.suffix, pattern.width)
            if not found.files:
                pattern.find()
            if found.files:
                return found, found.doubled
        else:
            file = pattern.path(pattern.still)
            number = number_of(file.name)
            if number is None:
                number = _only(frames, file)
            return single_file(file, number), ()
    except FrameReadError as error:
        raise GuidanceError(
            f"there are no masks: {error.message}", path=error.path or path, hint=error.hint
        ) from error
    raise GuidanceError("there are no masks: no file matches the pattern", path=path)


def sequence_of(
    folder: Path, inside: FolderListing | None = None, frames: FrameRange | None = None
) -> tuple[NumberedFiles, tuple[Path, ...]]:
    """Return the one numbered sequence in a folder, and the files that are none of it.

    Raises
    ------
    GuidanceError
        When there is none, or more than one.
    """
    inside = listed_folder(folder) if inside is None else inside
    if len(inside.sequences) == 1:
        refuse_doubled(inside.sequences[0])
        return inside.sequences[0], (*inside.stills, *inside.others)
    if not inside.sequences and len(inside.stills) == 1:
        file = inside.stills[0]
        number = _only(frames, file)
        return single_file(file, number), inside.others
    found = ", ".join(each.name for each in inside.sequences)
    if not found and inside.stills:
        found = "pictures without a number: " + _names(folder, inside.stills)
    raise GuidanceError(
        f"the folder must hold one numbered sequence of masks, found {found or 'none'}",
        path=folder,
        hint="files are called e.g. mask.1001.png",
    )


def unused_files(root: Path, paths: Iterable[Path], kind: str = "mask") -> tuple[Notice, ...]:
    """Return the notice about files and folders among the masks that no instance takes."""
    paths = tuple(paths)
    if not paths:
        return ()
    what = "masks" if kind == "mask" else f"{kind} mattes"
    text = f"not used as {what}: {_names(root, paths)}"
    return (Notice(f"{kind}-files-unused", text, path=str(root)),)


def _instance_folders(
    root: Path,
    inside: FolderListing,
    folders: dict[Path, FolderListing],
    frames: FrameRange | None,
) -> GivenMasks:
    sequences = {}
    unused = [path for each in inside.sequences for path in each.files.values()]
    unused += [*(p for each in inside.sequences for p in each.doubled), *inside.stills]
    unused += inside.others
    empty = []
    # An id is a folder's place among all of them, so that an empty one that is filled later
    # changes nobody else's.
    for key, (folder, listing) in enumerate(folders.items(), start=1):
        if not (listing.sequences or listing.stills):
            empty.append(folder)
            continue
        found, others = sequence_of(folder, listing, frames)
        sequences[key] = (folder.name, found)
        unused += [*others, *listing.folders]
    nothing = None
    if not sequences:
        deeper = [sub for listing in folders.values() for sub in listing.folders]
        hint = "files are called e.g. NAME/mask.1001.png"
        if deeper:
            hint += f"; only folders right below it are instances, not {_names(root, deeper)}"
        nothing = GuidanceError(
            f"no folder in it holds masks, found none in {_names(root, empty)}",
            path=root,
            hint=hint,
        )
    notices = unused_files(root, unused)
    if empty:
        text = f"folders without pictures, which make no instance: {_names(root, empty)}"
        notices = (*notices, Notice("mask-folder-empty", text, path=str(root)))
    return GivenMasks(InstanceMattes(sequences, nothing=nothing), notices)


def listed_folder(folder: Path) -> FolderListing:
    """Look into a folder of masks. Raises GuidanceError when it cannot be listed."""
    try:
        return list_folder(folder)
    except FrameReadError as error:
        raise GuidanceError(error.message, path=error.path, hint=error.hint) from error


def _only(frames: FrameRange | None, file: Path) -> int:
    """Return the frame of a picture without a number: the shot's, where it has only one."""
    if frames is not None and len(frames) == 1:
        return frames.first
    raise GuidanceError(
        "the picture's name has no number: which frame is it of?",
        path=file,
        hint="files are called e.g. mask.1001.png",
    )


def _names(root: Path, paths: Iterable[Path]) -> str:
    """Return files by their names below a folder; those that differ by a number as one."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        groups.setdefault(_NUMBER.sub("#", name), []).append(name)
    listed = [
        names[0] if len(names) == 1 else f"{shape} ({len(names)} files)"
        for shape, names in groups.items()
    ]
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    return ", ".join(listed[:_MOST_NAMED]) + more
