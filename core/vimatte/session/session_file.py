"""``session.json``, version 1: read strictly, written atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from vimatte._version import __version__
from vimatte.cache.atomic import hint_for, write_atomically
from vimatte.errors import ConfigError, OutputError, SessionError, VimatteError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.window import Window
from vimatte.options import nearest, option
from vimatte.output.names import check_names
from vimatte.session.roots import RootedPath, resolve, rooted
from vimatte.session.settings import Settings
from vimatte.session.shot import Shot

SCHEMA = 1
MAX_BYTES = 16 * 1024 * 1024
#: What a session is called in its output folder.
SESSION_NAME = "session.json"
MASK_KEYS = ("masks", "garbage", "core")


@dataclass(frozen=True, slots=True)
class Instance:
    """A row of the frozen instance table.

    Attributes
    ----------
    id : int
        1 and up; never changes, never reused.
    name : str
        The layer's name.
    colour : tuple of float
        RGB in [0, 1], for overlays.
    enabled : bool
        Whether it is matted and written.
    order : int
        Position in lists, from 1.
    called : str or None
        What the guidance called it when it was found; None where that is not known.
    """

    id: int
    name: str
    colour: tuple[float, float, float]
    enabled: bool = True
    order: int = 1
    called: str | None = None


@dataclass(frozen=True)
class SessionFile:
    """The content of ``session.json`` with its paths resolved on this machine.

    Attributes
    ----------
    shot : Shot
    guidance : str
        The provider's name.
    folders : mapping of str to Path
        ``masks`` for guidance from files, ``garbage`` and ``core`` for bounding mattes.
    settings : Settings
    instances : tuple of Instance
        Empty until guidance has run for the first time.
    cuts : tuple of int
        Frames that start a new scene.
    offsets : mapping of str to int
        Added to the frame numbers of files in `folders`, by the same keys.
    """

    shot: Shot
    guidance: str
    folders: Mapping[str, Path]
    settings: Settings
    instances: tuple[Instance, ...] = ()
    cuts: tuple[int, ...] = ()
    offsets: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what the file holds."""
        roots: dict[str, str] = {}

        def root_of(name: str, target: str | Path) -> dict[str, str]:
            folder, item = rooted(name, Path(target))
            roots[name] = str(folder)
            return {"root": item.root, "path": item.path}

        shot = self.shot
        return {
            "schema": SCHEMA,
            "vimatte": __version__,
            "plate": root_of("plate", shot.path),
            "view": shot.view,
            "layer": shot.layer,
            "frames": None if shot.frames is None else str(shot.frames),
            "start_frame": shot.start_frame,
            "colorspace": shot.colorspace,
            "ocio": shot.ocio,
            "exposure": shot.exposure,
            "roi": None
            if shot.roi is None
            else [shot.roi.x, shot.roi.y, shot.roi.width, shot.roi.height],
            "guidance": self.guidance,
            "folders": {name: root_of(name, folder) for name, folder in self.folders.items()},
            **({"offsets": dict(self.offsets)} if self.offsets else {}),
            "settings": self.settings.to_json(),
            "instances": [
                {
                    "id": row.id,
                    "name": row.name,
                    "colour": list(row.colour),
                    "enabled": row.enabled,
                    "order": row.order,
                    **({} if row.called is None else {"called": row.called}),
                }
                for row in self.instances
            ],
            "cuts": list(self.cuts),
            "roots": roots,
        }

    def provider_options(self) -> dict[str, Any]:
        """Return what the guidance provider is made with."""
        options: dict[str, Any] = {}
        if "masks" in self.folders:
            options["folder"] = self.folders["masks"]
        if "masks" in self.offsets:
            options["offset"] = self.offsets["masks"]
        return options

    def same_settings(self, other: SessionFile) -> bool:
        """Whether two sessions are the same but for what guidance has found."""
        mine, theirs = self.to_json(), other.to_json()
        found = ("instances", "cuts")
        return all(mine.get(k) == theirs.get(k) for k in {*mine, *theirs} - {*found})

    def write(self, path: Path) -> None:
        """Write the file under a temporary name, then rename it.

        Raises
        ------
        OutputError
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, (json.dumps(self.to_json(), indent=2) + "\n").encode())
        except OSError as error:
            raise OutputError(
                f"cannot write the session: {error.strerror}",
                path=path,
                hint=hint_for(error) or "check the folder's permissions and free space",
            ) from error

    @classmethod
    def read(cls, path: Path, path_map: Mapping[str, str] | None = None) -> SessionFile:
        """Read and check a file that anybody may have written.

        Raises
        ------
        SessionError
            When it is not a session of a known version, holds a wrong value, or points outside
            of its roots.
        """
        try:
            if path.stat().st_size > MAX_BYTES:
                raise SessionError("the session file is too large", path=path)
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SessionError(f"cannot read the session: {error.strerror}", path=path) from error
        except (ValueError, RecursionError) as error:
            raise SessionError(f"the session is not JSON: {error}", path=path) from error
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            found = data.get("schema") if isinstance(data, dict) else None
            raise SessionError(
                f"the session has schema {found!r}, not {SCHEMA}",
                path=path,
                hint="it was written by another version of vimatte",
            )
        try:
            return cls._parse(data, path_map or {})
        except VimatteError as error:
            error.path = error.path or str(path)
            raise
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise SessionError(
                f"the session holds a wrong value: {type(error).__name__} {error}", path=path
            ) from error

    @classmethod
    def _parse(cls, data: dict[str, Any], path_map: Mapping[str, str]) -> SessionFile:
        roots = {str(k): str(v) for k, v in data["roots"].items()}

        def at(item: dict[str, str]) -> Path:
            return resolve(RootedPath(str(item["root"]), str(item["path"])), roots, path_map)

        frames, roi = data["frames"], data["roi"]
        shot = Shot(
            path=at(data["plate"]),
            frames=None if frames is None else FrameRange.parse(str(frames)),
            colorspace=_text(data["colorspace"]),
            ocio=_text(data["ocio"]),
            exposure=float(data["exposure"]),
            view=_text(data["view"]),
            layer=_text(data["layer"]),
            roi=None if roi is None else Window(*(int(v) for v in roi)),
            start_frame=int(data["start_frame"]),
        )
        folders = {str(k): at(v) for k, v in data["folders"].items()}
        if unknown := set(folders) - set(MASK_KEYS):
            raise SessionError(f"the session names an unknown folder {sorted(unknown)[0]!r}")
        offsets = {str(k): _offset(v) for k, v in data.get("offsets", {}).items()}
        if unknown := set(offsets) - set(folders):
            raise SessionError(f"the session has an offset for no folder: {sorted(unknown)[0]!r}")
        names = {item.name for item in fields(Settings)}
        settings = dict(data["settings"])
        for name in settings.keys() - names:
            near = nearest(name, names)
            raise SessionError(
                f"the session has a setting {name[:80]!r} that this version does not know",
                hint=f"did you mean {near!r}?" if near else "a newer vimatte may have written it",
            )
        settings["order"] = tuple(str(v) for v in settings.get("order", ()))
        instances = tuple(_instance(row) for row in data["instances"])
        if len({row.id for row in instances}) != len(instances):
            raise SessionError("two instances of the session share an id")
        check_names([row.name for row in instances])
        cuts = tuple(sorted(int(v) for v in data["cuts"]))
        guidance = str(data["guidance"])
        return cls(shot, guidance, folders, Settings(**settings), instances, cuts, offsets)

    def with_instances(self, instances: tuple[Instance, ...], cuts: tuple[int, ...]) -> SessionFile:
        """Return the session with another instance table."""
        return replace(self, instances=instances, cuts=cuts)


def check_places(folders: Mapping[str, Any], offsets: Mapping[str, Any]) -> None:
    """Refuse folders and offsets that nothing would use.

    Raises
    ------
    ConfigError
        When a key is unknown, or an offset is no whole number or moves no files.
    """
    for key in (*folders, *offsets):
        if key not in MASK_KEYS:
            hint = f"known: {', '.join(MASK_KEYS)}"
            raise ConfigError(f"there are no files called {str(key)[:40]!r}", hint=hint)
    for key, value in offsets.items():
        if not _is_offset(value):
            raise ConfigError(f"the offset of {key} is no whole number: {str(value)[:40]}")
        if key not in folders:
            raise ConfigError(f"the offset of {key} moves no files", hint=f"give the {key}")


def _is_offset(value: object) -> bool:
    return value is not None and option("mask_offset").wrong(value) is None


def _instance(row: dict[str, Any]) -> Instance:
    red, green, blue = (min(1.0, max(0.0, float(v))) for v in row["colour"])
    number = int(row["id"])
    if number < 1:
        raise SessionError(f"an instance has id {number}; ids start at 1")
    return Instance(
        number,
        str(row["name"]),
        (red, green, blue),
        bool(row["enabled"]),
        int(row["order"]),
        _text(row.get("called")),
    )


def _offset(value: object) -> int:
    """Return an offset of frame numbers. Raises SessionError where it is none."""
    if not (isinstance(value, int) and _is_offset(value)):
        raise SessionError(f"the session holds {str(value)[:40]!r} where a whole number belongs")
    return value


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise SessionError(f"the session holds {value!r} where a text belongs")
    return value
