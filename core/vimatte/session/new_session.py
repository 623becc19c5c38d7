"""Make a session for a plate from the values of options: the one way, for every door."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vimatte.errors import ConfigError, InputError
from vimatte.options import SETTINGS, SHOT
from vimatte.session.session import MatteSession
from vimatte.session.session_file import Instance
from vimatte.session.settings import Settings
from vimatte.session.shot import Shot

#: The options that add to the frame numbers of files, by the key of their folder.
OFFSETS = {"masks": "mask_offset", "garbage": "garbage_offset", "core": "core_offset"}
_WORDS = {"masks": "masks", "garbage": "garbage mattes", "core": "core mattes"}


def new_session(
    plate: str,
    values: Mapping[str, Any],
    *,
    cache: Path,
    instances: tuple[Instance, ...] = (),
) -> MatteSession:
    """Make a session.

    Parameters
    ----------
    plate : str
        An image sequence, a still or a movie.
    values : mapping of str to object
        Of the rows of `vimatte.options`, by name, in their own types; ``guidance`` is ``people``
        or ``masks:PATH``.
    cache : Path
        The cache folder.
    instances : tuple of Instance
        Names and switches that were given to ids that were found before.

    Raises
    ------
    InputError, ConfigError
        When the plate cannot be opened or a value is wrong; nothing has been written then.
    """
    provider, masks = _guidance(values["guidance"])
    given = {"masks": masks, "garbage": values["garbage"], "core": values["core"]}
    folders = {key: Path(path).absolute() for key, path in given.items() if path is not None}
    return MatteSession(
        Shot(path=plate, **{row.name: values[row.name] for row in SHOT}),
        guidance=provider,
        cache=cache,
        settings=Settings(**{row.name: values[row.name] for row in SETTINGS}),
        folders=folders,
        offsets=_offsets(values, folders),
        instances=instances,
        device=values["device"],
        weights=values["weights"],
    )


def _guidance(text: str) -> tuple[str, Path | None]:
    """Return the provider's name and the masks' path from ``people`` or ``masks:PATH``."""
    name, separator, path = text.partition(":")
    if separator and name == "people":
        raise ConfigError(
            f"the guidance people takes nothing after a colon, not {path!r}",
            hint="write --guidance people",
        )
    if separator and not path.strip():
        raise InputError(
            f"an empty path is no path: --guidance {name}: names no masks",
            hint="write --guidance masks:PATH",
        )
    if name == "masks" and not separator:
        raise ConfigError("masks need a folder", hint="write --guidance masks:PATH")
    return name, Path(path) if separator else None


def _offsets(values: Mapping[str, Any], folders: Mapping[str, Path]) -> dict[str, int]:
    offsets = {key: values[name] for key, name in OFFSETS.items() if values[name] is not None}
    for key in offsets:
        if key not in folders:
            flag = "--" + OFFSETS[key].replace("_", "-")
            raise ConfigError(
                f"{flag} moves no files: no {_WORDS[key]} were given",
                hint="--guidance masks:PATH" if key == "masks" else f"add --{key} DIR",
            )
    return offsets
