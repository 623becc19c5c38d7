"""Published versions: what hosts and the farm read, never overwritten.

::

    OUT/v001/
      version.json               plate, frames, frozen instance list, settings: written first
      exr/<plate>.####.exr       layered EXR
      vse/<instance>/####.exr    on request: R=G=B=A=alpha
      cutout/<instance>/####.exr on request: colour times alpha, and alpha
      cryptomatte/<plate>.####.exr  on request
      preview/####.png           on request
      records/####.json          one a frame, written after its files: their checksums
      qc.html                    a report, written anew when it is asked for

Several processes may write different frames of one version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.cache.folders import remove_leftovers
from vimatte.errors import OutputError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.types import FrameHeader
from vimatte.output.cryptomatte import header_attributes, layer_channels, rank
from vimatte.output.exr_file import write_exr
from vimatte.output.exr_layers import RoundedAlphas, round_alphas, stack_layers
from vimatte.output.pictures import Picture, encode
from vimatte.output.records import problems, write_record
from vimatte.output.version import (
    Manifest,
    NamedInstance,
    begin_version,
    expected_files,
    find_version,
    frame_number,
)
from vimatte.output.vse import write_cutout, write_strip
from vimatte.output.write_error import make_folder, write_file

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Publisher:
    """One version of a shot's output; made by `Publisher.open`.

    Attributes
    ----------
    folder : Path
        ``OUT/v001``.
    manifest : Manifest
    extra : mapping of str to str
        Attributes of every layered file.
    """

    folder: Path
    manifest: Manifest
    extra: Mapping[str, str]

    @classmethod
    def open(
        cls,
        out: Path,
        plate_name: str,
        frames: FrameRange,
        instances: Sequence[NamedInstance],
        fingerprint: str,
        header_extra: Mapping[str, str],
        *,
        views: Sequence[str] = (),
        vse: bool = False,
        preview: bool = False,
        compression: str = "zip",
        foreground: bool = False,
        cutout: bool = False,
        cryptomatte: bool = False,
    ) -> Publisher:
        """Continue the version of the very same making, finished or not, else begin a new one.

        Parameters
        ----------
        out : Path
        plate_name : str
            Untrusted; made safe for a file name.
        frames : FrameRange
            Every frame of the shot, whatever part this process writes.
        instances : sequence
            With ``id``, ``name`` and ``colour``: frozen from here on.
        fingerprint : str
            Of everything that decides the pixels: settings, guidance *and the plate's content*. A
            frame that is published is not written again, so what is missing here goes stale.
        header_extra : mapping of str to str
            Attributes of our own for every layered file.
        views : sequence of str
            The plate's views; no instance may be called like one.
        vse, cutout, cryptomatte, preview : bool
            Whether to write these files beside the layered one.
        foreground : bool
            Whether the layered file has colour channels.
        compression : str
            Of the EXR files; see `vimatte.output.exr_file.COMPRESSIONS`.

        Raises
        ------
        OutputError, ConfigError
        """
        manifest = Manifest.of(
            plate_name,
            frames,
            instances,
            fingerprint,
            views=views,
            compression=compression,
            vse=vse,
            preview=preview,
            foreground=foreground,
            cutout=cutout,
            cryptomatte=cryptomatte,
        )
        folder = find_version(out, manifest) or begin_version(out, manifest)
        for used in {(folder / name).parent for name in expected_files(manifest, 1)}:
            remove_leftovers(used)
        return cls(folder, manifest, dict(header_extra))

    @property
    def version(self) -> int:
        """The version's number."""
        return int(self.folder.name[1:])

    @property
    def preview(self) -> bool:
        """Whether `write` wants a picture."""
        return self.manifest.preview

    @property
    def colour(self) -> bool:
        """Whether `write` wants the instances' colour."""
        return self.manifest.foreground or self.manifest.cutout

    @property
    def complete(self) -> bool:
        """Whether every frame of the shot is done; each file's checksum is taken."""
        return all(self.done(frame) for frame in self.manifest.frames)

    def exr(self, frame: int) -> Path:
        """Return the layered file of a frame."""
        return self.folder / "exr" / f"{self.manifest.plate}.{frame_number(frame)}.exr"

    def done(self, frame: int) -> bool:
        """Whether every file of a frame is there and what its record says."""
        return not any(True for _ in problems(self.folder, self.manifest, frame))

    def write(
        self,
        frame: int,
        header: FrameHeader,
        alphas: Mapping[str, Plane],
        *,
        foregrounds: Mapping[str, Plane] | None = None,
        picture: Picture | None = None,
    ) -> None:
        """Write every file of a frame, then its record; nothing where the frame is done.

        Parameters
        ----------
        frame : int
            One of the shot.
        header : FrameHeader
            The plate's.
        alphas : mapping of str to ndarray of float32, shape of the data window, in [0, 1]
            By instance name; they sum to at most 1.
        foregrounds : mapping of str to ndarray of float32, shape (height, width, 3), optional
            Premultiplied, scene-linear.
        picture : ndarray of uint8, shape (height, width, 3), optional
            The preview; see `vimatte.output.pictures.preview_picture`.

        Raises
        ------
        OutputError
            When a file cannot be written, or what is given is not this version's.
        """
        made = self.manifest
        if frame not in made.frames:
            raise OutputError("the frame is none of this version's", frame=frame, path=self.folder)
        for name in [*alphas, *(foregrounds or ())]:
            if name not in made.names:
                raise OutputError(
                    f"the version has no instance {name!r}",
                    frame=frame,
                    path=self.folder,
                    hint="its instance list is frozen: publish a new version",
                )
        if self.colour and foregrounds is None:
            raise OutputError("the version has colours, and none are given", frame=frame)
        if made.preview and picture is None:
            raise OutputError("the version has previews, and no picture is given", frame=frame)
        if self.done(frame):
            return
        rounded = round_alphas(header.data_window.shape, alphas, frame)
        digests: dict[str, str] = {}
        for name in expected_files(made, frame):
            path = self.folder / name
            make_folder(path.parent, frame)
            kind, instance, *_ = name.split("/")
            if kind == "exr":
                digests[name] = self._layered(path, frame, header, rounded, foregrounds)
            elif kind == "vse":
                alpha = rounded.alphas.get(instance)
                digests[name] = write_strip(path, alpha, header, made.compression, frame)
            elif kind == "cutout":
                alpha, colour = rounded.alphas.get(instance), (foregrounds or {}).get(instance)
                digests[name] = write_cutout(path, colour, alpha, header, made.compression, frame)
            elif kind == "cryptomatte":
                digests[name] = self._cryptomatte(path, frame, header, rounded)
            elif picture is not None:
                data = encode(picture)
                write_file(path, data, frame)
                digests[name] = hashlib.sha256(data).hexdigest()
        write_record(self.folder, frame, digests)

    def _layered(
        self,
        path: Path,
        frame: int,
        header: FrameHeader,
        rounded: RoundedAlphas,
        foregrounds: Mapping[str, Plane] | None,
    ) -> str:
        made = self.manifest
        colours = (foregrounds or {}) if made.foreground else None
        return write_exr(
            path,
            stack_layers(rounded, made.names, colours),
            made.channels,
            header,
            compression=made.compression,
            extra=self.extra,
            frame=frame,
        )

    def _cryptomatte(
        self, path: Path, frame: int, header: FrameHeader, rounded: RoundedAlphas
    ) -> str:
        names = self.manifest.names
        return write_exr(
            path,
            rank(header.data_window.shape, names, rounded.alphas),
            layer_channels(len(names)),
            header,
            # An id is a bit pattern: a compression that rounds makes it another instance's.
            compression="zip",
            extra={**self.extra, **header_attributes(names)},
            frame=frame,
        )
