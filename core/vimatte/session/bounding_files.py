"""Which files are whose garbage or core matte: matched by name, number and size, or refused.

::

    DIR/anna/g.####.exr   bounds the instance anna
    DIR/bert/g.####.exr
    DIR/g.####.exr        bounds every instance that has no folder
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vimatte.errors import GuidanceError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.numbered_files import NumberedFiles
from vimatte.guidance.mask_channels import MatteChannels
from vimatte.guidance.mask_folder import listed_folder, sequence_at, sequence_of, unused_files
from vimatte.guidance.mask_indices import MOST_VALUES
from vimatte.guidance.mask_layouts import layers_notice
from vimatte.guidance.mask_meaning import Meaning, meaning_of
from vimatte.guidance.mask_numbers import NumberedMasks, Numbering, check_numbers
from vimatte.guidance.mask_picture import channels_of_matte, lies_on, read_layout
from vimatte.guidance.types import GuidanceResult
from vimatte.notices import Notice
from vimatte.output.names import legal_names
from vimatte.session.session_file import Instance

KINDS = ("garbage", "core")


@dataclass(frozen=True, slots=True)
class BoundingSequence:
    """One sequence of bounding mattes.

    Attributes
    ----------
    kind : {"garbage", "core"}
    files : NumberedFiles
        By the plate's frame numbers.
    alpha : bool
        Whether they have an alpha beside their colours.
    meaning : Meaning
    """

    kind: str
    files: NumberedFiles
    alpha: bool = False
    meaning: Meaning = Meaning.BRIGHT

    @property
    def reading(self) -> str:
        """What decides the pixels beside the files; empty for mattes that are plainly white."""
        return "alpha" * self.alpha + "index" * (self.meaning == Meaning.INDEX)

    def path(self, frame: int) -> Path:
        """Return the file of a frame. Raises GuidanceError."""
        path = self.files.files.get(frame)
        if path is None:
            raise GuidanceError(
                f"there is no {self.kind} matte for the frame",
                frame=frame,
                path=self.files.folder,
                hint=f"it has {self.files.frames}",
            )
        return path


class BoundingFiles:
    """The garbage or the core mattes that a user gave.

    Parameters
    ----------
    kind : {"garbage", "core"}
    path : Path
        A folder, or the pattern of one sequence.
    source : NetworkSource
    offset : int, optional
        Added to the files' numbers.

    Raises
    ------
    GuidanceError
        When nothing is there.
    """

    def __init__(
        self, kind: str, path: Path, source: NetworkSource, offset: int | None = None
    ) -> None:
        self.kind = kind
        self._path = path
        self._source = source
        self._numbering = Numbering(source.frames, source.plate.frames, offset, kind)
        self._pattern = None if path.is_dir() else self._at_pattern()

    def match(
        self, instances: Sequence[Instance], guidance: GuidanceResult
    ) -> tuple[dict[int, BoundingSequence], tuple[Notice, ...]]:
        """Return the sequences by instance id, and what the user should know.

        Raises
        ------
        GuidanceError
            See `vimatte.session.bounds.Bounds.match`.
        """
        flat, folders, unused = self._found()
        owners, notices = self._owners(list(folders), instances, guidance)
        given = {key: folders[name] for name, key in owners.items()}
        names = {row.id: row.name for row in instances}
        free = [row.id for row in instances if row.id not in given]
        matched: dict[int, BoundingSequence] = {}
        if flat is not None and (free or not instances):
            sequence, said = self._fitted(flat, "")
            matched |= dict.fromkeys(free, sequence)
            notices += said
            if self.kind == "core" and len(free) > 1:
                text = f"one core matte for {len(free)} instances: where it is white they share"
                hint = "DIR/NAME/core.####.png is for the instance NAME"
                notices += (Notice("core-shared", text, path=str(flat.folder), hint=hint),)
        elif flat is not None:
            unused = (*unused, *flat.files.values())
        for key, files in given.items():
            matched[key], said = self._fitted(files, names[key])
            notices += said
        root = self._path if self._path.is_dir() else self._path.parent
        return matched, (*unused_files(root, unused, self.kind), *notices)

    def _at_pattern(self) -> tuple[NumberedFiles, tuple[Path, ...]]:
        try:
            return sequence_at(self._path, self._numbering.shot)
        except GuidanceError as error:
            raise GuidanceError(
                f"the {self.kind} mattes are neither a folder nor a sequence: {error.message}",
                path=self._path,
                hint=f"DIR/NAME/{self.kind}.####.png, or one sequence for every instance",
            ) from error

    def _found(
        self,
    ) -> tuple[NumberedFiles | None, dict[str, NumberedFiles], tuple[Path, ...]]:
        """Return the sequence that lies in no folder, those of folders by name, and the rest."""
        if self._pattern is not None:
            return self._pattern[0], {}, self._pattern[1]
        shot = self._numbering.shot
        inside = listed_folder(self._path)
        flat, unused = None, inside.others
        if inside.sequences or (inside.stills and not inside.folders):
            flat, unused = sequence_of(self._path, inside, shot)
        else:
            unused = (*inside.stills, *unused)
        folders = {}
        for folder in inside.folders:
            folders[folder.name], others = sequence_of(folder, None, shot)
            unused = (*unused, *others)
        if flat is None and not folders:
            raise GuidanceError(
                f"the folder holds no {self.kind} mattes",
                path=self._path,
                hint=f"DIR/NAME/{self.kind}.####.png for one instance, "
                f"DIR/{self.kind}.####.png for all",
            )
        return flat, folders, unused

    def _owners(
        self, folders: Sequence[str], instances: Sequence[Instance], guidance: GuidanceResult
    ) -> tuple[dict[str, int], tuple[Notice, ...]]:
        """Return whose folder each is: by the instance's name first, then by its masks'."""
        named = {row.name: row.id for row in instances}
        called = _by_masks_name(guidance)
        owners: dict[str, int] = {}
        strangers = []
        notices: list[Notice] = []
        for folder in folders:
            if folder in named:
                owners[folder] = named[folder]
            else:
                strangers.append(folder)
        for folder in strangers:
            key = called.get(folder)
            if key is not None and key not in owners.values():
                owners[folder] = key
            elif folder in _absent(guidance) or not instances:
                notices.append(
                    Notice(
                        f"{self.kind}-not-in-shot",
                        f"the {self.kind} matte {folder!r} bounds nobody: no such instance is in "
                        "the shot",
                        path=str(self._path),
                    )
                )
            else:
                raise self._unknown(folder, named, called)
        return owners, tuple(notices)

    def _unknown(
        self, folder: str, named: Mapping[str, int], called: Mapping[str, int]
    ) -> GuidanceError:
        known = list(dict.fromkeys([*named, *called]))
        hint = f"known: {', '.join(known)}"
        near = [name for name in known if name.casefold() == folder.casefold()]
        if near:
            hint = f"did you mean {near[0]}? upper and lower case count; {hint}"
        return GuidanceError(
            f"the folder {folder!r} of the {self.kind} mattes is no instance's",
            path=self._path / folder,
            hint=hint,
        )

    def _fitted(
        self, given: NumberedFiles, owner: str
    ) -> tuple[BoundingSequence, tuple[Notice, ...]]:
        """Return the sequence by the plate's numbers. Raises GuidanceError where it cannot be."""
        numbering = self._numbering
        files = given.moved(numbering.offset or 0)
        notices = check_numbers([NumberedMasks(owner, files.frames, files.folder)], numbering)
        missing = numbering.shot.without(files.frames)
        whose = f"the {self.kind} matte" + (f" of {owner}" if owner else "")
        if len(missing):
            raise GuidanceError(
                f"{whose} has no picture for frame{'s' * (len(missing) > 1)} {_short(missing)}",
                frame=missing.first,
                path=files.folder,
                hint=f"it has {_short(files.frames)}",
            )
        first = numbering.shot.first
        path = files.files[first]
        every = [self._channels(files.files[f], f, whose) for f in numbering.shot]
        channels = every[0]
        if channels is None:
            return BoundingSequence(self.kind, files), notices
        meaning, unused = meaning_of({f: files.files[f] for f in numbering.shot})
        if meaning == Meaning.INDEX:
            text = f"{whose} has no value above {MOST_VALUES}: all but 0 counts as white"
            notices += (Notice(f"{self.kind}-reading", text, path=str(files.folder)),)
        sequence = BoundingSequence(self.kind, files, channels.alpha is not None, meaning)
        return sequence, (*notices, *layers_notice(unused, path))

    def _channels(self, path: Path, frame: int, whose: str) -> MatteChannels | None:
        """Return a picture's channels; None where nothing was drawn. Only its head is read.

        Raises
        ------
        GuidanceError
            When it is no picture, of another size, or several of its layers could be the matte.
        """
        layout = read_layout(path, frame, whose)
        if layout.window.empty or not layout.channels:
            return None
        hint = "write one layer a file, in a folder an instance"
        channels = channels_of_matte(path, frame, layout, whose, hint)
        lies_on(channels.colour[0], self._source.header(frame), frame, path, whose)
        return channels


def _by_masks_name(guidance: GuidanceResult) -> dict[str, int]:
    """Return instance ids by what the guidance calls them, as it is written and made legal."""
    names = [info.name for info in guidance.instances]
    ids = [info.id for info in guidance.instances]
    return {**dict(zip(legal_names(names), ids, strict=True)), **dict(zip(names, ids, strict=True))}


def _absent(guidance: GuidanceResult) -> set[str]:
    return {*guidance.absent, *legal_names(guidance.absent)}


def _short(frames: FrameRange) -> str:
    text = str(frames)
    return text if len(text) <= 80 else text[:77] + "..."
