"""Training from the command line: strict settings, a run that goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vimatte.cli.main import main
from vimatte.training.material import prepare_shapes


@pytest.fixture
def material(tmp_path: Path) -> Path:
    folder = tmp_path / "material"
    rng = np.random.default_rng(0)
    for name in ("backgrounds", "clips"):
        (folder / name).mkdir(parents=True)
    picture = rng.integers(0, 255, (420, 420, 3), dtype=np.uint8)
    np.save(folder / "backgrounds" / "0000.npy", picture)
    blank = np.zeros((2, 40, 40, 4), np.uint8)
    blank[:, 10:30, 10:30] = 255
    np.save(folder / "clips" / "c.npy", blank)
    prepare_shapes(2, folder / "shapes.npy")
    return folder


def write_config(folder: Path, **more: object) -> Path:
    stage = {"steps": 2, "size": 96, "frames": 1, "batch": 1, "rate": 0.001, "scale2": 0.0}
    path = folder / "config.json"
    path.write_text(json.dumps({"stages": [stage], "workers": 0, "threads": 1, **more}))
    return path


def test_a_run_and_its_weights(
    tmp_path: Path, material: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, augmentation={"erase": 0.5, "paste": 0.0, "merge": 0.0})
    run = tmp_path / "run"
    arguments = ["train", str(config), "--material", str(material), "--run", str(run)]
    assert main(arguments) == 0
    assert "Progress: 100%" in capsys.readouterr().out
    weights = run / "averaged.safetensors"
    first = weights.read_bytes()
    assert main(arguments) == 0  # nothing is left to do
    assert weights.read_bytes() == first
    more = ["train", str(config), "--material", str(material), "--run", str(tmp_path / "second")]
    assert main([*more, "--start", str(weights)]) == 0
    assert (tmp_path / "second" / "averaged.safetensors").read_bytes() != first


@pytest.mark.parametrize("more", [{"colour": 1}, {"augmentation": {"melt": 0.5}}])
def test_unknown_settings_are_refused(
    tmp_path: Path, material: Path, more: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, **more)
    run = ["--material", str(material), "--run", str(tmp_path / "run")]
    assert main(["train", str(config), *run]) == 3
    assert "not a training configuration" in capsys.readouterr().err


def test_weights_of_another_network_are_refused(
    tmp_path: Path, material: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path)
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"nothing")
    run = ["--material", str(material), "--run", str(tmp_path / "run")]
    assert main(["train", str(config), *run, "--start", str(other)]) == 7
    assert "not weights of msgvim-lite" in capsys.readouterr().err
