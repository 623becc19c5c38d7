"""The command line: the main job, chunks, names, listings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_support import FRAMES, alphas, matte

from vimatte.cli.main import main


def test_the_main_job(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matte(shot) == 0
    said = capsys.readouterr().out
    assert "Progress: 100%" in said
    assert "anna" in said
    for frame in FRAMES:
        channels = alphas(shot, "out", frame)
        assert set(channels) == {"R", "G", "B", "A", "anna.A", "bert.A"}
        assert channels["anna.A"][32, 28] > 0.5
        assert channels["bert.A"][32, 28] < 0.5
    assert (shot / "out" / "v001" / "qc.html").exists()
    assert main(["verify", str(shot / "out")]) == 0
    assert main(["plan", str(shot / "out")]) == 0
    assert "1001-1004" in capsys.readouterr().out
    assert matte(shot) == 0
    assert "0 computed" in capsys.readouterr().out
    assert [p.name for p in (shot / "out").glob("v*")] == ["v001"]


def test_chunks_equal_a_single_run(shot: Path) -> None:
    assert matte(shot, "single") == 0
    plate, masks = str(shot / "plate" / "sh.####.exr"), f"masks:{shot / 'masks'}"
    out = str(shot / "chunks")
    assert main(["guide", plate, "-o", out, "--guidance", masks]) == 0
    for part in ("1003-1004", "1001-1002"):
        assert main(["matte", out, "--frames", part]) == 0
    assert main(["verify", out]) == 0
    for frame in FRAMES:
        single, chunked = alphas(shot, "single", frame), alphas(shot, "chunks", frame)
        for name, pixels in single.items():
            np.testing.assert_array_equal(pixels, chunked[name])


def test_names_and_json(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matte(shot, "out", "--names", "lead,extra", "--json", "--no-qc") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"instance", "progress", "published"} <= {line["type"] for line in lines}
    assert "lead.A" in alphas(shot, "out", 1001)


@pytest.mark.parametrize("command", [["models"], ["guidance"], ["weights", "ls"]])
def test_listings(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    assert capsys.readouterr().out


def test_cache_commands(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matte(shot, "out", "--no-qc") == 0
    cache = str(shot / "out" / "cache")
    assert main(["cache", "ls", cache]) == 0
    assert main(["cache", "verify", cache]) == 0
    victim = next((shot / "out" / "cache").glob("*/mattes-*/*.safetensors"))
    victim.write_bytes(victim.read_bytes()[:100])
    assert main(["cache", "verify", cache]) == 9
    assert main(["cache", "prune", cache]) == 4
    assert main(["cache", "prune", cache, "--limit", "0"]) == 0
    assert not list((shot / "out" / "cache").glob("*/mattes-*/*.safetensors"))
