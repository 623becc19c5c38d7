"""Bundles run here, by the real openjd: equal to a single run, and finished after a failure."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from farm_support import Farm

from vimatte.cli.main import main
from vimatte.errors import FarmError, FrameRangeError
from vimatte.farm.bundle import read_values
from vimatte.models.registry import DEFAULT_MODEL, packaged_weights, spec


def test_chunks_match_a_single_run(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    assert farm.make() == 0
    assert main(["farm", "run", str(farm.bundle), "-p", f"Vimatte={farm.command}"]) == 0
    said = capsys.readouterr().out
    assert "openjd_progress: 100" in said
    assert "12 frames verified" in said
    assert farm.frames() == farm.single()
    assert (farm.out / "v001" / "qc.html").exists()


def test_a_part_with_its_own_cache_weights_and_names(farm: Farm) -> None:
    """Whatever `farm bundle` is told, the tasks do."""
    weights = farm.folder / "w.safetensors"
    weights.write_bytes(packaged_weights(spec(DEFAULT_MODEL)).read_bytes())
    cache = farm.folder / "cache"
    options = ["--cache", str(cache), "--weights", str(weights), "--vse", "--names", "mia"]
    assert farm.make(*options) == 0  # makes the session, of the whole shot
    args = ["farm", "bundle", str(farm.out), "-o", str(farm.bundle), "--device", "cpu", *options]
    assert main([*args, "--frames", "1003-1006", "--command", str(farm.command)]) == 0
    values = read_values(farm.bundle)
    assert (values["Cache"], values["Weights"]) == (str(cache), str(weights))
    assets = json.loads((farm.bundle / "asset_references.json").read_text())["assetReferences"]
    assert str(weights) in assets["inputs"]["filenames"]
    assert str(cache) in assets["outputs"]["directories"]
    assert main(["farm", "run", str(farm.bundle), "-p", f"Vimatte={farm.command}"]) == 0
    assert list(farm.frames()) == [f"sh.{f}.exr" for f in range(1003, 1007)]
    assert not (farm.out / "cache").exists()
    # Two more than asked for: the segment of the first begins before it.
    assert len(list(cache.glob("sh/mattes-*/*.safetensors"))) == 6
    assert len(list((farm.out / "v001" / "vse" / "mia").glob("*.exr"))) == 4
    manifest = json.loads((farm.out / "v001" / "version.json").read_text())
    assert manifest["frames"] == "1001-1012"


def test_a_part_that_the_shot_has_not(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    assert farm.make() == 0
    args = ["farm", "bundle", str(farm.out), "-o", str(farm.folder / "b2"), "--frames", "1-9"]
    assert main(args) == FrameRangeError.exit_code
    assert "the frames 1-9 are not all in the session" in capsys.readouterr().err


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
