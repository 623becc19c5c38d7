"""Hand a bundle to a Slurm cluster: a step becomes a job array, a dependency `afterok`.

There is no engine here: queueing, retries, GPUs and cancelling stay Slurm's. Each array task is
one `openjd run` of one task of the bundle. What was handed over is kept in the spool folder, which
every node must reach, together with a file about each task that ran.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from vimatte.errors import FarmError, MissingDependencyError
from vimatte.farm.bundle import read_values, template_of, write_json
from vimatte.farm.local import EXTENSION
from vimatte.farm.spool import (
    FAILED,
    LEDGER,
    LOST,
    PENDING,
    RUNNING,
    TaskState,
    read_ledger,
    state_file,
    states_of,
)
from vimatte.output.write_error import make_folder


def submit(
    folder: Path,
    spool: Path,
    *,
    overrides: dict[str, str] | None = None,
    options: Sequence[str] = (),
    throttle: int = 0,
) -> dict[str, str]:
    """Hand a bundle over.

    Parameters
    ----------
    folder : Path
        The bundle.
    spool : Path
        On a disk that all nodes share; made where it is missing.
    overrides : dict of str to str, optional
        Other values for the bundle's parameters.
    options : sequence of str
        More options for ``sbatch``.
    throttle : int
        How many tasks of a step may run at once; 0 leaves it to Slurm.

    Returns
    -------
    dict of str to str
        Slurm's job number of every step.

    Raises
    ------
    FarmError
        When the bundle is wrong or Slurm refuses it.
    OutputError
        When the spool folder cannot be written.
    """
    values = read_values(folder) | (overrides or {})
    job = _job(folder, values)
    make_folder(spool)
    if (spool / LEDGER).exists():
        raise FarmError(
            "the spool folder holds a job already",
            path=spool,
            hint="use farm redo, or another --spool",
        )
    write_json(spool / "values.json", values)
    ledger: dict[str, Any] = {
        "bundle": str(folder.absolute()),
        "options": list(options),
        "throttle": throttle,
        "steps": [],
    }
    jobs: dict[str, str] = {}
    for step in _in_order(job.steps):
        tasks = _tasks(step)
        row = {
            "name": step.name,
            "tasks": tasks,
            "needs": [d.dependsOn for d in step.dependencies or []],
            "resources": _resources(step),
            "jobs": [],
        }
        ledger["steps"].append(row)
        jobs[step.name] = _sbatch(spool, ledger, row, range(len(tasks)), jobs)
        row["jobs"].append(jobs[step.name])
        # After every step: what was handed over must be known if the next one is refused.
        write_json(spool / LEDGER, ledger)
    return jobs


def status(spool: Path) -> list[TaskState]:
    """Return how every task stands. Raises FarmError."""
    ledger = read_ledger(spool)
    return states_of(
        spool, ledger, _queued([job for row in ledger["steps"] for job in row["jobs"]])
    )


def redo(spool: Path) -> dict[str, str]:
    """Hand the failed and lost tasks over again, and the steps that wait for them.

    Returns
    -------
    dict of str to str
        Slurm's job number of every step that is done again; empty where nothing failed.

    Raises
    ------
    FarmError
    """
    ledger = read_ledger(spool)
    by_step: dict[str, list[int]] = {}
    for task in status(spool):
        if task.state in (FAILED, LOST):
            by_step.setdefault(task.step, []).append(task.index)
    jobs: dict[str, str] = {}
    for row in ledger["steps"]:
        name = row["name"]
        if name not in by_step:
            continue
        for index in by_step[name]:
            state_file(spool, name, index).unlink(missing_ok=True)
        jobs[name] = _sbatch(spool, ledger, row, by_step[name], jobs)
        row["jobs"].append(jobs[name])
        write_json(spool / LEDGER, ledger)
    return jobs


def cancel(spool: Path) -> list[str]:
    """Cancel every job that is not over; returns their numbers. Raises FarmError."""
    jobs = [job for row in read_ledger(spool)["steps"] for job in row["jobs"]]
    live = {key.partition("_")[0] for key in _queued(jobs)}
    left = [job for job in jobs if job in live]
    if left:
        _slurm(["scancel", *left])
    return left


def _sbatch(
    spool: Path,
    ledger: dict[str, Any],
    row: dict[str, Any],
    indices: Iterable[int],
    jobs: dict[str, str],
) -> str:
    """Hand one step over; returns its job number."""
    array = ",".join(map(str, indices)) + (f"%{ledger['throttle']}" if ledger["throttle"] else "")
    arguments = [
        "sbatch", "--parsable", f"--job-name=vimatte:{row['name']}", f"--array={array}",
        f"--output={spool}/{row['name']}.%a.log", "--open-mode=append", "--requeue",
        *row["resources"], *ledger["options"],
    ]  # fmt: skip
    needed = [jobs[name] for name in row["needs"] if name in jobs]
    if needed:
        arguments += [f"--dependency=afterok:{':'.join(needed)}", "--kill-on-invalid-dep=yes"]
    # The batch script is Python itself: a shell between would not pass the notice on.
    script = f"#!{sys.executable}\n" + _TASK_SCRIPT.format(
        path=sys.path, spool=str(spool), step=row["name"]
    )
    return _slurm(arguments, script).strip().partition(";")[0]


_TASK_SCRIPT = """\
import sys
sys.path[:] = {path!r}
from vimatte.farm.slurm_task import main
sys.exit(main({spool!r}, {step!r}))
"""


def _slurm(arguments: list[str], text: str | None = None) -> str:
    if shutil.which(arguments[0]) is None:
        raise MissingDependencyError(
            f"{arguments[0]} is not here", hint="run this where Slurm's own commands are"
        )
    done = subprocess.run(arguments, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FarmError(f"{arguments[0]} refuses: {' '.join(done.stderr.split())[:300]}")
    return done.stdout


def _queued(jobs: Sequence[str]) -> dict[str, str]:
    """Return ``running`` or ``pending`` by ``JOB_INDEX``, of what Slurm still has."""
    if not jobs:
        return {}
    out = _slurm(["squeue", "--noheader", "--array", "--format=%F_%K %t", "--all"])
    states = {}
    for line in out.splitlines():
        key, _, code = line.strip().partition(" ")
        if key.partition("_")[0] in jobs:
            states[key] = RUNNING if code.strip() in ("R", "CG") else PENDING
    return states


def _job(folder: Path, values: dict[str, str]) -> Any:
    """Return the bundle as Open Job Description understands it."""
    try:
        from openjd import model  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise MissingDependencyError(
            "openjd is not installed", hint="pip install 'vimatte[farm]'"
        ) from error
    path = template_of(folder)
    try:
        document = model.document_string_to_object(
            document=path.read_text(), document_type=model.DocumentType.JSON
        )
        template = model.decode_job_template(template=document, supported_extensions=[EXTENSION])
        prepared = model.preprocess_job_parameters(
            job_template=template,
            job_parameter_values=values,
            job_template_dir=folder.absolute(),
            current_working_dir=Path.cwd(),
        )
        return model.create_job(job_template=template, job_parameter_values=prepared)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:400]
        raise FarmError(f"the bundle is refused: {reason}", path=folder) from error


def _in_order(steps: Sequence[Any]) -> list[Any]:
    """Return steps so that each comes after those it depends on."""
    left, done, ordered = list(steps), set(), []
    while left:
        ready = [s for s in left if all(d.dependsOn in done for d in s.dependencies or [])]
        if not ready:
            raise FarmError("the bundle's steps depend on each other in a circle")
        for step in ready:
            ordered.append(step)
            done.add(step.name)
            left.remove(step)
    return ordered


def _tasks(step: Any) -> list[dict[str, str]]:
    if step.parameterSpace is None:
        return [{}]
    from openjd.model import StepParameterSpaceIterator  # noqa: PLC0415

    space = StepParameterSpaceIterator(space=step.parameterSpace)
    return [{name: str(value.value) for name, value in task.items()} for task in space]


def _resources(step: Any) -> list[str]:
    """Return what a step asks of its node, as options of sbatch."""
    asked = []
    requirements = step.hostRequirements
    for amount in (requirements.amounts or []) if requirements else []:
        least = int(amount.min or 0)
        if amount.name == "amount.worker.vcpu":
            asked.append(f"--cpus-per-task={least}")
        elif amount.name == "amount.worker.memory":
            asked.append(f"--mem={least}")
        elif amount.name == "amount.worker.gpu" and least:
            asked += ["--ntasks=1", f"--gpus-per-task={least}"]
    return asked
