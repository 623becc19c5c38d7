"""A shot for tests of last bits: mattes of six frames, computed as a session computes them.

Run as a program it is one process of such a test: it prints a digest of every alpha and saves them.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vimatte.frames.types import GuidanceFrame, InstanceMask, NetworkFrame
from vimatte.frames.window import Window
from vimatte.matting.loop import InstanceState, step_frame
from vimatte.matting.regions import Region, RegionStep
from vimatte.models.base import MattingModel
from vimatte.models.registry import DEFAULT_MODEL, load_model

PLATE = Window(0, 0, 384, 320)
REGIONS = {1: Region(Window(0, 0, 224, 320), 1), 2: Region(Window(128, 0, 256, 320), 2)}
FRAMES = range(1, 7)
# Both instances have a mask until here; then the first is held for two frames.
HELD = (4, 5)

Alphas = dict[int, NDArray[np.float32]]


def plate(frame: int) -> NetworkFrame:
    """Two soft discs with a fringe of fine grain, before a ground of partly the same colour."""
    rng = np.random.default_rng(7)
    fine = cv2.GaussianBlur(rng.random((320, 384, 3), dtype=np.float32), (0, 0), 0.8)
    broad = cv2.GaussianBlur(rng.random((320, 384, 3), dtype=np.float32), (0, 0), 12)
    pixels = 0.5 * fine + 3 * (broad - 0.5) + 0.25
    for at, colour in ((110, 0.75), (250, 0.45)):
        soft = disc(at + 3 * frame, radius=85 + 10 * fine[..., 0], fade=14)[..., None]
        pixels += soft * (colour * (0.7 + 0.6 * fine[:, ::-1]) - pixels)
    return NetworkFrame(frame, np.clip(pixels, 0, 1).astype(np.float32), PLATE)


def disc(x: int, radius: NDArray[np.float32] | float, fade: float) -> NDArray[np.float32]:
    """Return a disc of the plate's size whose border takes `fade` pixels."""
    down, across = np.mgrid[: PLATE.height, : PLATE.width].astype(np.float32)
    distance = np.hypot(down - 160, across - x)
    return np.clip((radius - distance) / fade + 0.5, 0, 1).astype(np.float32)


def guidance(frame: int) -> GuidanceFrame:
    """Coarse masks: too small by a few pixels, and none of the first instance while it is held."""
    masks = {
        key: InstanceMask(PLATE, disc(at + 3 * frame + 2, radius=84, fade=1) > 0.5)
        for key, at in ((1, 110), (2, 250))
        if key != 1 or frame not in HELD
    }
    return GuidanceFrame(frame, masks)


def mattes(model: MattingModel, instances: tuple[int, ...] = (1, 2)) -> dict[int, Alphas]:
    """Compute the shot's mattes; each instance in its own region, as a session does."""
    state: dict[int, InstanceState] = {}
    out: dict[int, Alphas] = {}
    for frame in FRAMES:
        masks = guidance(frame)
        steps = {
            key: RegionStep(1, REGIONS[key], reset=frame == 1, hold=key == 1 and frame in HELD)
            for key in instances
        }
        alphas, state = step_frame(model, plate(frame), masks, steps, state)
        out[frame] = {key: item.alpha for key, item in alphas.items()}
    return out


def digest(found: dict[int, Alphas]) -> str:
    """Return a digest of every bit of some mattes."""
    total = hashlib.sha256()
    for frame in sorted(found):
        for key in sorted(found[frame]):
            total.update(np.ascontiguousarray(found[frame][key]).tobytes())
    return total.hexdigest()


def wear(model: MattingModel) -> None:
    """Leave in the process what other work leaves: numbers of threads, caches, a broken run."""
    torch.set_num_threads(3)
    mattes(model, (2,))
    torch.set_num_threads(1)
    torch.nn.functional.linear(torch.rand(4096, 480), torch.rand(80, 480))
    torch.nn.functional.conv2d(torch.rand(1, 24, 96, 96), torch.rand(48, 24, 3, 3))


def main() -> None:
    """Print one line: digests of both instances' mattes, and of the second's alone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--worn", action="store_true")
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    model = load_model(DEFAULT_MODEL, device="cpu")
    if args.worn:
        wear(model)
    torch.set_num_threads(args.threads)
    both = mattes(model)
    if args.save is not None:
        np.savez(args.save, **{f"{f}_{k}": a for f in both for k, a in both[f].items()})
    alone = mattes(model, (2,))
    sys.stdout.write(f"{digest(both)} {digest(alone)}\n")


if __name__ == "__main__":
    main()
