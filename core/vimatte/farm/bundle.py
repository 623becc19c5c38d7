"""The job bundle: a folder with the template, its values, and the files it needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vimatte.errors import FarmError
from vimatte.farm.template import FarmOptions, job_template
from vimatte.frames.frame_range import FrameRange
from vimatte.output.write_error import make_folder, write_file
from vimatte.session.session import MatteSession

TEMPLATE = "template.json"
VALUES = "parameter_values.json"
ASSETS = "asset_references.json"
MAX_BYTES = 16 << 20


def write_bundle(
    session: MatteSession, session_file: Path, out: Path, folder: Path, options: FarmOptions
) -> Path:
    """Write the bundle of a session.

    Parameters
    ----------
    session : MatteSession
    session_file : Path
        Where its ``session.json`` lies.
    out : Path
        The output folder of the job.
    folder : Path
        The bundle; made where it is missing.
    options : FarmOptions

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FarmError
        When the shot has none of the frames asked for.
    OutputError
        When a file cannot be written.
    """
    settings = session.settings
    frames = session.frames
    if options.frames:
        frames = frames.intersect(FrameRange.parse(options.frames))
        if not len(frames):
            raise FarmError(
                f"the shot {session.frames} has no frame of {options.frames}", path=session_file
            )
    template = job_template(session.name, frames, settings.segment, settings.keep_state, options)
    values = {"Session": str(session_file.absolute()), "Out": str(out.absolute())}
    values |= {"Weights": options.weights} if options.weights else {}
    values |= {"Cache": options.cache} if options.cache else {}
    parameters = [{"name": name, "value": value} for name, value in values.items()]
    plate = session.shot.plate.path.absolute()
    is_file = plate.is_file()
    folders = {str(path) for path in session.file.folders.values()}
    assets = {
        "assetReferences": {
            "inputs": {
                "filenames": [
                    values["Session"],
                    *([str(plate)] if is_file else []),
                    *([options.weights] if options.weights else []),
                ],
                "directories": sorted(folders | (set() if is_file else {str(plate.parent)})),
            },
            "outputs": {"directories": [values["Out"], *filter(None, [options.cache])]},
            "referencedPaths": [],
        }
    }
    make_folder(folder)
    write_json(folder / TEMPLATE, template)
    write_json(folder / VALUES, {"parameterValues": parameters})
    write_json(folder / ASSETS, assets)
    return folder


def read_values(folder: Path) -> dict[str, str]:
    """Return the values a bundle gives its parameters. Raises FarmError."""
    path = folder / VALUES
    try:
        with path.open("rb") as file:
            rows = json.loads(file.read(MAX_BYTES))["parameterValues"]
        return {str(row["name"]): str(row["value"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FarmError(
            f"not a job bundle: {error}", path=folder, hint="write one with vimatte farm bundle"
        ) from error


def template_of(folder: Path) -> Path:
    """Return a bundle's template. Raises FarmError where there is none."""
    path = folder / TEMPLATE
    if not path.is_file():
        raise FarmError(
            "not a job bundle: it has no template",
            path=folder,
            hint="write one with vimatte farm bundle",
        )
    return path


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write a file of a job, whole or not at all. Raises OutputError."""
    write_file(path, (json.dumps(data, indent=2) + "\n").encode())
