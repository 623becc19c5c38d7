# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a strip's frames, and masks, in a background Blender, so that this one stays free."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import bpy

from . import client
from .source import SourceError

SCRIPT = Path(__file__).with_name("pull_main.py")


class Pull:
    """A background Blender at work.

    Attributes
    ----------
    plate : str
        Pattern of the frames it renders.
    masks : str
        Folder of the masks it renders, one folder an instance.
    """

    def __init__(self, scene, tag: str, frames: tuple[int, int], out: Path, guidance: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="vimatte-"))
        self._out, self._total = out / "frames", frames[1] - frames[0] + 1
        self.plate = str(self._out / "plate.####.png")
        self.masks = str(self._out / "masks") if guidance != "PEOPLE" else ""
        if self._out.exists():
            shutil.rmtree(self._out)
        self._out.mkdir(parents=True)
        blend, spec = self._folder / "copy.blend", self._folder / "spec.json"
        bpy.ops.wm.save_as_mainfile(
            filepath=str(blend), copy=True, compress=False, relative_remap=True
        )
        wanted = {
            "blend": str(blend),
            "scene": scene.name,
            "tag": tag,
            "frames": frames,
            "out": str(self._out),
            "guidance": guidance,
        }
        spec.write_text(json.dumps(wanted), encoding="utf-8")
        self._log = (self._folder / "log.txt").open("wb")
        self._process = subprocess.Popen(  # noqa: S603 - an argument list
            _command(blend, spec),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=client.clean_environment(),
        )

    def progress(self) -> tuple[int, int]:
        """Return how many frames are there, of how many."""
        return sum(1 for _ in self._out.glob("plate.*.png")), self._total

    def order(self) -> list[str]:
        """Return the instances of the masks, the one in front first."""
        return json.loads((self._out / "order.json").read_text(encoding="utf-8"))

    def running(self) -> bool:
        """Return whether it still renders; raise SourceError where it failed."""
        code = self._process.poll()
        if code is None:
            return True
        log = self._end()
        if code or self.progress()[0] < self._total:
            last = (log.strip().splitlines() or ["it said nothing"])[-1]
            raise SourceError(f"The background Blender could not render the strip: {last}")
        return False

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._end()

    def _end(self) -> str:
        self._log.close()
        log = self._folder / "log.txt"
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        shutil.rmtree(self._folder, ignore_errors=True)
        return text


def _command(blend: Path, spec: Path) -> list[str]:
    if bpy.app.binary_path:
        start = [bpy.app.binary_path, "-b", "--factory-startup", str(blend)]
        return [*start, "--python-exit-code", "1", "-P", str(SCRIPT), "--", str(spec)]
    return [sys.executable, str(SCRIPT), str(spec)]  # the bpy module
