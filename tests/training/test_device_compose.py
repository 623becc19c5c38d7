"""Samples composed in torch, on a CPU here: pure, and the host's scenes to about a code value."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from vimatte.training import device_camera, device_layers, device_masks, layers, paint, scene
from vimatte.training.compose import Sample, SampleSettings, compose
from vimatte.training.config import Stage, TrainingConfig
from vimatte.training.device_compose import Composite, DeviceComposer, to_linear
from vimatte.training.device_material import DeviceMaterial
from vimatte.training.device_resample import area, gaussian, linear, separable, spread
from vimatte.training.look import Camera, draw_camera
from vimatte.training.losses import matting_loss
from vimatte.training.mask_augmentation import MaskAugmentation, augment
from vimatte.training.mask_degradation import FURTHEST, Degradation, degrade_mask, draw_degradation
from vimatte.training.material import Material
from vimatte.training.strands import draw_noise
from vimatte.training.strands import spread as spread_on_host
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


def test_resampling_is_opencvs() -> None:
    rng = np.random.default_rng(1)
    picture = rng.random((90, 90), dtype=np.float32)
    planes = torch.from_numpy(picture)
    for sigma in (0.4, 0.6, 3.3, 11.0):
        matrix = gaussian(90, [sigma], CPU)[0]
        blurred = cv2.GaussianBlur(picture, (0, 0), sigma)
        np.testing.assert_allclose(separable(planes, matrix, matrix), blurred, atol=2e-5)
    for side in (32, 37, 64):
        matrix = area(90, side, CPU)
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(separable(planes, matrix, matrix), small, atol=2e-5)
    matrix = linear(90, 128, CPU)
    wide = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(separable(planes, matrix, matrix), wide, atol=2e-5)
    noise = draw_noise(70, 50, 9.5, rng)
    np.testing.assert_allclose(spread(noise, CPU), spread_on_host(noise), atol=2e-5)


def blobs(count: int, frames: int, side: int) -> np.ndarray:
    """Return soft mattes that move, shape (count, frames, side, side)."""
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((count, side, side), dtype=np.float32)
    soft = np.stack([cv2.GaussianBlur(each, (0, 0), 7) for each in noise])
    soft = np.clip(soft / soft.std() + 0.3, 0, 1)
    return np.stack([np.roll(soft, 2 * t, axis=2) for t in range(frames)], axis=1)


def test_distances_are_exact_in_the_hosts_metric() -> None:
    inside = blobs(3, 1, 130)[:, 0] > 0.5
    inside[2] = False
    inside[2, :3, :3] = True  # almost everything is too far away to be told apart
    mine = device_masks.signed_distance(torch.from_numpy(inside)).numpy()
    for distance, mask in zip(mine, inside.astype(np.uint8), strict=True):
        host = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
        host = host - cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3)
        np.testing.assert_allclose(distance, np.clip(host, -FURTHEST, FURTHEST), atol=2e-3)
    empty = device_masks.signed_distance(torch.zeros(1, 40, 40, dtype=torch.bool))
    assert bool((empty == -FURTHEST).all())


def test_masks_of_equal_degradations_are_the_hosts() -> None:
    alphas = blobs(12, 4, 96)
    drawn = [draw_degradation(80, np.random.default_rng(seed)) for seed in range(8)]
    drawn += [
        Degradation(0.5, (4.0, -6.0), 0.0, 0.0, 20.0, 1, 2, 7),
        Degradation(0.4, (0.0, 0.0), 9.0, 0.0, 20.0, 1, 0, 8),
        Degradation(0.6, (1.0, 2.0), 0.0, 7.0, 11.0, 1, 1, 9),
        Degradation(0.5, (0.0, 3.0), 2.0, 2.0, 30.0, 8, 0, 10),
    ]
    mine = device_masks.degrade(torch.from_numpy(alphas), drawn).numpy()
    for masks, clip, how in zip(mine, alphas, drawn, strict=True):
        host = np.stack([degrade_mask(frame, how, t / 3) for t, frame in enumerate(clip)])
        assert overlap(masks, host) > 0.99


def test_augmented_masks_are_the_hosts() -> None:
    masks = [clip > 0.5 for clip in blobs(3, 4, 96)]
    changed = 0
    for seed in range(6):
        how = replace(ALL, noise=0.0, flicker=1.0)
        host = augment(masks, how, np.random.default_rng(seed))
        tensors = [torch.from_numpy(np.stack(masks))]
        rng = np.random.default_rng(seed)
        device_masks.augment_all(tensors, how, [rng])
        np.testing.assert_array_equal(tensors[0].numpy(), np.stack(host))
        changed += int((np.stack(host) != np.stack(masks)).sum())
    assert changed > 1000
    tensors = [torch.zeros(1, 4, 96, 96, dtype=torch.bool)]
    device_masks.augment_all(tensors, MaskAugmentation(0, 0, 0, noise=1.0), [rng])
    assert 0 < float(tensors[0].float().mean()) < 0.16


def test_jpeg_is_libjpegs() -> None:
    rng = np.random.default_rng(3)
    small = rng.random((2, 12, 16, 3), dtype=np.float32)
    clips = np.stack([cv2.resize(each, (128, 96), interpolation=cv2.INTER_CUBIC) for each in small])
    clips = np.clip(clips + rng.normal(0, 0.03, clips.shape), 0, 1).astype(np.float32)
    planes = torch.from_numpy(clips.transpose(0, 3, 1, 2))[:, None]
    mine = device_camera.jpeg(planes, [45, 90])[:, 0].numpy().transpose(0, 2, 3, 1)
    for frame, clip, quality in zip(mine, clips, (45, 90), strict=True):
        how = [int(cv2.IMWRITE_JPEG_QUALITY), quality]
        _, data = cv2.imencode(".jpg", np.round(clip * 255).astype(np.uint8), how)
        host = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.float32) / 255
        assert np.abs(frame - host).mean() * 255 < 0.7
        assert np.abs(clip - host).mean() > 3 * np.abs(frame - host).mean()


def test_grain_is_as_strong_and_as_coarse_as_drawn() -> None:
    cameras = [Camera(1.0, 0.0, 11, coarse, 0.03, None) for coarse in (False, True)]
    grey = torch.full((2, 2, 3, 96, 96), 0.5)
    fine, coarse = device_camera.photographed(grey, cameras) - 0.5
    assert float(fine.std()) == pytest.approx(0.03, rel=0.05)

    def alike(noise: Tensor) -> float:
        return float((noise[..., 1:] * noise[..., :-1]).mean() / noise.var())

    assert abs(alike(fine)) < 0.03
    assert alike(coarse) > 0.3
    host = cv2.GaussianBlur(np.random.default_rng(0).standard_normal((96, 96)), (0, 0), 0.6) * 1.8
    assert float(coarse.std()) == pytest.approx(0.03 * float(host.std()), rel=0.06)


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


def test_a_killed_run_ends_as_an_unbroken_one_to_the_bit(
    material_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Trainer(CONFIG, material_folder, tmp_path / "whole").run()

    class Killed(Exception):
        pass

    save = Trainer._save

    def die(self: Trainer, index: int, optimiser: torch.optim.Optimizer) -> None:
        save(self, index, optimiser)
        if (index, self.step) == (1, 1):
            raise Killed

    monkeypatch.setattr(Trainer, "_save", die)
    with pytest.raises(Killed):
        Trainer(CONFIG, material_folder, tmp_path / "broken").run()
    Trainer(CONFIG, material_folder, tmp_path / "broken").run()
    whole = load_file(tmp_path / "whole" / "averaged.safetensors")
    broken = load_file(tmp_path / "broken" / "averaged.safetensors")
    assert whole.keys() == broken.keys()
    for name, value in whole.items():
        assert torch.equal(value, broken[name]), name


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
