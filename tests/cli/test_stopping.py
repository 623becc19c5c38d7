"""A render queue asks a task to end: the frame in hand is finished, and nothing else is begun."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_support import write_exr

from vimatte.cli import stopping
from vimatte.cli.stopping import frame_by_frame, stopped_by_sigterm

CORE = Path(__file__).parents[2] / "core"


@pytest.fixture
def long_shot(tmp_path: Path) -> Path:
    """Sixty small frames of one person."""
    rng = np.random.default_rng(0)
    (tmp_path / "plate").mkdir()
    (tmp_path / "masks" / "anna").mkdir(parents=True)
    mask = np.zeros((64, 96), np.uint8)
    cv2.circle(mask, (48, 32), 20, 255, -1)
    for frame in range(1, 61):
        write_exr(tmp_path / "plate" / f"sh.{frame:04d}.exr", rng.random((64, 96, 3)))
        cv2.imwrite(str(tmp_path / "masks" / "anna" / f"m.{frame:04d}.png"), mask)
    return tmp_path


def test_the_frame_in_hand_is_finished(long_shot: Path) -> None:
    command = [
        sys.executable, "-m", "vimatte", "matte", str(long_shot / "plate" / "sh.####.exr"),
        "-o", str(long_shot / "out"), "--guidance", f"masks:{long_shot / 'masks'}",
        "--device", "cpu", "--json",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(CORE), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        done: list[int] = []
        last: dict[str, object] = {}
        for line in child.stdout:
            last = json.loads(line)
            if last.get("stage") != "matte":
                continue
            done.append(int(str(last["done"])))
            if done[-1] == 3:
                time.sleep(0.01)  # the next frame is in work now
                child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 130
    assert last["type"] == "error"
    assert last["code"] == "cancelled"
    assert 4 <= done[-1] < 60
    published = sorted((long_shot / "out" / "v001" / "exr").glob("*.exr"))
    assert len(published) >= done[-1]
    assert not list(long_shot.rglob("*.lease"))
    assert not [path for path in (long_shot / "out").rglob("*.tmp") if path.is_file()]


def test_no_frame_keeps_a_task_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "GRACE", 0.3)

    def frames() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
        yield 2

    began, seen = time.monotonic(), []
    with pytest.raises(KeyboardInterrupt), stopped_by_sigterm():
        seen.extend(frame_by_frame(frames()))
    assert 0.25 < time.monotonic() - began < 20


def test_asking_twice_ends_at_once() -> None:
    seen: list[int] = []

    def frames() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append(1)  # it goes on
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append(2)
        yield 2

    with pytest.raises(KeyboardInterrupt), stopped_by_sigterm():
        list(frame_by_frame(frames()))
    assert seen == [1]
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_outside_of_frames_it_ends_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), stopped_by_sigterm():
        list(frame_by_frame([1, 2]))
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        pytest.fail("it went on")
