"""A digest of what the default network computes here: nodes with one digest agree to the bit."""

from __future__ import annotations

import hashlib

import numpy as np

from vimatte.models.base import Crop, StateArray
from vimatte.models.registry import DEFAULT_MODEL, load_model

_HEIGHT, _WIDTH, _FRAMES = 192, 256, 3


def bits() -> tuple[str, str]:
    """Matte a few small frames that are the same everywhere.

    Returns
    -------
    processor : str
        What computed them, see `vimatte.models.base.MattingModel.processor`.
    digest : str
        Of every bit of the alphas and of the recurrent state, twelve hexadecimal digits.
    """
    model = load_model(DEFAULT_MODEL, device="cpu")
    total = hashlib.sha256()
    state: StateArray | None = None
    for frame in range(_FRAMES):
        matte, state = model.step([(_crop(frame), state)])[0]
        for array in (matte.alpha, matte.reference, state):
            total.update(np.ascontiguousarray(array).tobytes())
    return model.processor, total.hexdigest()[:12]


def _crop(frame: int) -> Crop:
    """Return a soft-edged disc before a pattern, from whole numbers and divisions alone."""
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    waves = [(x * x + 7 * y * k + 11 * x * y) % (101 + 6 * k) for k in (1, 2, 3)]
    pattern = np.stack(waves, axis=2)
    distance = (y - 96) ** 2 + (x - 110 - 4 * frame) ** 2
    inside = np.clip((80**2 - distance) / 1600, 0, 1)[..., None]
    rgb = (pattern / 120 * (1 - inside) + inside * (0.3 + pattern / 400)).astype(np.float32)
    return Crop(np.clip(rgb, 0, 1), distance < 76**2, x > 230, 1)
