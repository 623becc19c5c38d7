"""Masks in torch go wrong as the host's do, where their errors are the same."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch

from vimatte.training import device_masks
from vimatte.training.mask_augmentation import MaskAugmentation, augment
from vimatte.training.mask_degradation import FURTHEST, Degradation, degrade_mask, draw_degradation

ALL = MaskAugmentation(0.5, 0.5, 0.5, 0.5, 0.5)


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
        assert (masks & host).sum() > 0.99 * (masks | host).sum()


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
