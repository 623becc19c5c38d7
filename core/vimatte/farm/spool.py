"""The spool of a job that was handed over: what was, and how its tasks stand.

::

    SPOOL/slurm.json          the ledger: steps, their tasks, Slurm's job numbers
    SPOOL/values.json         the values of the bundle's parameters
    SPOOL/<step>.<task>.json  what a task said of itself last
    SPOOL/<step>.<task>.log

It lies on a shared disk, so nothing in it is trusted.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vimatte.errors import FarmError

LEDGER = "slurm.json"
MAX_BYTES = 64 << 20
# A step's name in Open Job Description, less what has a meaning in a file's name.
_STEP = re.compile(r"[\w -]{1,64}")
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


def states_of(spool: Path, ledger: dict[str, Any], queued: dict[str, str]) -> list[TaskState]:
    """Return how the tasks of a ledger stand.

    Parameters
    ----------
    spool : Path
    ledger : dict
        From `read_ledger`.
    queued : dict of str to str
        ``running`` or ``pending`` by ``JOB_INDEX``, of what Slurm still has.
    """
    found = []
    for row in ledger["steps"]:
        for index, task in enumerate(row["tasks"]):
            said = _read_state(spool, row["name"], index)
            live = {queued.get(f"{job}_{index}") for job in row["jobs"]} - {None}
            state = said.get("state", "")
            if state in ("", RUNNING):
                if RUNNING in live:
                    state = RUNNING
                elif live:
                    state = PENDING
                else:
                    state = LOST
            elif PENDING in live:  # it is being done again
                state = PENDING
            node, reason = said.get("node", ""), said.get("reason", "")
            found.append(TaskState(row["name"], index, task, state, node, reason))
    return found


def state_file(spool: Path, step: str, index: int) -> Path:
    """Return where a task writes down how it stands."""
    return spool / f"{step}.{index}.json"


def read_ledger(spool: Path) -> dict[str, Any]:
    """Return what was handed over, checked: its names become those of files in the spool.

    Raises
    ------
    FarmError
    """
    try:
        with (spool / LEDGER).open("rb") as file:
            ledger: dict[str, Any] = json.loads(file.read(MAX_BYTES))
        _check(isinstance(ledger["bundle"], str), "the bundle is no path")
        _check(type(ledger["throttle"]) is int, "the throttle is no number")
        _check(_texts(ledger["options"]), "the options are no texts")
        for row in ledger["steps"]:
            _check(_STEP.fullmatch(row["name"]) is not None, "a step has no name")
            _check(_texts(row["needs"]) and _texts(row["resources"]), "a step is not complete")
            _check(_texts(row["jobs"]) and all(map(str.isdecimal, row["jobs"])), "a job's number")
            for task in row["tasks"]:
                _check(_texts([*task, *task.values()]), "a task's parameters are no texts")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FarmError(
            f"no job was handed over from here: {' '.join(str(error).split())[:300]}",
            path=spool,
            hint="give the --spool of vimatte farm slurm",
        ) from error
    return ledger


def _read_state(spool: Path, step: str, index: int) -> dict[str, str]:
    """Return what a task said of itself last: a known state and two short lines."""
    try:
        with state_file(spool, step, index).open("rb") as file:
            said = json.loads(file.read(MAX_BYTES))
        state = str(said["state"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}  # it has not begun, or its node died in the middle of the first word
    if state not in (DONE, FAILED, RUNNING):
        return {}
    lines = {name: " ".join(str(said.get(name, "")).split())[:500] for name in ("node", "reason")}
    return {"state": state, **lines}


def _texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
