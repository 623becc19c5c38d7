"""Mattes on disk, to be compared: a published version, or folders of pictures.

::

    OUT/v001                                   what ``vimatte matte`` published (or OUT itself)
    CLIP/INSTANCE/FRAME.png|exr|jpg|tif        one clip
    SET/CLIP/INSTANCE/FRAME.png                many clips
    SET/CLIP/pha/INSTANCE/FRAME.png            VIM50's truth
    SET/CLIP/truth/INSTANCE/FRAME.png          this program's benchmark

A frame's number is the last number in the file's name. Of a picture with an alpha channel that
channel is read, of any other the first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vimatte.errors import FrameReadError, InputError, VerifyError
from vimatte.frames.window import Window, place
from vimatte.output.exr_file import MAX_VALUES, read_layers
from vimatte.output.version import MANIFEST, Manifest, expected_files, latest_version

Plane = NDArray[np.float32]

SUFFIXES = frozenset({".png", ".exr", ".jpg", ".jpeg", ".tif", ".tiff"})
INNER = ("pha", "truth")
# The last number. A hyphen behind a letter or a digit parts it from the name, else it is a minus.
_NUMBER = re.compile(r"((?:(?<![A-Za-z0-9])-)?[0-9]+)(?!.*[0-9])")
_MOST_ENTRIES = 1_000_000


class MatteClip(Protocol):
    """The mattes of one clip."""

    @property
    def path(self) -> Path:
        """Its folder."""

    @property
    def instances(self) -> Sequence[str]:
        """The names of its instances."""

    @property
    def frames(self) -> Sequence[int]:
        """The numbers of its frames, ascending."""

    def read(self, frame: int) -> dict[str, Plane]:
        """Return every instance's alpha, shape (H, W), in [0, 1]. Raises FrameReadError."""


@dataclass(frozen=True)
class FolderClip:
    """A folder an instance, a picture a frame.

    Attributes
    ----------
    path : Path
    files : mapping of str to mapping of int to Path
        By instance and frame.
    """

    path: Path
    files: Mapping[str, Mapping[int, Path]]

    @property
    def instances(self) -> Sequence[str]:
        """The names of its folders."""
        return list(self.files)

    @property
    def frames(self) -> Sequence[int]:
        """Every number that any of them has."""
        return sorted({frame for files in self.files.values() for frame in files})

    def read(self, frame: int) -> dict[str, Plane]:
        """Read a frame; each instance must have it."""
        alphas = {}
        for name, files in self.files.items():
            if frame not in files:
                raise FrameReadError(
                    f"the instance {name!r} has no such frame",
                    frame=frame,
                    path=self.path / name,
                    hint="an instance that is not there needs a black picture",
                )
            alphas[name] = read_alpha(files[frame], frame)
        return alphas


@dataclass(frozen=True)
class VersionClip:
    """What `vimatte matte` published.

    Attributes
    ----------
    path : Path
    manifest : Manifest
    """

    path: Path
    manifest: Manifest

    @property
    def instances(self) -> Sequence[str]:
        """The version's instances."""
        return list(self.manifest.names)

    @property
    def frames(self) -> Sequence[int]:
        """The version's frames."""
        return list(self.manifest.frames)

    def read(self, frame: int) -> dict[str, Plane]:
        """Read the layered file."""
        path = self.path / expected_files(self.manifest, frame)[0]
        try:
            layers, header, _ = read_layers(path)
        except VerifyError as error:
            raise FrameReadError(error.message, frame=frame, path=path) from error
        alphas = {}
        for name in self.manifest.names:
            if f"{name}.A" not in layers:
                raise FrameReadError(f"no layer {name}.A", frame=frame, path=path)
            pixels = np.asarray(layers[f"{name}.A"], np.float32)
            alphas[name] = _checked(
                np.asarray(place(pixels, header.data_window, header.display_window), np.float32),
                path,
                frame,
            )
        return alphas


def find_clips(root: Path) -> dict[str, MatteClip]:
    """Return the clips of a folder by name; a folder that is one clip has the name ``""``.

    Raises
    ------
    InputError
        There is no such folder, no matte in it, or two files of one frame.
    """
    if not root.is_dir():
        raise InputError("no such folder", path=root)
    alone = _clip_at(root)
    if alone is not None:
        return {"": alone}
    found = {
        child.name: clip
        for child in _entries(root)
        if child.is_dir() and (clip := _clip_at(child)) is not None
    }
    if not found:
        raise InputError(
            "no mattes in this folder",
            path=root,
            hint="a published version, INSTANCE/FRAME.png, or CLIP/INSTANCE/FRAME.png",
        )
    return found


def read_alpha(path: Path, frame: int | None = None) -> Plane:
    """Read a picture's alpha, or its first channel, over the whole display window.

    Returns
    -------
    ndarray of float32, shape (H, W), in [0, 1]

    Raises
    ------
    FrameReadError
        It is missing, no picture, too large, or not finite.
    """
    source = oiio.ImageInput.open(str(path))
    if source is None:
        # Asking clears the library's own message, which would otherwise be printed at exit.
        oiio.geterror()
        raise FrameReadError("not a picture", frame=frame, path=path)
    try:
        spec = source.spec()
        if spec.width * spec.height * spec.nchannels > MAX_VALUES:
            raise FrameReadError("the picture is larger than any matte", frame=frame, path=path)
        channel = spec.channelnames.index("A") if "A" in spec.channelnames else 0
        pixels = source.read_image(0, 0, channel, channel + 1, oiio.FLOAT)
        if pixels is None:
            raise FrameReadError(
                f"the picture is damaged: {source.geterror()}", frame=frame, path=path
            )
        window = Window(spec.x, spec.y, spec.width, spec.height)
        display = Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height)
    finally:
        source.close()
    if display.width * display.height > MAX_VALUES:
        raise FrameReadError("the picture is larger than any matte", frame=frame, path=path)
    plane = np.asarray(pixels, np.float32).reshape(window.shape)
    return _checked(np.asarray(place(plane, window, display), np.float32), path, frame)


def _checked(plane: Plane, path: Path, frame: int | None) -> Plane:
    if not np.isfinite(plane).all():
        raise FrameReadError("the alpha is not finite", frame=frame, path=path)
    return np.clip(plane, 0, 1)


def _clip_at(folder: Path) -> MatteClip | None:
    if (folder / MANIFEST).is_file():
        return VersionClip(folder, Manifest.read(folder))
    newest = latest_version(folder)
    if newest is not None and (newest / MANIFEST).is_file():
        return VersionClip(newest, Manifest.read(newest))
    for place_ in (*(folder / name for name in INNER), folder):
        if place_.is_dir() and (files := _instances_in(place_)):
            return FolderClip(place_, files)
    return None


def _instances_in(folder: Path) -> dict[str, dict[int, Path]]:
    found = {}
    for child in _entries(folder):
        if child.is_dir() and (files := _frames_in(child)):
            found[child.name] = files
    return found


def _frames_in(folder: Path) -> dict[int, Path]:
    files: dict[int, Path] = {}
    for path in _entries(folder):
        number = _NUMBER.search(path.stem)
        # VIM50's pictures are called 00001.jpg.png: the stem's own suffix holds no digit.
        if path.suffix.lower() not in SUFFIXES or number is None or path.name.startswith("."):
            continue
        frame = int(number[1][:12])
        if frame in files:
            raise InputError(
                f"two files of one frame: {files[frame].name} and {path.name}",
                frame=frame,
                path=folder,
            )
        files[frame] = path
    return files


def _entries(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot list the folder: {error.strerror}", path=folder) from error
    if len(entries) > _MOST_ENTRIES:
        raise InputError("more files than any clip has", path=folder)
    return entries
