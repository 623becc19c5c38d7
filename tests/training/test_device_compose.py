"""Samples composed in torch, on a CPU here: pure, and the host's scenes to about a code value."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vimatte.training import device_layers, layers, paint, scene
from vimatte.training.compose import Sample, SampleSettings, compose
from vimatte.training.config import Stage, TrainingConfig
from vimatte.training.device_compose import Composite, DeviceComposer, to_linear
from vimatte.training.device_material import DeviceMaterial
from vimatte.training.look import draw_camera
from vimatte.training.losses import matting_loss
from vimatte.training.mask_augmentation import MaskAugmentation
from vimatte.training.material import Material
from vimatte.training.trainer import Trainer

CPU = torch.device("cpu")
ROOM = 1 << 30
SETTINGS = SampleSettings(64, 3)
ALL = MaskAugmentation(0.5, 0.5, 0.5, 0.5, 0.5)


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


def keys(count: int, first: int = 0) -> list[tuple[int, ...]]:
    return [(5, 0, 3, index) for index in range(first, first + count)]


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, values in one.items():
        assert torch.equal(values, other[name]), name


def test_a_sample_is_a_pure_function_of_its_key(drawn_material: Material) -> None:
    settings = replace(SETTINGS, augmentation=ALL)
    first = DeviceComposer(drawn_material, CPU, ROOM).compose(settings, keys(4))
    again = DeviceComposer(drawn_material, CPU, ROOM).compose(settings, keys(4))
    assert_equal(first, again)
    for one, other in itertools.combinations(range(4), 2):
        assert not torch.equal(first["plate"][one], first["plate"][other])


def test_samples_do_not_depend_on_how_a_batch_is_split(drawn_material: Material) -> None:
    composer = DeviceComposer(drawn_material, CPU, ROOM)
    settings = replace(SETTINGS, augmentation=ALL)
    whole = composer.compose(settings, keys(6))
    parts = [composer.compose(settings, keys(n, first)) for n, first in ((1, 0), (3, 1), (2, 4))]
    assert_equal(whole, {name: torch.cat([part[name] for part in parts]) for name in whole})


@pytest.mark.parametrize("budget", [0, 60_000])
def test_samples_do_not_depend_on_what_stays_on_the_device(
    drawn_material: Material, budget: int
) -> None:
    whole = DeviceComposer(drawn_material, CPU, ROOM).compose(SETTINGS, keys(8))
    assert_equal(whole, DeviceComposer(drawn_material, CPU, budget).compose(SETTINGS, keys(8)))


def test_material_stays_on_the_device_while_it_fits(drawn_material: Material) -> None:
    budget = drawn_material.shapes.nbytes + 10
    kept = DeviceMaterial(drawn_material, CPU, budget)
    assert kept.shape(1).data_ptr() == kept.shape(1).data_ptr()
    piece = paint.Photograph(0, None, 64, 64, ((3, 4), (5, 6)), False, 0.0)
    kept.crops(piece)
    assert list(kept._kept) == [("shapes", 0)]
    picture = drawn_material.backgrounds[0]
    expected = np.stack([picture[3:67, 4:68], picture[5:69, 6:70]])
    np.testing.assert_array_equal(kept.crops(piece).numpy(), expected)


@pytest.mark.parametrize("budget", [0, ROOM])
def test_a_moving_background_is_the_hosts(drawn_material: Material, budget: int) -> None:
    video = np.stack([np.roll(drawn_material.backgrounds[1], 9 * t, axis=0) for t in range(6)])
    moving = replace(drawn_material, videos=[video])
    pieces = [
        paint.draw_photograph(moving, 5, 64, np.random.default_rng(seed)) for seed in range(24)
    ]
    assert 1 < sum(piece.frames is not None for piece in pieces) < 20
    for piece in pieces:
        mine = device_layers.photograph(DeviceMaterial(moving, CPU, budget), piece).numpy()
        host = layers.photograph(moving, piece).transpose(0, 3, 1, 2)
        assert np.abs(mine - host).max() < 1.5 / 255


def test_every_tensor_is_made_on_the_device_asked_for(drawn_material: Material) -> None:
    settings = replace(SETTINGS, augmentation=ALL)
    made = DeviceComposer(drawn_material, CPU, ROOM).compose(settings, keys(12))
    # A tensor that is made where torch makes them by default has no values here.
    with torch.device("meta"):
        again = DeviceComposer(drawn_material, CPU, 0).compose(settings, keys(12))
    assert_equal(made, again)


@pytest.mark.parametrize(("frames", "scale"), [(1, 2), (3, 1)])
def test_samples_are_sound(drawn_material: Material, frames: int, scale: int) -> None:
    settings = SampleSettings(64, frames, scale, ALL)
    made = DeviceComposer(drawn_material, CPU, ROOM).compose(settings, keys(8, 20))
    side = 64 * scale
    assert made["plate"].shape == (8, frames, 3, side, side)
    assert made["masks"].shape == made["truth"].shape == (8, frames, 2, side, side)
    assert made["contrast"].shape == (8, frames, 1, side, side)
    assert made["plate"].dtype == made["masks"].dtype == torch.uint8
    assert made["truth"].dtype == made["contrast"].dtype == torch.float16
    assert int(made["masks"].max()) == 1
    for name in ("truth", "contrast"):
        assert 0 <= float(made[name].min()) <= float(made[name].max()) <= 1.001
    assert float(made["truth"].float().sum(dim=2).max()) <= 1.002


def test_a_plate_is_the_sum_of_its_layers(drawn_material: Material) -> None:
    scenes = [
        scene.draw_scene(drawn_material, 2, 64, np.random.default_rng(key)) for key in keys(8)
    ]
    assert {each.linear for each in scenes} == {True, False}
    assert max(len(each.subjects) for each in scenes) > 1
    material = DeviceMaterial(drawn_material, CPU, ROOM)
    mixed = Composite(material, scenes, 64)
    for index, each in enumerate(scenes):
        mine = mixed.layers_of(index)
        colour, seen = mixed.colour[mine], mixed.visible[mine][:, :, None]
        behind = device_layers.photograph(material, each.background)
        if each.linear:
            colour, behind = to_linear(colour), to_linear(behind)
        expected = behind * (1 - seen.sum(dim=0)) + (colour * seen).sum(dim=0)
        torch.testing.assert_close(mixed.light[index], expected, rtol=0, atol=1e-5)
        front = mine.start + each.order[-1]
        assert torch.equal(mixed.visible[front], mixed.alpha[front])
    plate = mixed.plate()
    for index, each in enumerate(scenes):
        light = to_linear(plate[index]) if each.linear else plate[index]
        torch.testing.assert_close(light, mixed.light[index], rtol=0, atol=1e-5)


def both(material: Material, settings: SampleSettings, count: int) -> list[tuple[Sample, Sample]]:
    """Return the host's and the device's samples of equal keys."""
    made = DeviceComposer(material, CPU, ROOM).compose(settings, keys(count))
    pairs = []
    for index, key in enumerate(keys(count)):
        host = compose(material, settings, np.random.default_rng(key))
        values = {name: part[index].float().numpy() for name, part in made.items()}
        values["plate"] /= 255
        pairs.append((host, Sample(**values)))
    return pairs


def grained(material: Material, settings: SampleSettings, key: tuple[int, ...]) -> bool:
    """Return whether a sample's plate has grain: what is drawn after it differs from the host's."""
    rng = np.random.default_rng(key)
    scene.draw_scene(material, settings.frames, settings.size, rng)
    return draw_camera(rng, lambda _: 0).grain is not None


@pytest.mark.parametrize("nothing", [False, True])
def test_without_grain_a_sample_is_the_hosts(
    drawn_material: Material, monkeypatch: pytest.MonkeyPatch, nothing: bool
) -> None:
    if nothing:  # a mask over nothing is too rare to wait for

        def always(masked: int, rng: np.random.Generator) -> tuple[int, bool]:
            return int(rng.integers(masked)), True

        for module in ("compose", "device_compose"):
            monkeypatch.setattr(f"vimatte.training.{module}.draw_target", always)
    compared = 0
    for key, (host, mine) in zip(keys(24), both(drawn_material, SETTINGS, 24), strict=True):
        if grained(drawn_material, SETTINGS, key):
            continue
        compared += 1
        assert np.abs(mine.plate - host.plate).mean() < 0.004
        assert np.abs(mine.truth - host.truth).mean() < 0.001
        assert np.abs(mine.contrast - host.contrast).mean() < 0.002
        assert overlap(mine.masks, host.masks) > 0.99
        assert bool(host.truth[:, 0].any()) != nothing
        assert mine.truth[:, 0].any() == host.truth[:, 0].any()
    assert compared >= 5


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    either = float(np.maximum(one > 0.5, other > 0.5).sum())
    return float(((one > 0.5) & (other > 0.5)).sum()) / either if either else 1.0


def test_samples_are_alike_as_a_whole(drawn_material: Material) -> None:
    def statistics(samples: list[Sample]) -> dict[str, float]:
        truth = np.stack([s.truth.sum(axis=1) for s in samples])
        guided = np.stack([s.masks.max(axis=1) for s in samples])
        plate = np.stack([s.plate for s in samples])
        return {
            "alpha": float(truth.mean()),
            "band": float(((truth > 0.05) & (truth < 0.95)).mean()),
            "overlap": overlap(guided, truth),
            "brightness": float(plate.mean()),
            "spread": float(plate.std()),
            "detail": float(np.abs(np.diff(plate, axis=-1)).mean()),
            "contrast": float(np.mean([s.contrast for s in samples])),
        }

    pairs = both(drawn_material, SETTINGS, 32)
    host, mine = (statistics([pair[i] for pair in pairs]) for i in (0, 1))
    assert mine["alpha"] == pytest.approx(host["alpha"], abs=0.06)
    assert mine["band"] == pytest.approx(host["band"], rel=0.3)
    assert mine["overlap"] == pytest.approx(host["overlap"], abs=0.1)
    assert mine["brightness"] == pytest.approx(host["brightness"], rel=0.02)
    assert mine["spread"] == pytest.approx(host["spread"], rel=0.02)
    assert mine["detail"] == pytest.approx(host["detail"], rel=0.1)
    assert mine["contrast"] == pytest.approx(host["contrast"], abs=0.05)


def test_layers_are_the_hosts(drawn_material: Material) -> None:
    rng = np.random.default_rng(2)
    subjects = [scene.draw_subject(drawn_material, 3, 64, 1.2, rng) for _ in range(24)]
    # Every way that a layer is made was drawn.
    for part in ("ripple", "blur"):
        assert len({getattr(s, part) is None for s in subjects}) == 2
    assert {type(s.source) for s in subjects} == {scene.CutOut, scene.Shape}
    mine = device_layers.make_layers(DeviceMaterial(drawn_material, CPU, ROOM), subjects, 64)
    for subject, layer in zip(subjects, mine.numpy(), strict=True):
        host = layers.make_layer(drawn_material, subject, 64)
        assert np.abs(layer[:, 3] - host.alpha).mean() < 0.002
        assert np.abs(layer[:, 3] - host.alpha).max() < 0.05
        seen = host.alpha[:, None] > 0.01
        gap = np.abs(layer[:, :3] - host.colour.transpose(0, 3, 1, 2)) * seen
        assert gap.mean() < 0.004


CONFIG = TrainingConfig(
    stages=(
        Stage(2, 64, 1, 2, 1e-3),
        Stage(2, 64, 2, 1, 1e-3, windows=2, frozen_norm=True),
    ),
    save_every=1,
    workers=0,
    threads=1,
    compose="device",
)


def test_a_short_run_lowers_the_loss(material_folder: Path, tmp_path: Path) -> None:
    stage = Stage(40, 64, 1, 4, 2e-3, scale2=0.0)
    config = replace(CONFIG, stages=(stage,), save_every=40, warmup=4)
    trainer = Trainer(config, material_folder, tmp_path)
    unseen = DeviceComposer(Material.open(material_folder), CPU, ROOM).compose(
        SampleSettings(64, 1), keys(8)
    )
    plate, masks, truth, contrast = (part.float() for part in unseen.values())

    @torch.no_grad()
    def loss() -> float:
        trainer.network.train()
        alphas, _ = trainer._unroll(trainer.network, plate / 255, masks, 1, None)
        return float(matting_loss(alphas, truth, contrast, temporal_weight=0.0)[0])

    before = loss()
    trainer.run()
    assert loss() < 0.8 * before


def test_on_a_cpu_the_host_composes_unless_told_otherwise(
    material_folder: Path, tmp_path: Path
) -> None:
    taken = {}
    for where in ("auto", "host", "device"):
        config = replace(CONFIG, compose=where)
        trainer = Trainer(config, material_folder, tmp_path / where)
        taken[where] = next(iter(trainer._batches(0)))
    assert_equal(taken["auto"], taken["host"])
    assert taken["device"].keys() == taken["host"].keys()
    for name, values in taken["device"].items():
        assert values.shape == taken["host"][name].shape
        assert values.dtype == taken["host"][name].dtype
    assert not torch.equal(taken["device"]["plate"], taken["host"]["plate"])
    with pytest.raises(ValueError, match="cloud"):
        replace(CONFIG, compose="cloud")
