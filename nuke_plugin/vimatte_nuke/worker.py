"""The client of the worker process: a copy beside this file, or the one of the checkout."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from vimatte_nuke.problem import Problem

_HERE = Path(__file__).resolve().parent
PLACES = (
    _HERE / "worker_client.py",
    _HERE.parents[1] / "core" / "vimatte" / "worker" / "client.py",
)


def load_client() -> ModuleType:
    """Return the module, which imports nothing of vimatte.

    Raises
    ------
    Problem
        When the folder was taken out of its checkout without the client.
    """
    for path in PLACES:
        spec = importlib.util.spec_from_file_location("vimatte_nuke_worker_client", str(path))
        if path.is_file() and spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise Problem(
        "the worker's client is missing: copy core/vimatte/worker/client.py to"
        f" {PLACES[0]}, or use the plug-in inside its checkout"
    )


def find_environment(client: Any, chosen: str) -> Path:
    """Return the Python that runs the worker.

    Parameters
    ----------
    client : module
        From `load_client`.
    chosen : str
        What the node names; empty: ``$VIMATTE_PYTHON``, what install.py made for this user, or
        what it made in the checkout this file is in.

    Raises
    ------
    Problem
        With what to do about it.
    """
    try:
        return Path(client.find_python(chosen))
    except client.WorkerFailed as error:
        if not chosen and not os.environ.get("VIMATTE_PYTHON"):
            venv = _HERE.parents[1] / ".venv"
            for python in (venv / "bin" / "python", venv / "Scripts" / "python.exe"):
                if python.is_file():
                    return python
        raise Problem(str(error)) from error
