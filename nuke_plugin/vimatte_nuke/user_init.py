"""The one line in a user's ``init.py`` that lets Nuke find the plug-in; used by install.py."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Optional

PLUGIN = Path(__file__).resolve().parents[1]
MARK = "# added by vimatte's install.py"


def line_for(plugin: Path, python: Path) -> str:
    """Return the line; it does nothing where the folder has gone.

    Parameters
    ----------
    plugin : Path
        The folder ``nuke_plugin``.
    python : Path
        Of the environment that install.py made; ``$VIMATTE_PYTHON`` wins over it.
    """
    path, program = json.dumps(plugin.as_posix()), json.dumps(python.as_posix())
    return (
        f"import os, nuke; os.path.isdir({path}) and (os.environ.setdefault('VIMATTE_PYTHON',"
        f" {program}), nuke.pluginAddPath({path}))  {MARK}"
    )


def change_init(folder: Optional[Path], python: Path, *, remove: bool, dry_run: bool) -> list[str]:
    """Add our line to ``init.py`` in Nuke's folder, or take it out; nothing else in it changes.

    Parameters
    ----------
    folder : Path, optional
        By default ``.nuke`` in the user's home.
    python : Path
        Of vimatte's environment.
    remove : bool
    dry_run : bool
        Say what would be done.

    Returns
    -------
    list of str
        What to tell the user.
    """
    path = ((folder or Path.home() / ".nuke") / "init.py").resolve()  # a link stays one
    old = path.read_bytes() if path.exists() else b""
    lines = [text for text in old.splitlines(keepends=True) if MARK.encode() not in text]
    if not remove:
        if lines and not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        lines.append(line_for(PLUGIN, python).encode() + b"\n")
    new = b"".join(lines)
    if new == old:
        return [f"nothing to change in {path}"]
    done = "taken out of" if remove else "added to"
    if dry_run:
        return [f"one line would be {done} {path}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".init.py.{os.getpid()}.new")
    temporary.write_bytes(new)
    if path.exists():
        shutil.copymode(path, temporary)
    temporary.replace(path)
    told = [f"one line {done} {path}"]
    return told if remove else [*told, f"or without it: NUKE_PATH={PLUGIN}"]
