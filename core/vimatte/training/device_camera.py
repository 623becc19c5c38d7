"""A camera in torch: exposure, blur, grain and JPEG over many clips at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vimatte.training.device_resample import gaussian, separable
from vimatte.training.look import COARSE_GAIN, COARSE_GRAIN, Camera

# The tables of the JPEG standard's annex K, for brightness and for colour.
BRIGHTNESS = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
COLOUR = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
# From red, green and blue to brightness, blueness and redness.
ENCODE = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
DECODE = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def photographed(plates: Tensor, cameras: Sequence[Camera[int]]) -> Tensor:
    """Return whole clips as cameras deliver them.

    Parameters
    ----------
    plates : Tensor of float32, shape (N, T, 3, S, S)
        Sides are multiples of 16.
    cameras : sequence of Camera of int
        One a clip; the grain is the seed of a generator on the device.

    Returns
    -------
    Tensor of float32, shape (N, T, 3, S, S), in [0, 1]
    """
    device, size = plates.device, plates.shape[-1]
    exposure = torch.tensor([camera.exposure for camera in cameras], device=device)
    plates = (plates * exposure[:, None, None, None, None]).clamp(0, 1)
    blurred = [i for i, camera in enumerate(cameras) if camera.sigma > 0]
    if blurred:
        matrix = gaussian(size, [cameras[i].sigma for i in blurred], device)[:, None, None]
        plates[blurred] = separable(plates[blurred], matrix, matrix)
    coarse = gaussian(size, [COARSE_GRAIN], device)
    for plate, camera in zip(plates, cameras, strict=True):
        if camera.grain is None:
            continue
        generator = torch.Generator(device).manual_seed(camera.grain)
        noise = torch.randn(plate.shape, generator=generator, device=device)
        if camera.coarse:
            noise = separable(noise, coarse, coarse) * COARSE_GAIN
        plate.add_(noise, alpha=camera.strength)
    plates.clamp_(0, 1)
    chosen = {i: c.quality for i, c in enumerate(cameras) if c.quality is not None}
    if chosen:
        plates[list(chosen)] = jpeg(plates[list(chosen)], list(chosen.values()))
    return plates


def jpeg(plates: Tensor, qualities: Sequence[int]) -> Tensor:
    """Return what is left of plates after baseline JPEG with colour at half the size (4:2:0).

    As OpenCV writes and libjpeg reads it, to about a code value: only rounding differs.

    Parameters
    ----------
    plates : Tensor of float32, shape (N, T, 3, H, W), in [0, 1]
        Sides are multiples of 16.
    qualities : sequence of int
        One a clip, 1 to 100.
    """
    device = plates.device
    # The host's composer hands red, green and blue to OpenCV, which takes them for blue, green and
    # red: its blue is what the clip calls red.
    pixels = (plates * 255).round().flip(2)
    planes = torch.einsum("dc,ntchw->ntdhw", torch.tensor(ENCODE, device=device), pixels)
    planes[:, :, 1:] += 128
    planes = planes.round().clamp(0, 255)
    bright, colour = planes[:, :, :1], planes[:, :, 1:]
    # libjpeg halves with a bias that is 1 and 2 fourths in turn.
    small = F.avg_pool2d(colour.flatten(0, 1), 2) * 4
    bias = torch.arange(small.shape[-1], device=device) % 2 + 1
    small = torch.unflatten(((small + bias) / 4).floor(), 0, colour.shape[:2])
    bright = _quantised(bright, BRIGHTNESS, qualities)
    small = _quantised(small, COLOUR, qualities)
    wide = F.interpolate(small.flatten(0, 1), scale_factor=2, mode="bilinear", align_corners=False)
    centred = torch.unflatten(wide.round(), 0, colour.shape[:2]) - 128
    planes = torch.cat([bright, centred], dim=2)
    pixels = torch.einsum("cd,ntdhw->ntchw", torch.tensor(DECODE, device=device), planes)
    return pixels.flip(2).round().clamp(0, 255) / 255


def _quantised(
    planes: Tensor, table: tuple[tuple[int, ...], ...], qualities: Sequence[int]
) -> Tensor:
    """Return planes of 0 to 255 after the rounding of their blocks' frequencies."""
    device = planes.device
    scales = [5000 // quality if quality < 50 else 200 - 2 * quality for quality in qualities]
    scale = torch.tensor(scales, device=device)[:, None, None]
    steps = ((torch.tensor(table, device=device) * scale + 50) // 100).clamp(1, 255).float()
    steps = steps[:, None, None, None, None]
    wave = _cosines(device)
    height, width = planes.shape[-2:]
    tiled = (*planes.shape[:-2], height // 8, 8, width // 8, 8)
    blocks = planes.reshape(tiled).transpose(-3, -2) - 128
    parts = wave @ blocks @ wave.T
    blocks = wave.T @ ((parts / steps).round() * steps) @ wave
    whole = (blocks + 128).round().clamp(0, 255)
    return whole.transpose(-3, -2).reshape(planes.shape)


def _cosines(device: torch.device) -> Tensor:
    """Return the orthonormal cosines of 8 pixels, shape (frequency, pixel)."""
    place = torch.arange(8, dtype=torch.float64, device=device)
    wave = torch.cos((2 * place[None] + 1) * place[:, None] * torch.pi / 16) / 2
    wave[0] /= 2**0.5
    return wave.float()
