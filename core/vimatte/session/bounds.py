"""Garbage and core mattes: what a person says bounds what the network says.

A folder per instance holds one sequence of pictures each, like guidance from files; white is
inside. An instance without a folder is not bounded; a sequence that lies in no folder bounds every
instance that has none. See `vimatte.session.bounding_files`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import FrameReadError, GuidanceError
from vimatte.frames.digest_cache import DigestCache
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.image_attributes import file_orientation
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.frames.window import Window, place
from vimatte.guidance.mask_meaning import Meaning
from vimatte.guidance.mask_picture import lies_on, read_layout, read_matte
from vimatte.guidance.masks_io import mask_of
from vimatte.guidance.types import GuidanceResult
from vimatte.matting.loop import InstanceAlpha
from vimatte.notices import Notice
from vimatte.session.bounding_files import KINDS, BoundingFiles, BoundingSequence
from vimatte.session.session_file import Instance

Plane = NDArray[np.float32]


class Bounds:
    """The garbage and core mattes of a shot.

    Parameters
    ----------
    folders : mapping of str to Path
        May hold ``garbage`` and ``core``: folders, or a sequence; other keys are ignored.
    source : NetworkSource
        The shot's frames, for their windows.
    offsets : mapping of str to int, optional
        Added to the files' numbers, by the same keys.
    digests : DigestCache, optional
        Saves hashing unchanged files again.

    Raises
    ------
    GuidanceError
        When a folder is not there.
    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        source: NetworkSource,
        offsets: Mapping[str, int] | None = None,
        digests: DigestCache | None = None,
    ) -> None:
        self._source = source
        self._digests = digests or DigestCache()
        offsets = offsets or {}
        self._files = [
            BoundingFiles(kind, folders[kind], source, offsets.get(kind))
            for kind in KINDS
            if kind in folders
        ]
        self._sequences: dict[tuple[str, int], BoundingSequence] = {}
        self._notices: tuple[Notice, ...] = ()

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user should know of the mattes that bound the others, once they are matched."""
        return self._notices

    def match(self, instances: Sequence[Instance], guidance: GuidanceResult) -> None:
        """Find out which files bound whom.

        Parameters
        ----------
        instances : sequence of Instance
            The frozen table, with those that are off.
        guidance : GuidanceResult
            What the instances are called in the guidance: a name that the user gave them since
            and that one both find their folder.

        Raises
        ------
        GuidanceError
            When a folder is no instance's, or files do not fit the shot by number or size.
        """
        self._sequences = {}
        self._notices = ()
        for files in self._files:
            found, notices = files.match(instances, guidance)
            self._sequences |= {(files.kind, key): sequence for key, sequence in found.items()}
            self._notices += notices

    def contradictions(
        self, masks: Callable[[int], GuidanceFrame], instances: Sequence[Instance]
    ) -> tuple[Notice, ...]:
        """Say whose mask a garbage matte takes away, and where core and garbage cannot both be.

        A few frames are looked at: the first, middle and last in which somebody has a mask.

        Parameters
        ----------
        masks : callable
            Gives a frame's masks.
        instances : sequence of Instance
            Those that are matted.

        Raises
        ------
        GuidanceError
            When a picture cannot be read.
        """
        rows = [row for row in instances if ("garbage", row.id) in self._sequences]
        if not rows:
            return ()
        shot = list(self._source.frames)
        frames = dict.fromkeys((shot[0], shot[len(shot) // 2], shot[-1]))
        read = {frame: masks(frame) for frame in frames}
        notices: list[Notice] = []
        for row in rows:
            folder = str(self._sequences["garbage", row.id].files.folder)
            own = [(frame, found) for frame, found in read.items() if row.id in found.masks]
            if own and all(self._takes_all(row, frame, found) for frame, found in own):
                text = f"the garbage matte of {row.name} is black wherever its mask is"
                where = str(FrameRange.of(frame for frame, _ in own))
                hint = "what is white is kept: invert it if it was meant the other way round"
                notices.append(Notice("garbage-takes-all", text, where, folder, hint))
            clash = FrameRange.of(frame for frame in read if self._clash(row, frame))
            if len(clash):
                text = f"the core matte of {row.name} is white where its garbage matte is black"
                hint = "the core matte counts there"
                notices.append(Notice("core-against-garbage", text, str(clash), folder, hint))
        return tuple(notices)

    def _takes_all(self, row: Instance, frame: int, found: GuidanceFrame) -> bool:
        item = found.masks[row.id]
        garbage = self._read("garbage", row, frame, item.window)
        return garbage is not None and not bool(((garbage >= 0.5) & item.mask).any())

    def _clash(self, row: Instance, frame: int) -> bool:
        if ("core", row.id) not in self._sequences:
            return False
        canvas = self._source.window(frame)
        core = self._read("core", row, frame, canvas)
        garbage = self._read("garbage", row, frame, canvas)
        return (
            core is not None
            and garbage is not None
            and bool(((core >= 0.5) & (garbage < 0.5)).any())
        )

    def digest(self, frame: int, instances: Sequence[Instance]) -> str:
        """Return the identity of everything that bounds a frame; empty when nothing does."""
        parts = []
        for row in instances:
            for kind in KINDS:
                sequence = self._sequences.get((kind, row.id))
                if sequence is not None:
                    content = self._digest(sequence.path(frame), frame)
                    parts.append(f"{row.id}{kind}{content}{sequence.reading}")
        return ".".join(parts)

    def apply(
        self, frame: int, alphas: Mapping[int, InstanceAlpha], instances: Sequence[Instance]
    ) -> dict[int, InstanceAlpha]:
        """Bound a frame's mattes; their sum stays at most 1.

        Where cores push the sum above 1, what is not core gives way first, then cores share.

        Raises
        ------
        GuidanceError
            When a bounding sequence has no picture for the frame.
        """
        if not self._files:
            return dict(alphas)
        canvas = self._source.window(frame)
        full: dict[int, Plane] = {}
        cores: dict[int, Plane] = {}
        for row in instances:
            if row.id in alphas:
                item = alphas[row.id]
                alpha = np.asarray(place(item.alpha, item.window, canvas), np.float32)
            else:
                alpha = np.zeros(canvas.shape, np.float32)
            garbage = self._read("garbage", row, frame, canvas)
            core = self._read("core", row, frame, canvas)
            if garbage is not None:
                alpha = np.minimum(alpha, garbage)
            cores[row.id] = np.zeros_like(alpha) if core is None else core
            full[row.id] = np.maximum(alpha, cores[row.id])
        if not full:
            return {}
        core_sum = np.sum(list(cores.values()), axis=0)
        share = 1 / np.maximum(core_sum, 1)
        free_sum = np.sum([full[k] - cores[k] for k in full], axis=0)
        room = np.maximum(0, 1 - core_sum * share)
        factor = np.minimum(1, room / np.maximum(free_sum, 1e-12))
        return {
            key: InstanceAlpha(
                canvas,
                np.asarray(cores[key] * share + (full[key] - cores[key]) * factor, np.float32),
            )
            for key in full
        }

    def bound_masks(
        self, guidance: GuidanceFrame, instances: Sequence[Instance]
    ) -> dict[int, InstanceMask]:
        """Return the masks that bounded mattes should keep to; empty ones are not in it.

        What a garbage matte takes from a matte is taken from its mask, a core is added to it, and
        the cores of others are taken from it.

        Raises
        ------
        GuidanceError
            When a bounding sequence has no picture for the frame.
        """
        frame = guidance.frame
        wanted = {row.id: row for row in instances}
        if not self._sequences:
            return {key: item for key, item in guidance.masks.items() if key in wanted}
        canvas = self._source.window(frame)
        cores = {key: self._read("core", row, frame, canvas) for key, row in wanted.items()}
        out: dict[int, InstanceMask] = {}
        for key, row in wanted.items():
            pixels = np.zeros(canvas.shape, np.bool_)
            if key in guidance.masks:
                item = guidance.masks[key]
                pixels = np.asarray(place(item.mask, item.window, canvas), np.bool_)
            garbage = self._read("garbage", row, frame, canvas)
            if garbage is not None:
                pixels &= garbage >= 0.5
            for other, core in cores.items():
                if core is not None:
                    pixels = pixels | (core >= 0.5) if other == key else pixels & (core < 0.5)
            bounded = mask_of(pixels, canvas)
            if bounded is not None:
                out[key] = bounded
        return out

    def _read(self, kind: str, row: Instance, frame: int, canvas: Window) -> Plane | None:
        sequence = self._sequences.get((kind, row.id))
        if sequence is None:
            return None
        path, header = sequence.path(frame), self._source.header(frame)
        layout = read_layout(path, frame)
        found = read_matte(path, frame, layout, by_alpha=sequence.meaning == Meaning.ALPHA)
        if sequence.meaning == Meaning.INDEX:
            found = found.as_indices()
        window = lies_on(found.area, header, frame, path, f"the {kind} matte of {row.name}")
        plane = np.clip(found.values, 0, 1)
        aspect = header.pixel_aspect
        if aspect != 1 and not window.empty:
            left, right = round(window.x * aspect), round(window.right * aspect)
            window = Window(left, window.y, max(1, right - left), window.height)
            plane = np.asarray(
                cv2.resize(plane, (window.width, window.height), interpolation=cv2.INTER_LINEAR),
                np.float32,
            )
        return np.asarray(place(plane, window, canvas), np.float32)

    def _digest(self, path: Path, frame: int) -> str:
        try:
            content = self._digests.digest(path)
        except FrameReadError as error:
            raise GuidanceError(error.message, frame=frame, path=path) from error
        laid = file_orientation(path)
        return content if laid.as_stored else f"{content} {laid}"
