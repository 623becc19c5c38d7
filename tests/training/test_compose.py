"""Samples stay what they were: a run that was begun with an older version can be repeated."""

from __future__ import annotations

import numpy as np
import pytest

from vimatte.training.compose import SampleSettings, compose
from vimatte.training.mask_augmentation import MaskAugmentation
from vimatte.training.material import Material
from vimatte.training.scene import Scene, draw_scene

ALL = MaskAugmentation(0.5, 0.5, 0.5, 0.5, 0.5)
PLAIN = MaskAugmentation()
# Made by the composer of commit f328eb7, before scenes were drawn apart from pixels. A row has
# the crop, the augmentation, the number that the generator gives next, and a checksum of red, blue,
# masks, truths and contrast: a mean under a ramp, in which another processor's rounding is lost.
BEFORE = [
    ((64, 3, 1), PLAIN, 1258692798404018318,
     (0.2854, 0.28536, 0.16257, 0.0, 0.15057, 0.0, 0.14137)),
    ((64, 1, 2), ALL, 3946944485366686578,
     (0.18113, 0.17886, 0.02665, 0.16425, 0.00598, 0.18034, 0.0954)),
    ((96, 6, 1), ALL, 4425175242057885079,
     (0.20839, 0.21029, 0.14132, 0.0, 0.10358, 0.0, 0.12116)),
    ((64, 4, 1), PLAIN, 3602004477657073184,
     (0.21916, 0.23964, 0.24092, 0.0, 0.22345, 0.0, 0.16752)),
    ((64, 2, 1), ALL, 1398451521067580336,
     (0.21295, 0.22069, 0.03758, 0.0, 0.02504, 0.0, 0.13446)),
    ((64, 5, 1), PLAIN, 3490438186914418549,
     (0.23266, 0.2393, 0.13787, 0.0, 0.1176, 0.0, 0.11032)),
]  # fmt: skip


@pytest.mark.parametrize("index", range(len(BEFORE)))
def test_samples_are_the_ones_of_the_first_runs(drawn_material: Material, index: int) -> None:
    (size, frames, scale), augmentation, following, sums = BEFORE[index]
    rng = np.random.default_rng([5, 0, 3, index])
    settings = SampleSettings(size, frames, scale, augmentation, (0.5, 0.38, 0.12))
    made = compose(drawn_material, settings, rng)
    assert int(rng.integers(1 << 62)) == following
    planes = [made.plate[:, 0], made.plate[:, 2], made.masks[:, 0], made.masks[:, 1]]
    planes += [made.truth[:, 0], made.truth[:, 1], made.contrast[:, 0]]
    ramp = np.linspace(0, 1, planes[0].size).reshape(planes[0].shape)
    np.testing.assert_allclose([np.mean(p * ramp) for p in planes], sums, rtol=0, atol=1e-4)


def test_samples_have_as_many_instances_as_they_were_told(drawn_material: Material) -> None:
    def masked(share: tuple[float, ...], seed: int) -> int:
        rng = np.random.default_rng(seed)
        return draw_scene(drawn_material, 1, 64, rng, share).masked

    assert {masked((0, 0, 0, 1), seed) for seed in range(5)} == {4}
    assert {masked((0.5, 0.5), seed) for seed in range(20)} == {1, 2}


def test_twins_look_alike_and_move_apart(drawn_material: Material) -> None:
    def scene(twins: float, seed: int) -> Scene:
        rng = np.random.default_rng(seed)
        return draw_scene(drawn_material, 3, 64, rng, (0.0, 0.5, 0.5), twins)

    for seed in range(10):
        alone, pair = scene(0.0, seed), scene(1.0, seed)
        first, second = pair.subjects[:2]
        assert first.source is second.source
        assert first.colours is second.colours
        assert not np.allclose(first.matrices, second.matrices)
        assert len(pair.subjects) == len(alone.subjects)
        assert alone.subjects[1].colours is not alone.subjects[0].colours
        np.testing.assert_array_equal(alone.subjects[0].matrices, first.matrices)
