"""Bundles that Open Job Description accepts, and what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from farm_support import Farm

from vimatte.cli.main import main
from vimatte.errors import ConfigError, FarmError
from vimatte.farm.bundle import read_values, template_of
from vimatte.farm.local import check
from vimatte.farm.template import FarmOptions, job_template, lattice_cells
from vimatte.frames.frame_range import FrameRange


def test_the_bundle_is_valid_and_names_everything_it_needs(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(farm.folder)
    farm.plate = "plate/sh.####.exr"  # as it is typed; a farm needs the whole path
    assert farm.make() == 0  # it has been through `openjd check`
    values = read_values(farm.bundle)
    assert values == {"Session": str(farm.out / "session.json"), "Out": str(farm.out)}
    assets = json.loads((farm.bundle / "asset_references.json").read_text())["assetReferences"]
    assert assets["inputs"]["filenames"] == [values["Session"]]
    folders = [str(farm.folder / "masks"), str(farm.folder / "plate")]
    assert assets["inputs"]["directories"] == folders
    assert assets["outputs"]["directories"] == [str(farm.out)]


def test_tasks_are_cut_where_segments_are() -> None:
    frames = FrameRange.parse("1001-1047,1100")
    assert str(lattice_cells(frames, 20)) == "50-52,55"
    made = job_template("sh", frames, 20, 12, FarmOptions(segments_per_task=2))
    names = [step["name"] for step in made["steps"]]
    assert names == ["Guidance", "Matte", "AssembleAndVerify"]
    defaults = {p["name"]: p.get("default") for p in made["parameterDefinitions"]}
    assert defaults["Segments"] == "50-52,55"
    assert defaults["SegmentsPerTask"] == 2


def test_one_chain_is_a_step_after_the_other(farm: Farm) -> None:
    farm.settings = ["--guidance", farm.masks, "--segment", "0"]
    assert farm.make() == 0
    made = job_template("sh", FrameRange.parse("1-500"), 0, 12, FarmOptions())
    mattes = [step for step in made["steps"] if step["name"].startswith("Matte")]
    assert len(mattes) == 6
    parts = [step["script"]["actions"]["onRun"]["args"] for step in mattes]
    frames = [args[args.index("--frames") + 1] for args in parts]
    assert frames[:2] == ["1-96", "97-192"]
    for before, after in zip(made["steps"], made["steps"][1:], strict=False):
        assert after["dependencies"] == [{"dependsOn": before["name"]}]


def test_a_gpu_is_asked_for_where_it_is_used() -> None:
    made = job_template("sh", FrameRange.parse("1-9"), 4, 12, FarmOptions(device="cuda"))
    asked = {
        step["name"]: {a["name"]: a["min"] for a in step["hostRequirements"]["amounts"]}
        for step in made["steps"]
    }
    assert asked["Matte"]["amount.worker.gpu"] == 1
    assert "amount.worker.gpu" not in asked["Guidance"]


def test_bad_options() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        FarmOptions(segments_per_task=0)
    with pytest.raises(ConfigError, match="abacus"):
        FarmOptions(device="abacus")
    with pytest.raises(ConfigError, match="avx1024"):
        FarmOptions(cpu_isa="avx1024")


def test_every_task_uses_the_instructions_that_were_asked_for() -> None:
    made = job_template("sh", FrameRange.parse("1-9"), 4, 12, FarmOptions(cpu_isa="avx2"))
    (parameter,) = [p for p in made["parameterDefinitions"] if p["name"] == "CpuIsa"]
    assert parameter["default"] == "avx2"
    for step in made["steps"]:
        arguments = step["script"]["actions"]["onRun"]["args"]
        assert arguments[arguments.index("--cpu-isa") + 1] == "{{Param.CpuIsa}}"


@pytest.mark.parametrize("content", [None, "[]", "{", '{"parameterValues": [1]}'])
def test_what_is_no_bundle(
    tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "parameter_values.json").write_text(content)
    assert main(["farm", "run", str(tmp_path)]) == FarmError.exit_code
    assert "farm bundle" in capsys.readouterr().err
    with pytest.raises(FarmError, match="no template"):
        template_of(tmp_path)


def test_a_template_that_is_refused_says_why(farm: Farm) -> None:
    assert farm.make() == 0
    path = farm.bundle / "template.json"
    template = json.loads(path.read_text())
    template["steps"][0]["script"]["actions"]["onRun"]["timeout"] = -1
    path.write_text(json.dumps(template))
    with pytest.raises(FarmError, match="timeout"):
        check(farm.bundle)
