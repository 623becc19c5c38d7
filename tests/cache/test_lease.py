"""Leases: one holder, soon free when it dies, and never in the way of whoever cannot see them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vimatte.cache import lease
from vimatte.cache.lease import take

CORE = Path(__file__).parents[2] / "core"
HOLD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from vimatte.cache.lease import take
held = take(Path(sys.argv[2]))
print("held" if held else "refused", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(CORE), str(tmp_path / "x.lease")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def test_one_process_holds_it(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    assert take(tmp_path / "x.lease") is None
    other = take(tmp_path / "y.lease")
    assert other is not None
    other.release()


def test_a_killed_holder_on_this_machine_is_seen_at_once(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with take(tmp_path / "x.lease") as held:  # type: ignore[union-attr]
        assert held
    assert not list(tmp_path.iterdir())


def test_a_dead_node_is_told_by_its_silence(tmp_path: Path) -> None:
    path = tmp_path / "x.lease"
    path.write_text(json.dumps({"host": "another-node", "pid": 1, "token": "t"}))
    assert take(path) is None
    old = time.time() - lease.EXPIRES - 1
    os.utime(path, (old, old))
    held = take(path)
    assert held is not None
    held.release()
    assert not path.exists()


def test_a_holder_keeps_it_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT", 0.05)
    path = tmp_path / "x.lease"
    with take(path) as held:  # type: ignore[union-attr]
        assert held
        old = time.time() - 1000
        os.utime(path, (old, old))
        end = time.monotonic() + 5
        while path.stat().st_mtime < old + 500:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_two_runs_in_one_process_do_not_wait(tmp_path: Path) -> None:
    first, second = take(tmp_path / "x.lease"), take(tmp_path / "x.lease")
    assert first is not None
    assert second is not None
    first.release()
    assert (tmp_path / "x.lease").exists()  # the second's
    second.release()
    assert not list(tmp_path.iterdir())
    assert not [t for t in threading.enumerate() if t.name == "lease"]


@pytest.mark.parametrize("content", ["", "[]", "{", "null", '{"host": 3, "pid": "x"}', "\x00\xff"])
def test_what_is_no_lease_never_blocks_for_long(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.lease"
    path.write_text(content)
    old = time.time() - lease.EXPIRES - 1
    os.utime(path, (old, old))
    held = take(path)
    assert held is not None
    held.release()


def test_a_folder_that_is_not_there_gives_one(tmp_path: Path) -> None:
    held = take(tmp_path / "none" / "x.lease")
    assert held is not None
    held.release()
