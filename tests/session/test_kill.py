"""A run that is killed at any moment loses nothing finished, and ends as an unbroken one."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests_session_support import write_plate

from vimatte.cache.manage import verify
from vimatte.cache.store import FrameStore
from vimatte.session import MatteSession

CHILD = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from pathlib import Path
import torch
torch.set_num_threads(1)
import vimatte.session.session as module
from tests_session_support import Discs
from vimatte.session import MatteSession, Shot
from vimatte.session.settings import Settings
module.create_provider = lambda *a, **k: Discs()
shot = Shot(sys.argv[3])
settings = Settings(segment=6, preroll=3, keep_state=3)
with MatteSession(
    shot, guidance="people", cache=sys.argv[4], weights=Path(sys.argv[5]),
    device="cpu", settings=settings,
) as session:
    session.publish(sys.argv[6])
"""


def command(plate: Path, weights: Path, folder: Path) -> list[str]:
    here = Path(__file__).parent
    core = here.parents[1] / "core"
    paths = [here, core, plate, folder / "cache", weights, folder / "out"]
    return [sys.executable, "-c", CHILD, *map(str, paths)]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for pattern in ("cache/*/mattes-*/*.safetensors", "cache/*/states-*/*.safetensors")
        for p in folder.glob(pattern)
    } | {p.name: p.read_bytes() for p in folder.glob("out/v001/exr/*.exr")}


@pytest.mark.parametrize("kind", ["mattes", "states"])
def test_no_finished_frame_lacks_its_state(
    make: Callable[..., MatteSession], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between the two files of a frame, whichever comes first, a run ends as another."""

    class Killed(BaseException):
        """Stands for SIGKILL."""

    list(make("whole").run())
    save = FrameStore.save

    def killed(store: FrameStore, frame: int, *more: Any) -> None:
        if frame == 1007 and f"/{kind}-" in str(store.folder):
            raise Killed
        save(store, frame, *more)

    with monkeypatch.context() as patch:
        patch.setattr(FrameStore, "save", killed)
        with pytest.raises(Killed):
            list(make("harmed").run())
    list(make("harmed").run())

    def files(name: str) -> dict[str, bytes]:
        return {str(p.relative_to(tmp_path / name)): p.read_bytes()
                for p in (tmp_path / name).glob("*/*-*/*.safetensors")}  # fmt: skip

    assert files("harmed") == files("whole")


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_at_random_moments(kills: int, tmp_path: Path, weights: Path) -> None:
    plate = write_plate(tmp_path / "plate", range(1001, 1013))
    started = time.monotonic()
    subprocess.run(command(plate, weights, tmp_path / "whole"), check=True, timeout=300)
    whole_run = time.monotonic() - started
    moments = random.Random(7)
    killed = 0
    while killed < kills:
        # Each victim works on what the ones before it left; a finished shot is begun anew.
        folder = tmp_path / f"killed{killed // 4}"
        child = subprocess.Popen(command(plate, weights, folder))
        try:
            child.wait(whole_run * moments.uniform(0.3, 1.0))
            assert child.returncode == 0
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
        killed += 1
    expected = contents(tmp_path / "whole")
    assert len([name for name in expected if name.endswith(".exr")]) == 12
    for folder in sorted(tmp_path.glob("killed*")):
        subprocess.run(command(plate, weights, folder), check=True, timeout=300)
        assert contents(folder) == expected
        assert list(verify(folder / "cache")) == []
