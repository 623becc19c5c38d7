"""Resampling in torch gives what OpenCV gives."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from vimatte.training.device_resample import area, gaussian, linear, separable, spread
from vimatte.training.strands import draw_noise
from vimatte.training.strands import spread as spread_on_host

CPU = torch.device("cpu")


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
