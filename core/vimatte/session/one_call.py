"""`vimatte.matte`: from a plate to published mattes in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vimatte.errors import ConfigError
from vimatte.frames.given_path import given_path
from vimatte.options import OUTPUTS, TABLES, nearest
from vimatte.session.new_session import new_session
from vimatte.session.publishing import write_qc
from vimatte.session.session_file import SESSION_NAME


def matte(plate: str | Path, out: str | Path, **options: Any) -> Path:
    """Matte a plate and publish it, as ``vimatte matte`` does.

    Parameters
    ----------
    plate : str or Path
        An image sequence (``sh010.####.exr``), a still or a movie.
    out : str or Path
        The output folder: ``session.json``, the cache and the versions lie in it. What is finished
        there is not computed again.
    **options
        Any of `vimatte.options`, by name, e.g. ``guidance="masks:roto"``, ``frames="1001-1100"``,
        ``cryptomatte=True``; `docs/options.md` lists them.

    Returns
    -------
    Path
        The version's folder, e.g. ``OUT/v001``.

    Raises
    ------
    ConfigError
        When there is no such option or its value is wrong.
    VimatteError
        Whatever ends the run; finished frames are kept.
    """
    values = _checked(options)
    folder = given_path(out, "the output folder")
    cache = folder / "cache" if values["cache"] is None else values["cache"]
    with new_session(str(plate), values, cache=Path(cache)) as session:
        for _ in session.guide(tuple(values["names"])):
            pass
        session.save(folder / SESSION_NAME)
        version = session.publish(folder, **{row.name: values[row.name] for row in OUTPUTS})
        write_qc(session, version / "qc.html")
    return version


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    rows = {row.name: row for table in TABLES.values() for row in table}
    for name, value in options.items():
        if name not in rows:
            near = nearest(name, rows)
            hint = f"did you mean {near}?" if near else "docs/options.md lists what there is"
            raise ConfigError(f"there is no option {name!r}", hint=hint)
        trouble = rows[name].wrong(value)
        if trouble is not None:
            raise ConfigError(trouble, hint=rows[name].help)
    return {name: options.get(name, row.default) for name, row in rows.items()}
