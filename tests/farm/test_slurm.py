"""A real Slurm cluster of two virtual nodes: good, failing, done again, cancelled, a dead node."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from farm_support import Farm
from slurm_cluster import Cluster, missing

from vimatte.cli.main import main
from vimatte.errors import FarmError
from vimatte.farm import slurm


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    lacking = missing()
    if lacking:
        reason = f"a Slurm cluster needs {', '.join(lacking)}"
        if os.environ.get("VIMATTE_NEEDS_SLURM"):
            pytest.fail(reason)
        pytest.skip(reason)
    made = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def spool(farm: Farm, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    assert farm.make() == 0
    return farm.bundle / "spool"


def wait(spool: Path, until: set[str], seconds: float = 90) -> dict[str, int]:
    """Wait until no task is in another state; return how many are in which."""
    end = time.monotonic() + seconds
    while True:
        states = [task.state for task in slurm.status(spool)]
        if set(states) <= until:
            return {state: states.count(state) for state in set(states)}
        if time.monotonic() > end:
            logs = {p.name: p.read_text()[-600:] for p in spool.glob("*.log")}
            raise TimeoutError(f"{slurm.status(spool)} {logs}")
        time.sleep(0.3)


def test_a_good_job_equals_a_single_run(
    farm: Farm, spool: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(farm.folder)  # as it is typed: not a whole path
    assert main(["farm", "slurm", farm.bundle.name]) == 0
    assert wait(spool, {"done"}) == {"done": 6}
    assert farm.frames() == farm.single()
    assert main(["farm", "status", str(farm.bundle)]) == 0
    assert "6 done" in capsys.readouterr().out
    assert main(["farm", "slurm", str(farm.bundle)]) == FarmError.exit_code


def test_only_the_failed_chunk_is_done_again(
    farm: Farm, spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    farm.fails.write_text("252")
    assert main(["farm", "slurm", str(farm.bundle)]) == 0
    assert wait(spool, {"done", "failed", "lost"}) == {"done": 4, "failed": 1, "lost": 1}
    assert main(["farm", "status", str(farm.bundle)]) == FarmError.exit_code
    assert "told to" in capsys.readouterr().out
    assert len(farm.frames()) == 8
    farm.fails.unlink()
    assert main(["farm", "redo", "--failed", str(farm.bundle)]) == 0
    assert wait(spool, {"done"}) == {"done": 6}
    assert farm.frames() == farm.single()
    log = (spool / "Matte.0.log").read_text()
    assert log.count("Running Task") == 1
    assert main(["farm", "redo", "--failed", str(farm.bundle)]) == 0
    assert "no task failed" in capsys.readouterr().out


def test_a_cancelled_job_leaves_no_process_and_writes_no_more(farm: Farm, spool: Path) -> None:
    farm.slow.write_text("60")
    assert main(["farm", "slurm", str(farm.bundle)]) == 0
    end = time.monotonic() + 60
    while not [t for t in slurm.status(spool) if t.step == "Matte" and t.state == "running"]:
        assert time.monotonic() < end
        time.sleep(0.3)
    time.sleep(2)
    assert main(["farm", "cancel", str(farm.bundle)]) == 0
    end = time.monotonic() + 40
    while True:
        left = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True)
        if str(farm.command) not in left.stdout:
            break
        assert time.monotonic() < end, left.stdout
        time.sleep(0.3)
    written = farm.frames()
    time.sleep(1)
    assert farm.frames() == written


@pytest.mark.demand
def test_a_node_that_dies_is_found_and_its_task_done_again(
    farm: Farm, spool: Path, cluster: Cluster
) -> None:
    farm.slow.write_text("8")
    assert main(["farm", "slurm", str(farm.bundle)]) == 0
    end = time.monotonic() + 60
    while True:
        on = [t.node for t in slurm.status(spool) if t.step == "Matte" and t.node]
        if on:
            break
        assert time.monotonic() < end
        time.sleep(0.3)
    cluster.node_dies(on[0])
    time.sleep(8)
    farm.slow.unlink()
    cluster.node_starts(on[0])
    # Slurm queues it again by itself, or gives it up; then it is ours to hand over.
    ended = wait(spool, {"done", "failed", "lost"}, 180)
    if ended != {"done": 6}:
        assert slurm.redo(spool)
        assert wait(spool, {"done"}, 120) == {"done": 6}
    assert farm.frames() == farm.single()


def test_slurm_that_is_not_here(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    assert farm.make() == 0
    monkeypatch.setenv("PATH", str(farm.folder))
    assert main(["farm", "slurm", str(farm.bundle)]) == 4
