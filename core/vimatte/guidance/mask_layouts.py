"""The three forms masks come in: a folder an instance, palette pictures, EXR layers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vimatte.errors import FrameReadError, GuidanceError
from vimatte.frames.file_pattern import FilePattern, read_pattern
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.types import FrameHeader, InstanceMask
from vimatte.frames.window import Window
from vimatte.guidance.mask_picture import (
    THRESHOLD,
    lies_on,
    mask_layers,
    on_canvas,
    read_indices,
    read_layout,
    read_planes,
    single_mask,
)

_NUMBERED = re.compile(r"(.*?)(-?\d+)(\.[A-Za-z0-9]+)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,23}")
_SUFFIXES = {".png", ".exr", ".tif", ".tiff", ".jpg", ".jpeg", ".tga", ".bmp", ".dpx"}


class MaskLayout(Protocol):
    """Masks of a shot in one of the three forms."""

    @property
    def kind(self) -> str:
        """What the form is called in settings."""

    @property
    def overlapping(self) -> bool:
        """Whether masks of one frame may share pixels."""

    def prepare(self, frames: FrameRange) -> dict[int, str]:
        """Look at what there is for a shot, and return every instance's name by its id.

        Raises
        ------
        GuidanceError
            When frames have no masks, or a name is not legal.
        """

    def files(self, frame: int) -> list[Path]:
        """Return the files a frame's masks come from, in a fixed order."""

    def read(self, frame: int, header: FrameHeader, wanted: Window) -> dict[int, InstanceMask]:
        """Return a frame's masks by id, empty ones left out, cut to the window `wanted`."""


@dataclass
class InstanceFolders:
    """``root/<name>/*.####.png`` (or EXR, ...): a folder an instance, one mask a picture.

    An instance is absent before its first and after its last picture; a hole in between is an
    error, because it cannot be told from a lost file.
    """

    root: Path
    kind = "folders"
    overlapping = True

    def prepare(self, frames: FrameRange) -> dict[int, str]:
        """See `MaskLayout.prepare`."""
        self._sequences: dict[int, tuple[FilePattern, FrameRange]] = {}
        names = {}
        folders = sorted(p for p in self.root.iterdir() if p.is_dir() and p.name[0] != ".")
        for key, folder in enumerate(folders, start=1):
            pattern = sequence_in(folder)
            found = FrameRange.of(pattern.find())
            within = found.intersect(frames)
            if len(within):
                span = FrameRange.of(f for f in frames if within.first <= f <= within.last)
                _refuse_missing(span.without(found), folder)
            names[key] = checked_name(folder.name, folder)
            self._sequences[key] = (pattern, found)
        return names

    def files(self, frame: int) -> list[Path]:
        """See `MaskLayout.files`."""
        return [
            pattern.path(frame) for pattern, found in self._sequences.values() if frame in found
        ]

    def read(self, frame: int, header: FrameHeader, wanted: Window) -> dict[int, InstanceMask]:
        """See `MaskLayout.read`."""
        out = {}
        for key, (pattern, found) in self._sequences.items():
            if frame not in found:
                continue
            path = pattern.path(frame)
            layout = read_layout(path, frame)
            window = lies_on(layout, header, frame, path)
            mask = on_canvas(single_mask(path, frame, layout), window, header, wanted)
            if mask is not None:
                out[key] = mask
        return out


@dataclass
class PalettePictures:
    """A PNG a frame; each index but 0 is an instance, whose id it is."""

    pattern: FilePattern
    kind = "palette"
    overlapping = False

    def prepare(self, frames: FrameRange) -> dict[int, str]:
        """See `MaskLayout.prepare`."""
        _refuse_missing(frames.without(self.pattern.find()), self.pattern.folder)
        return {key: f"object{key:02d}" for key in range(1, 256)}

    def files(self, frame: int) -> list[Path]:
        """See `MaskLayout.files`."""
        return [self.pattern.path(frame)]

    def read(self, frame: int, header: FrameHeader, wanted: Window) -> dict[int, InstanceMask]:
        """See `MaskLayout.read`."""
        path = self.pattern.path(frame)
        layout = read_layout(path, frame)
        window = lies_on(layout, header, frame, path)
        indices = read_indices(path, frame, layout)
        out = {}
        for key in sorted(set(indices.reshape(-1).tolist()) - {0}):
            mask = on_canvas(indices == key, window, header, wanted)
            if mask is not None:
                out[key] = mask
        return out


@dataclass
class ExrLayers:
    """An EXR a frame; each layer that is a mask is an instance (see `mask_layers`)."""

    pattern: FilePattern
    kind = "layers"
    overlapping = True

    def prepare(self, frames: FrameRange) -> dict[int, str]:
        """See `MaskLayout.prepare`."""
        _refuse_missing(frames.without(self.pattern.find()), self.pattern.folder)
        names: set[str] = set()
        for frame in frames:
            names |= mask_layers(read_layout(self.pattern.path(frame), frame)).keys()
        if not names:
            raise GuidanceError(
                "the files hold no mask layer",
                path=self.pattern.path(frames.first),
                hint="a mask layer is called name.A, or has one channel only",
            )
        self._ids = {
            checked_name(name, self.pattern.folder): key
            for key, name in enumerate(sorted(names), start=1)
        }
        return {key: name for name, key in self._ids.items()}

    def files(self, frame: int) -> list[Path]:
        """See `MaskLayout.files`."""
        return [self.pattern.path(frame)]

    def read(self, frame: int, header: FrameHeader, wanted: Window) -> dict[int, InstanceMask]:
        """See `MaskLayout.read`."""
        path = self.pattern.path(frame)
        layout = read_layout(path, frame)
        window = lies_on(layout, header, frame, path)
        out = {}
        for name, channel in mask_layers(layout).items():
            # One plane at a time: a file may hold dozens of layers.
            plane = read_planes(path, frame, [channel])[0]
            mask = on_canvas(plane >= THRESHOLD, window, header, wanted)
            if mask is not None:
                out[self._ids[name]] = mask
        return dict(sorted(out.items()))


def open_masks(path: Path) -> MaskLayout:
    """Tell which form the masks at a path have.

    Parameters
    ----------
    path : Path
        A folder with a folder an instance in it; or a folder with one numbered sequence, or its
        pattern (``masks.####.png``): EXR files are layers, PNG files palette pictures.

    Raises
    ------
    GuidanceError
        When nothing is there, or nothing that is known.
    """
    if path.is_dir():
        inside = [p for p in path.iterdir() if p.name[0] != "."]
        if any(p.is_dir() for p in inside):
            return InstanceFolders(path)
        pattern = sequence_in(path)
    else:
        try:
            pattern = read_pattern(path, view=None, start_frame=1)
            pattern.find()
        except FrameReadError as error:
            raise GuidanceError(
                f"there are no masks: {error.message}", path=error.path or path, hint=error.hint
            ) from error
    suffix = pattern.path(0).suffix.lower()
    if suffix == ".exr":
        return ExrLayers(pattern)
    if suffix == ".png":
        return PalettePictures(pattern)
    raise GuidanceError(
        f"masks in one sequence are EXR layers or palette PNGs, not {suffix or 'this'}",
        path=path,
        hint="for other formats make a folder an instance",
    )


def sequence_in(folder: Path) -> FilePattern:
    """Return the one numbered picture sequence in a folder.

    Raises
    ------
    GuidanceError
        When there is none, or more than one.
    """
    stems: dict[tuple[str, str], set[int]] = {}
    for entry in folder.iterdir():
        match = _NUMBERED.fullmatch(entry.name)
        if match and entry.name[0] != "." and match[3].lower() in _SUFFIXES and entry.is_file():
            digits = match[2].lstrip("-")
            width = len(digits) if digits[0] == "0" or len(digits) > 1 else 1
            stems.setdefault((match[1], match[3]), set()).add(width)
    if len(stems) != 1:
        found = ", ".join(sorted(f"{a}#{b}" for a, b in stems)) or "none"
        raise GuidanceError(
            f"the folder must hold one numbered sequence of masks, found {found}",
            path=folder,
            hint="files are called e.g. mask.1001.png",
        )
    (prefix, suffix), widths = next(iter(stems.items()))
    return FilePattern(folder, prefix, suffix, min(widths))


def checked_name(name: str, path: Path) -> str:
    """Return an instance's name. Raises GuidanceError when it cannot be a layer's."""
    if _NAME.fullmatch(name) is None:
        raise GuidanceError(
            f"{name!r} cannot be an instance's name",
            path=path,
            hint="names start with a letter and hold at most 24 letters, digits and underscores",
        )
    return name


def _refuse_missing(missing: FrameRange, path: Path) -> None:
    if len(missing):
        text = str(missing)
        raise GuidanceError(
            f"there is no mask for frames {text if len(text) < 80 else text[:77] + '...'}",
            frame=missing.first,
            path=path,
            hint="an empty mask is a black picture; a missing file is an error",
        )
