"""Hand a bundle to a Slurm cluster: a step becomes a job array, a dependency `afterok`.

There is no engine here: queueing, retries, GPUs and cancelling stay Slurm's. Each array task is
one `openjd run` of one task of the bundle. What was handed over is kept in the spool folder, which
every node must reach, together with a file about each task that ran.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vimatte.cache.atomic import write_atomically
from vimatte.errors import FarmError, MissingDependencyError
from vimatte.farm.bundle import read_values, template_of
from vimatte.farm.local import EXTENSION

LEDGER = "slurm.json"
MAX_BYTES = 64 << 20
DONE, FAILED, RUNNING, PENDING, LOST = "done", "failed", "running", "pending", "lost"


@dataclass(frozen=True)
class TaskState:
    """How one task stands.

    Attributes
    ----------
    step : str
    index : int
        Its number in the step's array.
    task : dict of str to str
        Its parameters.
    state : str
        ``pending``, ``running``, ``done``, ``failed``, or ``lost``: queued no more, without a word.
    node, reason : str
    """

    step: str
    index: int
    task: dict[str, str]
    state: str
    node: str = ""
    reason: str = ""


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
    """
    values = read_values(folder) | (overrides or {})
    job = _job(folder, values)
    spool.mkdir(parents=True, exist_ok=True)
    if (spool / LEDGER).exists():
        raise FarmError(
            "the spool folder holds a job already",
            path=spool,
            hint="use farm redo, or another --spool",
        )
    write_atomically(spool / "values.json", json.dumps(values).encode())
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
        write_atomically(spool / LEDGER, json.dumps(ledger, indent=2).encode())
    return jobs


def status(spool: Path) -> list[TaskState]:
    """Return how every task stands. Raises FarmError."""
    ledger = _read_ledger(spool)
    queued = _queued([job for row in ledger["steps"] for job in row["jobs"]])
    found = []
    for row in ledger["steps"]:
        for index, task in enumerate(row["tasks"]):
            said = _read_state(spool, row["name"], index)
            live = {queued.get(f"{job}_{index}") for job in row["jobs"]} - {None}
            state = str(said.get("state", ""))
            if state in ("", RUNNING, "requeued"):
                if RUNNING in live:
                    state = RUNNING
                elif live:
                    state = PENDING
                else:
                    state = LOST
            elif PENDING in live:  # it is being done again
                state = PENDING
            node, reason = str(said.get("node", "")), str(said.get("reason", ""))
            found.append(TaskState(row["name"], index, task, state, node, reason))
    return found


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
    ledger = _read_ledger(spool)
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
            _state_file(spool, name, index).unlink(missing_ok=True)
        jobs[name] = _sbatch(spool, ledger, row, by_step[name], jobs)
        row["jobs"].append(jobs[name])
        write_atomically(spool / LEDGER, json.dumps(ledger, indent=2).encode())
    return jobs


def cancel(spool: Path) -> list[str]:
    """Cancel every job that was handed over; returns their numbers. Raises FarmError."""
    jobs = [job for row in _read_ledger(spool)["steps"] for job in row["jobs"]]
    _slurm(["scancel", *jobs])
    return jobs


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
            job_template_dir=folder,
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


def _state_file(spool: Path, step: str, index: int) -> Path:
    return spool / f"{step}.{index}.json"


def _read_state(spool: Path, step: str, index: int) -> dict[str, Any]:
    try:
        with _state_file(spool, step, index).open("rb") as file:
            said = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError):
        return {}  # it has not begun, or its node died in the middle of the first word
    return said if isinstance(said, dict) else {}


def _read_ledger(spool: Path) -> dict[str, Any]:
    path = spool / LEDGER
    try:
        with path.open("rb") as file:
            ledger: dict[str, Any] = json.loads(file.read(MAX_BYTES))
        for row in ledger["steps"]:
            if not (isinstance(row["tasks"], list) and isinstance(row["name"], str)):
                raise TypeError("a step is not complete")
            if not all(str(job).isdigit() for job in row["jobs"]):
                raise ValueError("a job's number is none")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FarmError(
            f"no job was handed over from here: {error}",
            path=spool,
            hint="give the --spool of vimatte farm slurm",
        ) from error
    return ledger
