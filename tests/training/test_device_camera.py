"""Grain and JPEG in torch: as strong as drawn, and what libjpeg leaves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from vimatte.training import device_camera
from vimatte.training.look import Camera


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
