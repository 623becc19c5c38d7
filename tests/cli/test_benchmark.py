"""``vimatte benchmark``: build and run from nothing, go on after a stop, say what is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from vimatte.cli.main import main
from vimatte.errors import Cancelled
from vimatte.evaluate import runner
from vimatte.evaluate.items import read_item
from vimatte.models.registry import packaged_weights, spec

SMALL = ("--clips", "1", "--frames", "3", "--size", "128x96")
FEW = ("--pairs", "1", "--bands", "12", "--noise", "25", "--every-metric")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench")
    assert main(["benchmark", "build", str(out), *SMALL]) == 0
    return out


def results(bench: Path) -> list[Path]:
    return sorted((bench / "results").rglob("*.json"))


def test_it_works_from_nothing(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pymatting")
    manifest = json.loads((bench / "benchmark.json").read_text())
    assert manifest["material"]["foregrounds"].startswith("procedural")
    assert manifest["vim50"][0]["instances"] == [1, 2]
    assert main(["benchmark", "run", str(bench), *FEW]) == 0
    shown = capsys.readouterr().out
    for word in ("closed form 12", "knn 12", "guided filter", "VIMQ mad", "kept", "MISSED"):
        assert word in shown
    figures = json.loads((bench / "figures.json").read_text())["vim50"]
    assert set(figures["quality"]) == {
        "mask", "mask-noise25", "ours", "ours-noise25", "blurred mean 1", "blurred mean 2",
        "blurred mean 4", "guided filter 8 0.001", "guided filter 16 0.001",
        "guided filter 16 1e-05",
    }  # fmt: skip
    assert figures["means_on_slow_frames"]["knn 12"]["dtssd"] > 0
    assert set(figures["grad_and_conn"]["01"]) == {"grad", "conn"}
    claims = {row["claim"]: row for row in figures["claims"]}
    assert "VIMQ mad kept at 25% noise" in claims
    page = (bench / "figures.html").read_text()
    assert page.count("<svg") == 3  # MAD and dtSSD of the clip, and VIMQ over the noise

    # Again: nothing is computed, and new weights only compute their own.
    before = {path: path.stat().st_mtime_ns for path in results(bench)}
    assert main(["benchmark", "run", str(bench), *FEW, "--json", "-o", str(tmp_path)]) == 0
    assert {path: path.stat().st_mtime_ns for path in results(bench)} == before
    weights = tmp_path / "other.safetensors"
    shutil.copy(packaged_weights(spec("msgvim-lite")), weights)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    report = next(line for line in lines if line["type"] == "benchmark")
    assert report["vim50"]["quality"]["mask"] == figures["quality"]["mask"]
    # The same weights under another name are the same weights.
    command = ["benchmark", "run", str(bench), *FEW, "--weights", str(weights)]
    assert main([*command, "-o", str(tmp_path / "again")]) == 0
    assert len(results(bench)) == len(before)
    assert (tmp_path / "again" / "figures.html").exists()


def test_drawn_clips_are_few_and_small_and_others_are_not(tmp_path: Path) -> None:
    assert main(["benchmark", "build", str(tmp_path / "drawn")]) == 0
    manifest = json.loads((tmp_path / "drawn" / "benchmark.json").read_text())
    assert len(manifest["vim50"]) == 4
    drawn = read_item(tmp_path / "drawn" / "vim50" / "01")
    assert (len(drawn.plates), drawn.plates[0].shape) == (8, (240, 427, 3))
    cut_out = np.zeros((200, 120, 4), np.uint8)
    cut_out[20:180, 20:100] = (40, 90, 200, 255)
    cv2.imwrite(str(tmp_path / "cut_out.png"), cut_out)
    command = ["benchmark", "build", str(tmp_path / "own"), "--clips", "1", "--frames", "1"]
    assert main([*command, "--foregrounds", str(tmp_path / "cut_out.png")]) == 0
    own = read_item(tmp_path / "own" / "vim50" / "01")
    assert own.plates[0].shape == (480, 854, 3)


def test_the_mask_scores_as_it_should(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["benchmark", "run", str(bench), "--no-model", "--baselines", "mask", "--no-noise"]
    assert main([*command, "--json"]) == 0
    line = next(x for x in capsys.readouterr().out.splitlines() if '"type": "benchmark"' in x)
    got = json.loads(line)["vim50"]["every_frame"]["mask"]["01"]
    item = read_item(bench / "vim50" / "01")
    errors = [
        np.mean([np.abs(m - a).mean() for m, a in zip(item.masks[i], item.truth[i], strict=True)])
        for i in (1, 2)
    ]
    assert got["mad"] == pytest.approx(1e3 * np.mean(errors), rel=1e-5)


def test_a_stopped_run_goes_on(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "bench"
    shutil.copytree(bench, copy, ignore=shutil.ignore_patterns("results"))
    command = ["benchmark", "run", str(copy), "--no-model", "--baselines", "mask,blur"]
    command.append("--no-noise")
    store = runner._store
    stored = []

    def stop_after_two(path: Path, result: runner.Result) -> None:
        if len(stored) == 2:
            raise Cancelled("stopped")
        stored.append(path)
        store(path, result)

    monkeypatch.setattr(runner, "_store", stop_after_two)
    assert main(command) == 130
    assert results(copy) == sorted(stored)
    stored[0].write_text("{}")  # and one of them was broken
    kept = stored[1].stat().st_mtime_ns
    monkeypatch.setattr(runner, "_store", store)
    assert main(command) == 0
    assert len(results(copy)) == 4
    assert stored[1].stat().st_mtime_ns == kept
    assert json.loads(stored[0].read_text())["frames"] == [0, 1, 2]


def test_levels_with_other_guidance(tmp_path: Path) -> None:
    out = str(tmp_path)
    command = ["benchmark", "build", out, "--style", "vhim60", *SMALL, "--seed", "3"]
    assert main([*command, "--guidance", "noise", "--noise", "20"]) == 0
    manifest = json.loads((tmp_path / "benchmark.json").read_text())
    assert [len(manifest[kind]) for kind in ("easy", "medium", "hard")] == [1, 1, 1]
    assert 0.47 <= manifest["hard"][0]["hidden"][1] <= 0.88
    assert manifest["hard"][0]["guidance"] == {"kind": "noise", "strength": 1.0, "noise": 0.2}


def test_bad_input_is_named(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(code: int, *arguments: object) -> str:
        capsys.readouterr()
        assert main(["benchmark", *map(str, arguments)]) == code
        return capsys.readouterr().err

    assert "not a benchmark folder" in refused(3, "run", tmp_path)
    assert "1 to 20" in refused(3, "run", bench, "--pairs", "21")
    assert "at most 25" in refused(3, "run", bench, "--noise", "30")
    assert "--bands" in refused(3, "run", bench, "--bands", "0")
    assert "nothing to run" in refused(4, "run", bench, "--no-model", "--baselines", "none")
    assert "no model is called" in refused(4, "run", bench, "--model", "mine")
    missing = tmp_path / "none.safetensors"
    assert "none.safetensors" in refused(7, "run", bench, "--weights", missing)
    assert "no weights in this folder" in refused(7, "run", bench, "--model-folder", tmp_path)
    assert "0 to 0.25" in refused(3, "build", tmp_path / "b", "--noise", "40")
    assert "at least one clip" in refused(3, "build", tmp_path / "b", "--clips", "0")
    assert "no such file" in refused(3, "build", tmp_path / "b", "--talker", tmp_path / "x.mp4")
    for arguments in (
        ["build", "--size", "big"],
        ["run", "--noise", "a"],
        ["run", "--baselines", "x"],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["benchmark", *arguments])
        assert stopped.value.code == 2
    copy = tmp_path / "copy"
    shutil.copytree(bench, copy, ignore=shutil.ignore_patterns("results"))
    shutil.rmtree(copy / "vim50" / "01" / "truth")
    assert "not whole" in refused(3, "run", copy, "--no-model", "--baselines", "mask")
