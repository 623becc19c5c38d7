"""The forms masks come in: a folder an instance, index pictures, one matte, EXR layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from vimatte.errors import GuidanceError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.numbered_files import NumberedFiles
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.guidance.mask_channels import mask_layers, unused_layers
from vimatte.guidance.mask_indices import MOST_VALUES, decide, read_index_picture, statistics
from vimatte.guidance.mask_layouts import FoundMasks, FrameMasks, Memory, layers_notice
from vimatte.guidance.mask_meaning import Meaning, meaning_of
from vimatte.guidance.mask_numbers import NumberedMasks, Numbering, check_numbers
from vimatte.guidance.mask_picture import (
    lies_on,
    on_canvas,
    read_layout,
    read_matte,
    read_planes,
)
from vimatte.notices import Notice

_MATTE_NAME = "object01"


@dataclass
class InstanceMattes:
    """A sequence an instance, one mask a picture: ``root/<name>/*.####.png``, or one sequence.

    An instance is absent before its first and after its last picture; a hole in between is an
    error, because it cannot be told from a lost file.
    """

    sequences: dict[int, tuple[str, NumberedFiles]]
    kind: str = "folders"
    overlapping: bool = True
    by_alpha: set[int] = field(default_factory=set)
    by_index: set[int] = field(default_factory=set)
    nothing: GuidanceError | None = None

    def settings(self) -> dict[str, Any]:
        """See `MaskLayout.settings`."""
        told = {"by_alpha": sorted(self.by_alpha), "by_index": sorted(self.by_index)}
        return {name: keys for name, keys in told.items() if keys}

    def prepare(self, numbering: Numbering, memory: Memory) -> FoundMasks:
        """See `MaskLayout.prepare`."""
        if self.nothing is not None:
            raise self.nothing
        self.sequences = {
            key: (name, found.moved(numbering.offset or 0))
            for key, (name, found) in self.sequences.items()
        }
        notices = check_numbers(
            [NumberedMasks(name, s.frames, s.folder) for name, s in self.sequences.values()],
            numbering,
        )
        names = {key: name for key, (name, _) in self.sequences.items()}
        outside = frozenset(
            key
            for key, (_, s) in self.sequences.items()
            if not len(s.frames.intersect(numbering.shot))
        )
        return FoundMasks(names, (*notices, *self.look(numbering.shot, memory)), outside)

    def look(self, shot: FrameRange, memory: Memory) -> tuple[Notice, ...]:
        """Tell what the values of the files mean, and say which of their layers are not used."""
        notices: tuple[Notice, ...] = ()
        for key, (name, sequence) in self.sequences.items():
            files = {f: path for f, path in sequence.files.items() if f in shot}
            if not files:
                continue
            meaning, unused = meaning_of(files, partial(memory.kept, files, key))
            notices += layers_notice(unused, next(iter(files.values())))
            if meaning == Meaning.ALPHA:
                self.by_alpha.add(key)
            elif meaning == Meaning.INDEX:
                self.by_index.add(key)
                text = f"the masks of {name} have no value above {MOST_VALUES}: all but 0 is inside"
                notices += (Notice("mask-reading", text, path=str(sequence.folder)),)
        return notices

    def files(self, frame: int) -> list[Path]:
        """See `MaskLayout.files`."""
        return [s.files[frame] for _, s in self.sequences.values() if frame in s.files]

    def read(self, frame: int, header: FrameHeader, wanted: Window) -> FrameMasks:
        """See `MaskLayout.read`."""
        out = FrameMasks({})
        for key, (_, sequence) in self.sequences.items():
            if frame not in sequence.files:
                continue
            path = sequence.files[frame]
            layout = read_layout(path, frame)
            found = read_matte(path, frame, layout, by_alpha=key in self.by_alpha)
            if key in self.by_index:
                found = found.as_indices()
            window = lies_on(found.area, header, frame, path)
            out.add(key, found.values, window, header, wanted)
        return out


@dataclass
class PngMasks:
    """A PNG a frame: each index but 0 is an instance, whose id it is; or one instance's matte.

    Which of the two is decided once for the whole shot; see `vimatte.guidance.mask_indices`.
    """

    sequence: NumberedFiles
    kind = "palette"
    overlapping = False
    _matte: InstanceMattes | None = None

    def settings(self) -> dict[str, Any]:
        """See `MaskLayout.settings`."""
        return {} if self._matte is None else self._matte.settings()

    def prepare(self, numbering: Numbering, memory: Memory) -> FoundMasks:
        """See `MaskLayout.prepare`."""
        given = self.sequence
        self.sequence = given.moved(numbering.offset or 0)
        notices = check_numbers([NumberedMasks("", self.sequence.frames, given.folder)], numbering)
        wanted = {f: p for f, p in self.sequence.files.items() if f in numbering.shot}

        def pictures() -> Iterator[Any]:
            for frame, path in wanted.items():
                read_layout(path, frame)  # refuses what is far too large
                yield read_index_picture(path, frame)

        reading = decide(memory.kept(wanted, 0, lambda: statistics(pictures())))
        if reading is None:
            raise GuidanceError(
                "the pictures are in colour, but have no palette: which colour is which instance"
                " cannot be told",
                path=given.folder,
                hint="save palette PNGs, or give a folder of masks an instance",
            )
        if not reading.indexed:
            self.kind = "matte"
            self._matte = InstanceMattes({1: (_MATTE_NAME, self.sequence)}, "matte", False)
            said = _reading_notice(
                f"the pictures of {given.name} are read as the matte of one instance: inside "
                "where at least half as bright as white",
                given,
            )
            looked = self._matte.look(numbering.shot, memory)
            return FoundMasks({1: _MATTE_NAME}, (*notices, said, *looked))
        if not reading.certain and len(reading.values) > 1:
            values = ", ".join(map(str, reading.values))
            said = _reading_notice(
                f"the grey pictures of {given.name} are read as an index map: "
                f"each of the values {values} is an instance",
                given,
            )
            notices = (*notices, said)
        keys = {*range(1, 256), *reading.values}
        return FoundMasks({key: f"object{key:02d}" for key in sorted(keys)}, notices)

    def files(self, frame: int) -> list[Path]:
        """See `MaskLayout.files`."""
        path = self.sequence.files.get(frame)
        return [] if path is None else [path]

    def read(self, frame: int, header: FrameHeader, wanted: Window) -> FrameMasks:
        """See `MaskLayout.read`."""
        if self._matte is not None:
            return self._matte.read(frame, header, wanted)
        path = self.sequence.files.get(frame)
        if path is None:
            return FrameMasks({})
        layout = read_layout(path, frame)
        window = lies_on(layout, header, frame, path)
        picture = read_index_picture(path, frame)
        indices = picture.codes if picture.indices is None else picture.indices
        if indices.shape != layout.window.shape:
            raise GuidanceError("the picture is not of the size it claims", frame=frame, path=path)
        out = FrameMasks({})
        for key in sorted(set(indices.reshape(-1).tolist()) - {0}):
            mask = on_canvas(indices == key, window, header, wanted)
            if mask is not None:
                out.masks[key] = mask
        return out


@dataclass
class ExrLayers:
    """An EXR a frame; each layer or part that is a mask is an instance (see `mask_layers`)."""

    sequence: NumberedFiles
    kind = "layers"
    overlapping = True

    def settings(self) -> dict[str, Any]:
        """See `MaskLayout.settings`."""
        return {}

    def prepare(
        self,
        numbering: Numbering,
        memory: Memory,  # noqa: ARG002 - index pictures need it
    ) -> FoundMasks:
        """See `MaskLayout.prepare`."""
        given = self.sequence
        self.sequence = given.moved(numbering.offset or 0)
        notices = check_numbers([NumberedMasks("", self.sequence.frames, given.folder)], numbering)
        names: set[str] = set()
        unused: dict[str, None] = {}
        for frame, path in self.sequence.files.items():
            if frame in numbering.shot:
                layout = read_layout(path, frame)
                names |= mask_layers(layout).keys()
                unused |= dict.fromkeys(unused_layers(layout))
        if names - {""}:
            names -= {""}
        unused = {name: None for name in unused if name not in names}
        if not names:
            holds = f": they hold {', '.join(list(unused)[:12])}" if unused else ""
            raise GuidanceError(
                f"the files hold no mask layer{holds}",
                path=next(iter(given.files.values())),
                hint="a mask layer is called name.A, or has one channel only; pictures that are "
                "one instance's matte belong into a folder: masks/NAME/mask.1001.exr",
            )
        self._ids = {name: key for key, name in enumerate(sorted(names), start=1)}
        named = {key: name or _MATTE_NAME for name, key in self._ids.items()}
        return FoundMasks(named, (*notices, *layers_notice(tuple(unused), given.folder)))

    def files(self, frame: int) -> list[Path]:
        """See `MaskLayout.files`."""
        path = self.sequence.files.get(frame)
        return [] if path is None else [path]

    def read(self, frame: int, header: FrameHeader, wanted: Window) -> FrameMasks:
        """See `MaskLayout.read`."""
        path = self.sequence.files.get(frame)
        out = FrameMasks({})
        if path is None:
            return out
        found = mask_layers(read_layout(path, frame))
        for name, key in self._ids.items():
            if name not in found:
                continue
            channel = found[name]
            what = f"the layer {name}" if name else "the mask"
            window = lies_on(channel, header, frame, path, what)
            # One plane at a time: a file may hold dozens of layers.
            out.add(key, read_planes(path, frame, [channel])[0], window, header, wanted)
        return out


def _reading_notice(text: str, given: NumberedFiles) -> Notice:
    hint = "palette PNGs are always index maps; a folder of pictures an instance always mattes"
    return Notice("mask-reading", text, path=str(given.folder), hint=hint)
