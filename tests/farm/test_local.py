"""Bundles run here, by the real openjd: equal to a single run, and finished after a failure."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from farm_support import Farm

from vimatte.cli.main import main
from vimatte.errors import FarmError


def test_chunks_match_a_single_run(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    assert farm.make() == 0
    assert main(["farm", "run", str(farm.bundle), "-p", f"Vimatte={farm.command}"]) == 0
    said = capsys.readouterr().out
    assert "openjd_progress: 100" in said
    assert "12 frames verified" in said
    assert farm.frames() == farm.single()
    assert (farm.out / "v001" / "qc.html").exists()


def test_a_failed_chunk_is_named_and_only_it_is_done_again(
    farm: Farm, capsys: pytest.CaptureFixture[str]
) -> None:
    assert farm.make() == 0
    farm.fails.write_text("251")
    arguments = ["farm", "run", str(farm.bundle), "-p", f"Vimatte={farm.command}"]
    assert main(arguments) == FarmError.exit_code
    assert "told to" in capsys.readouterr().err
    finished = farm.frames()
    assert list(finished) == [f"sh.{f}.exr" for f in range(1001, 1004)]
    farm.fails.unlink()
    assert main(arguments) == 0
    assert "3 frames, 0 computed" in capsys.readouterr().out
    assert farm.frames() == farm.single()


def test_a_stopped_job_leaves_no_task_behind(farm: Farm) -> None:
    assert farm.make() == 0
    farm.slow.write_text("30")
    command = [sys.executable, "-m", "vimatte", "farm", "run", str(farm.bundle)]
    running = subprocess.Popen(
        [*command, "-p", f"Vimatte={farm.command}"], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    for line in running.stdout:
        if "Segments" in line:
            break
    time.sleep(1)
    running.terminate()
    assert running.wait(60) == 130
    running.stdout.close()
    left = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True)
    assert str(farm.command) not in left.stdout


def test_path_rules_of_a_farm_reach_the_session(farm: Farm) -> None:
    assert farm.make() == 0
    moved = farm.folder / "elsewhere"
    moved.mkdir()
    for name in ("plate", "masks"):
        (farm.folder / name).rename(moved / name)
    rules = farm.folder / "rules.json"
    rows = [
        {"source_path_format": "POSIX", "source_path": str(farm.folder / name),
         "destination_path": str(moved / name)}
        for name in ("plate", "masks")
    ]  # fmt: skip
    rows.append({**rows[1], "source_path": str(farm.folder), "destination_path": str(moved)})
    rules.write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": rows}))
    session = str(farm.out / "session.json")
    assert main(["guide", session, "--path-map-file", str(rules)]) == 0
    rules.write_text("{")
    assert main(["guide", session, "--path-map-file", str(rules)]) == 3
