"""Run a bundle on this machine, by Open Job Description's own command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vimatte.errors import FarmError, MissingDependencyError
from vimatte.farm.bundle import read_values, template_of, write_json

EXTENSION = "TASK_CHUNKING"


def openjd() -> str:
    """Return Open Job Description's command. Raises MissingDependencyError."""
    beside = Path(sysconfig.get_path("scripts")) / "openjd"
    found = str(beside) if beside.exists() else shutil.which("openjd")
    if found is None:
        raise MissingDependencyError("openjd is not installed", hint="pip install 'vimatte[farm]'")
    return found


def command_of_nodes() -> str:
    """Return how tasks on this machine call this very vimatte."""
    beside = Path(sysconfig.get_path("scripts")) / "vimatte"
    return str(beside) if beside.exists() else "vimatte"


def check(folder: Path) -> None:
    """Let Open Job Description check a bundle's template. Raises FarmError."""
    arguments = [openjd(), "check", str(template_of(folder)), "--extensions", EXTENSION]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FarmError(
            f"the template is refused: {' '.join((done.stdout + done.stderr).split())[:400]}",
            path=folder,
        )


def run_arguments(
    folder: Path, values: Path, step: str | None = None, tasks: Sequence[dict[str, str]] = ()
) -> list[str]:
    """Return the command that runs a bundle, or some tasks of one of its steps.

    Parameters
    ----------
    folder : Path
    values : Path
        A JSON object of parameter values.
    step : str, optional
        Only this one, without those it depends on.
    tasks : sequence of dict of str to str
        Only these of its tasks.
    """
    arguments = [openjd(), "run", str(template_of(folder)), "--extensions", EXTENSION]
    arguments += ["--job-param", f"file://{values.absolute()}"]
    if step is not None:
        arguments += ["--step", step, "--no-run-dependencies"]
    if tasks:
        arguments += ["--tasks", json.dumps(list(tasks))]
    return arguments


def run(folder: Path, overrides: dict[str, str] | None = None) -> Iterator[str]:
    """Run a bundle here and give what its tasks say, line by line.

    Parameters
    ----------
    folder : Path
    overrides : dict of str to str, optional
        Other values for its parameters.

    Yields
    ------
    str
        Closing the generator stops the job: its tasks are told, and end within their notice.

    Raises
    ------
    FarmError
        When a task failed; what the others finished is kept.
    OutputError
        When the values cannot be written into the bundle.
    """
    values = read_values(folder) | {"Vimatte": command_of_nodes()} | (overrides or {})
    path = folder / "values.json"
    write_json(path, values)
    reason = ""
    with _child(run_arguments(folder, path)) as child:
        for line in child.stdout or ():
            text = line.rstrip("\n")
            _, found, said = text.partition("openjd_fail: ")
            reason = said if found else reason
            yield text
        code = child.wait()
    if code:
        raise FarmError(
            f"a task failed: {reason or f'openjd ended with {code}'}",
            path=folder,
            hint="mend it and run the bundle again: finished frames are kept",
        )


@contextmanager
def _child(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(90)
            except subprocess.TimeoutExpired:
                child.kill()
        if child.stdout is not None:
            child.stdout.close()
        child.wait()
