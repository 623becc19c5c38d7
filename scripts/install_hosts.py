"""What `install.py nuke` and `install.py blender` do; standard library only, as install.py is."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
Say = Callable[[str], None]


def nuke(options: argparse.Namespace, python: Path, say: Say) -> int:
    """Add our line to the user's init.py of Nuke, or take it out."""
    sys.path.insert(0, str(ROOT / "nuke_plugin"))
    from vimatte_nuke.user_init import change_init  # noqa: PLC0415 - of the checkout beside

    folder, gone, dry = options.nuke_dir, options.uninstall, options.dry_run
    for line in change_init(folder, python, remove=gone, dry_run=dry):
        say(line)
    return 0


def blender(options: argparse.Namespace, python: Path, say: Say) -> int:
    """Build the extension, say where our environment is, and install where there is a Blender."""
    target = ROOT / "build" / "vimatte-blender.zip"
    found = options.blender or shutil.which("blender")
    sys.path.insert(0, str(ROOT / "core" / "vimatte" / "worker"))
    from client import record_file  # noqa: PLC0415 - of the checkout beside

    record = record_file()
    if options.dry_run:
        say(f"would build {target} and write {record}")
        return 0
    code = subprocess.call([sys.executable, "scripts/build_blender", str(target)], cwd=ROOT)
    if code:
        return code
    record.parent.mkdir(parents=True, exist_ok=True)
    temporary = record.with_name(f"{record.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps({"python": str(python)}) + "\n", encoding="utf-8")
    temporary.replace(record)
    if found and _blender_version(found) >= (4, 2):
        command = [str(found), "--command", "extension", "install-file"]
        code = subprocess.call([*command, "--repo", "user_default", "--enable", str(target)])
        say("restart Blender: the panel is in the Video Sequencer's sidebar, Instance Matte")
        return code
    say(f"drag {target} into Blender 4.2 or newer (or name it with --blender)")
    return 0


def _blender_version(program: str | Path) -> tuple[int, ...]:
    done = subprocess.run(
        [str(program), "--version"], capture_output=True, text=True, check=False, timeout=60
    )
    numbers = done.stdout.partition("Blender ")[2].split(maxsplit=1)[:1]
    parts = numbers[0].split(".") if numbers else []
    return tuple(int(part) for part in parts if part.isdigit())
