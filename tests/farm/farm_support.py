"""A tiny shot, its bundle, and the command its tasks call."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte.cli.main import main

CORE = Path(__file__).parents[2] / "core"
FRAMES = range(1001, 1013)
# Stands in for vimatte on a node: the same, but it can be told to fail, or to take its time.
COMMAND = """\
#!{python}
import os, sys, time
sys.path.insert(0, {core!r})
if "matte" in sys.argv:
    part = sys.argv[sys.argv.index("--segments") + 1]
    if os.path.exists({fails!r}) and part.startswith(open({fails!r}).read().strip()):
        print("openjd_fail: told to", flush=True)
        sys.exit(3)
    if os.path.exists({slow!r}):
        time.sleep(float(open({slow!r}).read()))
from vimatte.cli.main import main
sys.exit(main())
"""


class Farm:
    """A shot of twelve frames in segments of four, its bundle, and switches for its tasks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundle, self.out = folder / "bundle", folder / "out"
        self.fails, self.slow = folder / "fails", folder / "slow"
        self.command = folder / "vimatte"
        self.command.write_text(
            COMMAND.format(
                python=sys.executable, core=str(CORE), fails=str(self.fails), slow=str(self.slow)
            )
        )
        self.command.chmod(self.command.stat().st_mode | stat.S_IXUSR)
        self.plate = str(folder / "plate" / "sh.####.exr")
        self.masks = f"masks:{folder / 'masks'}"
        self.settings = ["--guidance", self.masks, "--segment", "4", "--preroll", "2"]

    def make(self, *more: str) -> int:
        """Write the bundle."""
        return main(
            ["farm", "bundle", self.plate, "-o", str(self.bundle), "--out", str(self.out),
             "--device", "cpu", "--command", str(self.command), "--cores", "1",
             "--memory", "1000", *self.settings, *more]
        )  # fmt: skip

    def frames(self, out: Path | None = None) -> dict[str, bytes]:
        """Return the published files."""
        folder = (out or self.out) / "v001" / "exr"
        return {p.name: p.read_bytes() for p in sorted(folder.glob("*.exr"))}

    def single(self) -> dict[str, bytes]:
        """Return what one run gives, without a farm."""
        out = self.folder / "single"
        if not out.exists():
            more = [*self.settings, "--device", "cpu", "--no-qc"]
            assert main(["matte", self.plate, "-o", str(out), *more]) == 0
        return self.frames(out)


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Farm:
    monkeypatch.setenv("PYTHONPATH", f"{CORE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    rng = np.random.default_rng(0)
    (tmp_path / "plate").mkdir()
    (tmp_path / "masks" / "anna").mkdir(parents=True)
    for frame in FRAMES:
        pixels = rng.random((48, 64, 3), dtype=np.float32) * 0.2
        mask = np.zeros((48, 64), np.uint8)
        cv2.circle(mask, (20 + frame - 1001, 24), 12, 255, -1)
        pixels[mask > 0] += 0.5
        cv2.imwrite(str(tmp_path / "masks" / "anna" / f"m.{frame}.png"), mask)
        assert oiio.ImageBuf(pixels).write(str(tmp_path / "plate" / f"sh.{frame}.exr"), oiio.HALF)
    return Farm(tmp_path)
