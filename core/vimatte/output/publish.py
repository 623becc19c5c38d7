"""Published versions: what hosts and the farm read, never overwritten.

::

    OUT/v001/
      version.json               plate, frames, frozen instance list, settings: written first
      exr/<plate>.####.exr       layered EXR
      vse/<instance>/####.exr    on request
      preview/####.png           on request
      records/####.json          one a frame, written after its files: their checksums
      qc.html

Several processes may write different frames of one version.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import OutputError, VerifyError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import place
from vimatte.output.exr_layers import (
    channel_names,
    check_compression,
    read_layers,
    stack_layers,
    write_exr,
)
from vimatte.output.half import to_half_floor
from vimatte.output.names import check_names, safe_stem
from vimatte.output.pictures import Picture, encode, write_file

SCHEMA = 1
MANIFEST = "version.json"
_VERSION = re.compile(r"v(\d{3,})")

Plane = NDArray[np.float32]


class NamedInstance(Protocol):
    """What a version keeps of an instance."""

    @property
    def id(self) -> int:
        """From 1."""

    @property
    def name(self) -> str:
        """The layer's name."""

    @property
    def colour(self) -> tuple[float, float, float]:
        """RGB in [0, 1]."""


@dataclass(frozen=True)
class Publisher:
    """One version of a shot's output; made by `Publisher.open`.

    Attributes
    ----------
    folder : Path
        ``OUT/v001``.
    stem : str
        Of the layered EXR files.
    names : tuple of str
        The frozen instance list.
    vse, preview, foreground : bool
    compression : str
    extra : mapping of str to str
        Attributes of every layered file.
    """

    folder: Path
    stem: str
    names: tuple[str, ...]
    vse: bool
    preview: bool
    foreground: bool
    compression: str
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
        vse: bool = False,
        preview: bool = False,
        compression: str = "zip",
        foreground: bool = False,
    ) -> Publisher:
        """Continue the latest version if it is of the same making, else begin a new one.

        Parameters
        ----------
        out : Path
        plate_name : str
            Untrusted; made safe for a file name.
        frames : FrameRange
            Every frame of the shot, whatever part this process writes.
        instances : sequence
            With ``id``, ``name`` and ``colour``.
        fingerprint : str
            Of every setting that decides the pixels.
        header_extra : mapping of str to str
            Attributes of our own for every layered file.

        Raises
        ------
        OutputError, ConfigError
        """
        check_names(row.name for row in instances)
        check_compression(compression)
        stem = safe_stem(plate_name)
        manifest = {
            "schema": SCHEMA,
            "plate": stem,
            "frames": str(frames),
            "instances": [
                {"id": row.id, "name": row.name, "colour": list(row.colour)} for row in instances
            ],
            "fingerprint": fingerprint,
            "channels": channel_names([row.name for row in instances], foreground),
            "compression": compression,
            "vse": vse,
            "preview": preview,
            "foreground": foreground,
        }
        folder = _same_version(out, manifest) or _new_version(out, manifest)
        names = tuple(row.name for row in instances)
        return cls(folder, stem, names, vse, preview, foreground, compression, dict(header_extra))

    def exr(self, frame: int) -> Path:
        """Return the layered file of a frame."""
        return self.folder / "exr" / f"{self.stem}.{number(frame)}.exr"

    def done(self, frame: int) -> bool:
        """Whether every file of a frame is there and what its record says."""
        return not list(_broken(self.folder, frame))

    def write(
        self,
        frame: int,
        header: FrameHeader,
        alphas: Mapping[str, Plane],
        *,
        foregrounds: Mapping[str, Plane] | None = None,
        picture: Picture | None = None,
    ) -> None:
        """Write every file of a frame, then its record.

        Parameters
        ----------
        frame : int
        header : FrameHeader
            The plate's.
        alphas : mapping of str to ndarray of float32, shape of the data window, in [0, 1]
            By instance name; they sum to at most 1.
        foregrounds : mapping of str to ndarray of float32, shape (height, width, 3), optional
        picture : ndarray of uint8, shape (height, width, 3), optional
            The preview.

        Raises
        ------
        OutputError
        """
        shape = header.data_window.shape
        layers = stack_layers(
            shape, self.names, alphas, (foregrounds or {}) if self.foreground else None
        )
        path = self.exr(frame)
        _make(path.parent)
        write_exr(
            path,
            layers,
            channel_names(self.names, self.foreground),
            header,
            compression=self.compression,
            extra=self.extra,
            frame=frame,
        )
        files = [path]
        if self.vse:
            files += [self._strip(frame, header, name, alphas.get(name)) for name in self.names]
        if self.preview and picture is not None:
            files.append(self.folder / "preview" / f"{number(frame)}.png")
            _make(files[-1].parent)
            write_file(files[-1], encode(picture), frame)
        record = {f.relative_to(self.folder).as_posix(): digest(f) for f in files}
        target = _record(self.folder, frame)
        _make(target.parent)
        write_file(target, json.dumps(record, indent=1).encode(), frame)

    def _strip(self, frame: int, header: FrameHeader, name: str, alpha: Plane | None) -> Path:
        """Write one instance's frame for Blender's sequencer: R=G=B=A, display window."""
        display = header.display_window
        half = np.zeros(display.shape, np.float16)
        if alpha is not None:
            half = place(to_half_floor(alpha), header.data_window, display).astype(np.float16)
        path = self.folder / "vse" / name / f"{number(frame)}.exr"
        _make(path.parent)
        plain = FrameHeader(display, display, header.pixel_aspect)
        pixels = np.repeat(half[..., None], 4, axis=2)
        write_exr(path, pixels, "RGBA", plain, compression=self.compression, frame=frame)
        return path


def number(frame: int) -> str:
    """Return a frame number as file names have it: at least four digits."""
    return f"-{-frame:04d}" if frame < 0 else f"{frame:04d}"


def latest_version(out: Path) -> Path | None:
    """Return the newest published version of an output folder, or None."""
    found = _versions(out)
    return found[-1] if found else None


def verify(folder: Path, frames: FrameRange) -> Iterator[str]:
    """Yield one line for everything that is wrong with the frames of a version.

    Checked: every file is there and has its checksum; the channels are the version's; the
    instances' alphas sum to at most 1; R, G, B and A are that sum.

    Raises
    ------
    VerifyError
        When the folder is not a version.
    """
    manifest = _manifest(folder)
    if manifest is None:
        raise VerifyError("not a published version", path=folder)
    channels = [str(name) for name in manifest["channels"]]
    alphas = [name for name in channels if name.endswith(".A")]
    for frame in frames:
        broken = list(_broken(folder, frame))
        yield from broken
        if broken:
            continue
        path = folder / "exr" / f"{manifest['plate']}.{number(frame)}.exr"
        try:
            found, _, _ = read_layers(path)
        except VerifyError as error:
            yield f"frame {frame}: {error}"
            continue
        if sorted(found) != sorted(channels):
            yield f"frame {frame}: other channels than the version's: {path}"
            continue
        total = np.zeros(found["A"].shape, np.float32)
        for name in alphas:
            total += found[name]
        if total.size and float(total.max()) > 1:
            yield f"frame {frame}: the alphas sum to {float(total.max()):.5f}: {path}"
        if not np.array_equal(to_half_floor(total), found["A"]):
            yield f"frame {frame}: A is not the sum of the alphas: {path}"


def digest(path: Path) -> str:
    """Return the SHA-256 of a file. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() if _HAS else _slow(stream.read())


_HAS = hasattr(hashlib, "file_digest")  # Python 3.11 and later


def _slow(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _broken(folder: Path, frame: int) -> Iterator[str]:
    try:
        record = json.loads(_record(folder, frame).read_text())
        items = [(str(name), str(mark)) for name, mark in record.items()]
    except FileNotFoundError:
        yield f"frame {frame}: missing"
        return
    except (OSError, ValueError, AttributeError) as error:
        yield f"frame {frame}: its record cannot be read: {error}"
        return
    for name, mark in items:
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            yield f"frame {frame}: its record names a file elsewhere: {name}"
            continue
        try:
            if digest(path) != mark:
                yield f"frame {frame}: another checksum than when it was written: {path}"
        except OSError as error:
            yield f"frame {frame}: {error.strerror}: {path}"


def _record(folder: Path, frame: int) -> Path:
    return folder / "records" / f"{number(frame)}.json"


def _versions(out: Path) -> list[Path]:
    try:
        found = [(int(m[1]), p) for p in out.iterdir() if (m := _VERSION.fullmatch(p.name))]
    except OSError:
        return []
    return [path for _, path in sorted(found)]


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        data = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and data.get("schema") == SCHEMA else None


def _same_version(out: Path, manifest: Mapping[str, Any]) -> Path | None:
    latest = latest_version(out)
    return latest if latest is not None and _manifest(latest) == manifest else None


def _new_version(out: Path, manifest: Mapping[str, Any]) -> Path:
    """Make a version folder that holds its manifest from the first moment on."""
    _make(out)
    scratch = out / f".version-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        scratch.mkdir()
        write_file(scratch / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())
        while True:
            latest = latest_version(out)
            if latest is not None and _manifest(latest) == manifest:
                return latest  # another process was first with the very same version
            count = 0 if latest is None else int(latest.name[1:])
            target = out / f"v{count + 1:03d}"
            try:
                scratch.rename(target)
            except OSError:
                if not target.exists():
                    raise
            else:
                return target
    except OSError as error:
        raise OutputError(
            f"cannot begin a version: {error.strerror}",
            path=out,
            hint="check the folder's permissions and free space",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder: {error.strerror}",
            path=folder,
            hint="check the permissions and free space",
        ) from error
