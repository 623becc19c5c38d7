"""Garbage and core mattes: what a person says bounds what the network says.

A folder per instance holds one sequence of pictures each, like guidance from files; white is
inside. An instance without a folder is not bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import GuidanceError
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.open_plate import open_plate
from vimatte.frames.types import GuidanceFrame, InstanceMask, Plate
from vimatte.frames.window import Window, place
from vimatte.guidance.masks_io import mask_of
from vimatte.matting.loop import InstanceAlpha
from vimatte.notices import Notice
from vimatte.session.session_file import Instance

KINDS = ("garbage", "core")
_NUMBERED = re.compile(r"(.*?)(-?\d+)(\.[A-Za-z0-9]+)")

Plane = NDArray[np.float32]


class Bounds:
    """The garbage and core mattes of a shot.

    Parameters
    ----------
    folders : mapping of str to Path
        May hold ``garbage`` and ``core``; other keys are ignored.
    source : NetworkSource
        The shot's frames, for their windows.

    Raises
    ------
    GuidanceError
        When a folder is not there.
    """

    def __init__(self, folders: Mapping[str, Path], source: NetworkSource) -> None:
        self._folders = {kind: folders[kind] for kind in KINDS if kind in folders}
        self._source = source
        self._plates: dict[tuple[str, str], Plate | None] = {}
        for kind, folder in self._folders.items():
            if not folder.is_dir():
                raise GuidanceError(f"the {kind} mattes are not a folder", path=folder)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user should know of the mattes that bound the others."""
        return ()

    def close(self) -> None:
        """Close the sequences."""
        for plate in self._plates.values():
            if plate is not None:
                plate.close()
        self._plates.clear()

    def digest(self, frame: int, instances: Sequence[Instance]) -> str:
        """Return the identity of everything that bounds a frame; empty when nothing does."""
        parts = []
        for row in instances:
            for kind in self._folders:
                plate = self._plate(kind, row.name)
                if plate is not None:
                    self._check(plate, kind, row.name, frame)
                    parts.append(f"{row.id}{kind}{plate.digest(frame)}")
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
        if not self._folders:
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
            garbage = self._read("garbage", row.name, frame, canvas)
            core = self._read("core", row.name, frame, canvas)
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
        wanted = {row.id: row.name for row in instances}
        if not self._folders:
            return {key: item for key, item in guidance.masks.items() if key in wanted}
        canvas = self._source.window(frame)
        cores = {key: self._read("core", name, frame, canvas) for key, name in wanted.items()}
        out: dict[int, InstanceMask] = {}
        for key, name in wanted.items():
            pixels = np.zeros(canvas.shape, np.bool_)
            if key in guidance.masks:
                item = guidance.masks[key]
                pixels = np.asarray(place(item.mask, item.window, canvas), np.bool_)
            garbage = self._read("garbage", name, frame, canvas)
            if garbage is not None:
                pixels &= garbage >= 0.5
            for other, core in cores.items():
                if core is not None:
                    pixels = pixels | (core >= 0.5) if other == key else pixels & (core < 0.5)
            bounded = mask_of(pixels, canvas)
            if bounded is not None:
                out[key] = bounded
        return out

    def _read(self, kind: str, name: str, frame: int, canvas: Window) -> Plane | None:
        plate = self._plate(kind, name)
        if plate is None:
            return None
        self._check(plate, kind, name, frame)
        picture = plate.read(frame)
        header = self._source.header(frame)
        window, display = picture.header.data_window, header.display_window
        if picture.header.display_window.shape != display.shape:
            found = picture.header.display_window
            raise GuidanceError(
                f"the {kind} matte of {name} is {found.width}x{found.height}, "
                f"the plate {display.width}x{display.height}",
                frame=frame,
                path=self._folders[kind] / name,
            )
        plane = np.clip(picture.pixels[:, :, 0], 0, 1)
        aspect = header.pixel_aspect
        if aspect != 1 and not window.empty:
            left, right = round(window.x * aspect), round(window.right * aspect)
            window = Window(left, window.y, max(1, right - left), window.height)
            plane = np.asarray(
                cv2.resize(plane, (window.width, window.height), interpolation=cv2.INTER_LINEAR),
                np.float32,
            )
        return np.asarray(place(plane, window, canvas), np.float32)

    def _check(self, plate: Plate, kind: str, name: str, frame: int) -> None:
        if frame not in plate.frames:
            raise GuidanceError(
                f"the {kind} matte of {name} has no picture for the frame",
                frame=frame,
                path=self._folders[kind] / name,
                hint=f"it has {plate.frames}",
            )

    def _plate(self, kind: str, name: str) -> Plate | None:
        if kind not in self._folders:
            return None
        if (kind, name) not in self._plates:
            folder = self._folders[kind] / name
            pattern = _pattern_in(folder) if folder.is_dir() else None
            self._plates[kind, name] = None if pattern is None else open_plate(pattern)
        return self._plates[kind, name]


def _pattern_in(folder: Path) -> Path:
    patterns = set()
    for path in folder.iterdir():
        match = _NUMBERED.fullmatch(path.name)
        if match and not path.name.startswith("."):
            digits = match[2].lstrip("-")
            patterns.add(f"{match[1]}{'#' * len(digits)}{match[3]}")
    if len(patterns) != 1:
        raise GuidanceError(f"the folder holds {len(patterns)} sequences, not one", path=folder)
    return folder / patterns.pop()
