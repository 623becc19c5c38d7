"""Training: samples with exact truth, degraded masks, losses, and a trainer that resumes."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vimatte.errors import ConfigError, InputError
from vimatte.models.registry import load_model
from vimatte.training import losses, shards
from vimatte.training.compose import SampleSettings, compose
from vimatte.training.config import Stage, TrainingConfig
from vimatte.training.mask_degradation import Degradation, degrade_mask, draw_degradation
from vimatte.training.material import (
    Material,
    extend_colour,
    prepare_backgrounds,
    prepare_shapes,
)
from vimatte.training.strands import make_matte
from vimatte.training.trainer import Trainer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("material")
    rng = np.random.default_rng(0)
    pictures = []
    for index in range(2):
        path = root / f"{index}.png"
        cv2.imwrite(str(path), rng.integers(0, 255, (420, 500, 3), dtype=np.uint8))
        pictures.append(path)
    assert prepare_backgrounds(pictures, root / "backgrounds") == 2
    prepare_shapes(3, root / "shapes.npy")
    clip = np.zeros((12, 160, 120, 4), np.uint8)
    for t in range(12):
        cv2.ellipse(clip[t], (50 + 2 * t, 80), (25, 60), 0, 0, 360, (90, 60, 200, 255), -1)
    (root / "clips").mkdir()
    np.save(root / "clips" / "walker.npy", clip)
    return root


@pytest.fixture(scope="module")
def material(folder: Path) -> Material:
    return Material.open(folder)


def test_material_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not complete"):
        Material.open(tmp_path)


def test_a_sample_is_a_pure_function_of_its_seed(material: Material) -> None:
    settings = SampleSettings(96, 3)
    first = compose(material, settings, np.random.default_rng([1, 2]))
    again = compose(material, settings, np.random.default_rng([1, 2]))
    other = compose(material, settings, np.random.default_rng([1, 3]))
    np.testing.assert_array_equal(first.plate, again.plate)
    np.testing.assert_array_equal(first.truth, again.truth)
    assert not np.array_equal(first.plate, other.plate)


@pytest.mark.parametrize("seed", range(12))
def test_samples_are_sound(material: Material, seed: int) -> None:
    sample = compose(
        material, SampleSettings(96, 2, scale=1 + seed % 2), np.random.default_rng(seed)
    )
    side = 96 * (1 + seed % 2)
    assert sample.plate.shape == (2, 3, side, side)
    assert sample.masks.shape == sample.truth.shape == (2, 2, side, side)
    assert np.isfinite(sample.plate).all()
    assert sample.plate.min() >= 0
    assert sample.plate.max() <= 1
    assert set(np.unique(sample.masks)) <= {0, 1}
    assert sample.truth.min() >= 0
    assert sample.truth.sum(axis=1).max() <= 1 + 1e-4


def test_procedural_mattes_hold_soft_and_solid_parts() -> None:
    soft = solid = 0
    for seed in range(8):
        alpha, shade = make_matte(128, np.random.default_rng(seed))
        assert alpha.shape == shade.shape == (128, 128)
        assert alpha.min() >= 0
        assert alpha.max() <= 1
        soft += int(((alpha > 0.05) & (alpha < 0.95)).sum())
        solid += int((alpha > 0.99).sum())
    assert soft > 500
    assert solid > 500


def test_colour_is_extended_from_the_solid_inside() -> None:
    rgba = np.zeros((40, 40, 4), np.uint8)
    rgba[..., :3] = (0, 255, 0)
    rgba[10:30, 10:30] = (200, 20, 30, 255)
    rgba[9, 9:31, 3] = 128
    filled = extend_colour(rgba)
    assert (filled[9, 15, :3] == (200, 20, 30)).all()
    assert (filled[0, 0, 1]) < 60
    np.testing.assert_array_equal(filled[..., 3], rgba[..., 3])


def test_degradation_drifts_slowly_and_is_repeatable() -> None:
    alpha = np.zeros((120, 120), np.float32)
    cv2.circle(alpha, (60, 60), 35, 1.0, -1)
    how = Degradation(0.5, (4.0, 6.0), 2.0, 3.0, 20.0, 4, 0, 7)
    masks = [degrade_mask(alpha, how, t / 20) for t in range(21)]
    np.testing.assert_array_equal(masks[3], degrade_mask(alpha, how, 3 / 20))
    steps = [np.count_nonzero(a != b) for a, b in itertools.pairwise(masks)]
    whole = np.count_nonzero(masks[0] != masks[-1])
    assert max(steps) < whole
    assert np.count_nonzero(masks[0]) > np.count_nonzero(alpha > 0.5)


def test_drawn_degradations_are_bounded() -> None:
    for seed in range(50):
        how = draw_degradation(300, np.random.default_rng(seed))
        assert max(abs(v) for v in how.grow) < 60
        assert 0 <= how.threshold <= 1


def test_losses_are_zero_for_the_truth_and_known_for_an_offset() -> None:
    truth = torch.zeros(1, 2, 1, 32, 32)
    truth[..., 8:24, 8:24] = 1
    assert float(losses.laplacian(truth.flatten(0, 1), truth.flatten(0, 1))) == 0
    assert float(losses.temporal(truth, truth)) == 0
    assert float(losses.temporal(truth[:, :1], truth[:, :1])) == 0
    jump = truth.clone()
    jump[:, 1] += 0.25
    assert float(losses.temporal(jump, truth)) == pytest.approx(0.25)
    # An offset of the second frame: half of the pixels, and all of the change.
    assert float(losses.squares(jump, truth)) == pytest.approx(0.25**2 / 2 + 0.25**2)
    assert float(losses.squares(jump[:, 1:], truth[:, 1:])) == pytest.approx(0.25**2)
    assert float(losses.squares(truth, truth)) == 0
    # A constant offset has no detail: only the last level sees it.
    offset = losses.laplacian(truth.flatten(0, 1) + 0.5, truth.flatten(0, 1))
    assert float(offset) == pytest.approx(0.5 * 2**losses.LAPLACIAN_LEVELS)


def test_squared_errors_count_as_much_as_they_are_told() -> None:
    truth = torch.zeros(1, 2, 2, 32, 32)
    shapes = {"os8": (2, 4), "os4": (2, 8), "os1": (2, 32), "fused": (2, 32), "band": (1, 32)}
    alphas = {name: torch.full((1, 2, c, s, s), 0.5) for name, (c, s) in shapes.items()}
    plain, parts = losses.matting_loss(alphas, truth)
    assert "squares" not in parts
    total, parts = losses.matting_loss(alphas, truth, square_weight=3.0)
    assert parts["squares"] == pytest.approx(3 * 0.25)
    assert float(total) == pytest.approx(float(plain) + 3 * 0.25)


CONFIG = TrainingConfig(
    stages=(
        Stage(2, 64, 1, 2, 1e-3),
        Stage(2, 64, 2, 1, 1e-3, windows=2, frozen_norm=True),
    ),
    save_every=1,
    workers=0,
    threads=1,
)


@pytest.mark.parametrize("composer", ["host", "device"])
def test_a_killed_run_ends_as_an_unbroken_one_to_the_bit(
    composer: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, compose=composer)
    Trainer(config, folder, tmp_path / "whole").run()

    class Killed(Exception):
        pass

    save = Trainer._save

    def die(self: Trainer, index: int, optimiser: torch.optim.Optimizer) -> None:
        save(self, index, optimiser)
        if (index, self.step) in ((0, 1), (1, 1)):
            raise Killed

    monkeypatch.setattr(Trainer, "_save", die)
    for _ in range(2):
        with pytest.raises(Killed):
            Trainer(config, folder, tmp_path / "broken").run()
    Trainer(config, folder, tmp_path / "broken").run()
    whole = load_file(tmp_path / "whole" / "averaged.safetensors")
    broken = load_file(tmp_path / "broken" / "averaged.safetensors")
    assert whole.keys() == broken.keys()
    for name, value in whole.items():
        assert torch.equal(value, broken[name]), name
    load_model("msgvim-lite", device="cpu", weights=tmp_path / "whole" / "averaged.safetensors")


@pytest.mark.parametrize(
    "more",
    [
        {"network": "msgvim"},
        {"precision": "bfloat16"},
        {"temporal_features": False, "temporal_masks": False},
    ],
)
def test_every_kind_of_run_learns_and_loads(
    folder: Path, tmp_path: Path, more: dict[str, Any]
) -> None:
    stage = Stage(2, 64, 2, 2, 1e-3, scale2=0.5, stills=0.5)
    config = replace(CONFIG, stages=(stage,), **more)
    trainer = Trainer(config, folder, tmp_path)
    before = {n: p.detach().clone() for n, p in trainer.network.named_parameters()}
    trainer.run()
    moved = [n for n, p in trainer.network.named_parameters() if not torch.equal(p, before[n])]
    assert len(moved) > len(before) / 4
    assert ("mask_memory.weight" in moved) == (not more or "precision" in more)
    files = sorted(tmp_path.glob("averaged*.safetensors"))
    if config.network == "msgvim":
        assert 1 < len(files) <= 8  # what a lent machine gives back
        assert all(file.stat().st_size <= shards.MOST_BYTES for file in files)
        shards.join_weights(files, tmp_path / "joined.safetensors")
        files = [tmp_path / "joined.safetensors"]
    load_model(config.network, device="cpu", weights=files[0])
    assert (tmp_path / "samples.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_only_known_networks_are_trained(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="wide"):
        Trainer(replace(CONFIG, network="wide"), folder, tmp_path)
    with pytest.raises(ConfigError, match="without ablations"):
        Trainer(replace(CONFIG, network="msgvim", temporal_masks=False), folder, tmp_path)


def test_composition_loss_counts_what_would_be_seen() -> None:
    truth = torch.zeros(1, 1, 1, 4, 4)
    alpha, contrast = truth + 0.5, torch.zeros_like(truth)
    assert float(losses.composition(alpha, truth, contrast)) == 0
    contrast[..., :2, :] = 0.25
    assert float(losses.composition(alpha, truth, contrast)) == pytest.approx(0.5 * 0.25 / 2)


def test_a_configuration_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"stages": [{"steps": 1, "wings": 2}]}))
    with pytest.raises(InputError, match="wings"):
        TrainingConfig.load(path)
    for shares in ([0.5, 0.6], [1.5, -0.5], []):
        path.write_text(json.dumps({"stages": [], "instances": shares}))
        with pytest.raises(InputError, match="add up to 1"):
            TrainingConfig.load(path)
    packaged = sorted((Path(losses.__file__).parent / "configs").glob("*.json"))
    assert packaged
    for each in packaged:
        config = TrainingConfig.load(each)
        assert replace(config, seed=2).seed == 2
