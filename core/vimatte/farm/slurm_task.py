"""One task of a job array, on a node: run it, pass signals on, and write down how it ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType

from vimatte.cache.atomic import write_atomically
from vimatte.farm.local import run_arguments
from vimatte.farm.spool import DONE, FAILED, RUNNING, read_ledger, state_file


def main(spool: str, step: str) -> int:
    """Run the task that Slurm's environment names.

    Parameters
    ----------
    spool : str
        The folder that `vimatte.farm.slurm.submit` wrote.
    step : str

    Returns
    -------
    int
        What the task ended with.
    """
    folder, index = Path(spool), int(os.environ["SLURM_ARRAY_TASK_ID"])
    ledger = read_ledger(folder)
    row = next(row for row in ledger["steps"] if row["name"] == step)
    task = row["tasks"][index]
    path = state_file(folder, step, index)
    about = {"node": os.environ.get("SLURMD_NODENAME") or socket.gethostname()}
    _write(path, {**about, "state": RUNNING})
    arguments = run_arguments(
        Path(ledger["bundle"]), folder / "values.json", step, [task] if task else ()
    )
    child = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    reason = ""
    for line in child.stdout or ():
        sys.stdout.write(line)
        sys.stdout.flush()
        _, found, said = line.partition("openjd_fail: ")
        reason = said.strip() if found else reason
    code = child.wait()
    state = DONE if code == 0 else FAILED
    _write(path, {**about, "state": state, "code": code, "reason": reason})
    return code


def _write(path: Path, said: dict[str, object]) -> None:
    write_atomically(path, json.dumps(said).encode())
