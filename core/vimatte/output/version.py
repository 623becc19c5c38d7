"""Versions of a published shot: their numbers, and the manifest each begins with."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from vimatte.cache.atomic import temporary_beside
from vimatte.errors import OutputError, VerifyError, VimatteError
from vimatte.frames.frame_range import FrameRange
from vimatte.output.exr_file import check_compression
from vimatte.output.exr_layers import channel_names
from vimatte.output.names import check_names, safe_stem
from vimatte.output.write_error import make_folder, write_file, writing

SCHEMA = 1
MANIFEST = "version.json"
_MAX_BYTES = 16 << 20
_VERSION = re.compile(r"v([0-9]{3,9})")
_ATTEMPTS = 1000
# What a file that anybody wrote can bring about: wrong types, endless nesting, infinite numbers.
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
    VimatteError,
)


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


@dataclass(frozen=True, slots=True)
class VersionInstance:
    """One row of a version's frozen instance list."""

    id: int
    name: str
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class Manifest:
    """What decides a version; two of the same manifest are one version.

    Attributes
    ----------
    plate : str
        Stem of the layered files.
    frames : FrameRange
        Of the whole shot.
    instances : tuple of VersionInstance
    fingerprint : str
        Of everything that decides the pixels.
    compression : str
    vse, preview, foreground, cutout, cryptomatte : bool
    """

    plate: str
    frames: FrameRange
    instances: tuple[VersionInstance, ...]
    fingerprint: str
    compression: str = "zip"
    vse: bool = False
    preview: bool = False
    foreground: bool = False
    cutout: bool = False
    cryptomatte: bool = False

    @classmethod
    def of(
        cls,
        plate: str,
        frames: FrameRange,
        instances: Sequence[NamedInstance],
        fingerprint: str,
        *,
        views: Sequence[str] = (),
        compression: str = "zip",
        vse: bool = False,
        preview: bool = False,
        foreground: bool = False,
        cutout: bool = False,
        cryptomatte: bool = False,
    ) -> Manifest:
        """Check what is given and return its manifest.

        Raises
        ------
        OutputError
            For ids that are shared.
        ConfigError
            For instance names that are not allowed, or an unknown compression.
        """
        rows = tuple(VersionInstance(r.id, r.name, _colour(r.colour)) for r in instances)
        check_names([row.name for row in rows], views)
        if len({row.id for row in rows}) != len(rows):
            raise OutputError("two instances share an id")
        check_compression(compression)
        stem = safe_stem(plate)
        also = (vse, preview, foreground, cutout, cryptomatte)
        return cls(stem, frames, rows, fingerprint, compression, *also)

    @property
    def names(self) -> tuple[str, ...]:
        """The instances' names, in order."""
        return tuple(row.name for row in self.instances)

    @property
    def channels(self) -> list[str]:
        """The channels of every layered file, in order."""
        return channel_names(self.names, self.foreground)

    def to_json(self) -> dict[str, Any]:
        """Return what `read` reads; ``channels`` is there for other readers."""
        data = {"schema": SCHEMA, **asdict(self)}
        return data | {"frames": str(self.frames), "channels": self.channels}

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Return the manifest of a version folder.

        Raises
        ------
        VerifyError
            When there is none, or it is not one of ours; nothing in it is trusted.
        """
        path = folder / MANIFEST
        try:
            with path.open("rb") as file:
                data = json.loads(file.read(_MAX_BYTES))
            if data["schema"] != SCHEMA:
                raise VerifyError(
                    f"the version has schema {data['schema']!r}, this vimatte reads {SCHEMA}",
                    path=path,
                )
            rows = [
                VersionInstance(int(r["id"]), str(r["name"]), _colour(r["colour"]))
                for r in data["instances"]
            ]
            made = cls.of(
                str(data["plate"]),
                FrameRange.parse(str(data["frames"])) if data["frames"] else FrameRange.of([]),
                rows,
                str(data["fingerprint"]),
                compression=str(data["compression"]),
                vse=bool(data["vse"]),
                preview=bool(data["preview"]),
                foreground=bool(data["foreground"]),
                # Versions of 0.1 do not name them.
                cutout=bool(data.get("cutout", False)),
                cryptomatte=bool(data.get("cryptomatte", False)),
            )
        except FileNotFoundError as error:
            raise VerifyError("not a published version", path=folder) from error
        except VerifyError:
            raise
        except _UNREADABLE as error:
            raise VerifyError(f"the manifest cannot be read: {error}", path=path) from error
        if made.plate != data["plate"]:
            raise VerifyError("the manifest's plate name is not a file name", path=path)
        return made


def latest_version(out: Path) -> Path | None:
    """Return the newest published version of an output folder, or None."""
    found = _versions(out)
    return found[-1] if found else None


def versions_of(out: Path) -> list[Path]:
    """Return the versions of an output folder that can be read, the newest first."""
    found = []
    for folder in reversed(_versions(out)):
        try:
            Manifest.read(folder)
        except VerifyError:
            continue  # half a folder, or a later schema
        found.append(folder)
    return found


def find_version(out: Path, manifest: Manifest) -> Path | None:
    """Return the newest version that has this manifest, or None.

    All versions are looked at, not only the latest: another job that publishes into the same
    folder in between must not make the tasks of this one begin a version each.
    """
    return _newest_with(manifest, _versions(out))


def begin_version(out: Path, manifest: Manifest) -> Path:
    """Make the next version, whose folder holds its manifest from the first moment on.

    Returns
    -------
    Path
        The new folder; or another process's, which was first with the very same manifest.

    Raises
    ------
    OutputError
    """
    make_folder(out)
    scratch = temporary_beside(out / "version")
    with writing(out):
        try:
            scratch.mkdir()
            text = json.dumps(manifest.to_json(), indent=2, allow_nan=False) + "\n"
            write_file(scratch / MANIFEST, text.encode())
            for _ in range(_ATTEMPTS):
                # One look decides both: whoever comes in between takes the same number, and one
                # of the two fails to rename.
                versions = _versions(out)
                found = _newest_with(manifest, versions)
                if found is not None:
                    return found
                target = out / f"v{int(versions[-1].name[1:]) + 1 if versions else 1:03d}"
                try:
                    scratch.rename(target)
                except OSError:
                    if not target.exists():
                        raise
                else:
                    return target
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    raise OutputError("other processes take every new version number", path=out)


def frame_number(frame: int) -> str:
    """Return a frame number as file names have it: at least four digits, after a minus if any."""
    return f"-{-frame:04d}" if frame < 0 else f"{frame:04d}"


def expected_files(manifest: Manifest, frame: int) -> list[str]:
    """Return every file of a frame, relative to the version's folder, with forward slashes."""
    number = frame_number(frame)
    files = [f"exr/{manifest.plate}.{number}.exr"]
    if manifest.vse:
        files += [f"vse/{name}/{number}.exr" for name in manifest.names]
    if manifest.cutout:
        files += [f"cutout/{name}/{number}.exr" for name in manifest.names]
    if manifest.cryptomatte:
        files.append(f"cryptomatte/{manifest.plate}.{number}.exr")
    if manifest.preview:
        files.append(f"preview/{number}.png")
    return files


def _versions(out: Path) -> list[Path]:
    try:
        found = [(int(m[1]), p) for p in out.iterdir() if (m := _VERSION.fullmatch(p.name))]
    except OSError:
        return []
    return [path for _, path in sorted(found)]


def _newest_with(manifest: Manifest, versions: Sequence[Path]) -> Path | None:
    return next((path for path in reversed(versions) if _has(path, manifest)), None)


def _has(folder: Path, manifest: Manifest) -> bool:
    try:
        return Manifest.read(folder) == manifest
    except VerifyError:
        return False  # half a folder, or a later schema: not ours to continue


def _colour(value: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (min(1.0, max(0.0, float(v))) for v in value)
    return red, green, blue
