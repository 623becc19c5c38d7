"""Check what was published: presence, checksums, channels, and what the pixels promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vimatte.errors import VerifyError
from vimatte.frames.frame_range import FrameRange
from vimatte.output.exr_file import LOSSLESS, read_layers
from vimatte.output.half import UNITS_IN_ONE, half_units, units_to_half_floor
from vimatte.output.records import problems
from vimatte.output.version import Manifest, expected_files


def verify(folder: Path, frames: FrameRange) -> Iterator[str]:
    """Yield one line for everything that is wrong with the frames of a version.

    Checked: every file is there and has its checksum; the channels are the version's; every alpha
    is in [0, 1] and they sum to at most 1; R, G, B and A are that sum, rounded towards zero (R, G
    and B only where the compression keeps colour as it was).

    Raises
    ------
    VerifyError
        When the folder is not a version.
    """
    manifest = Manifest.read(folder)
    for frame in frames:
        if frame not in manifest.frames:
            yield f"frame {frame}: not one of this version, which has {manifest.frames}"
            continue
        broken = False
        for line in problems(folder, manifest, frame):
            broken = True
            yield line
        if not broken:
            path = folder / expected_files(manifest, frame)[0]
            yield from (f"frame {frame}: {line}: {path}" for line in _wrong_pixels(path, manifest))


def _wrong_pixels(path: Path, manifest: Manifest) -> Iterator[str]:
    try:
        layers, _, _ = read_layers(path)
    except VerifyError as error:
        yield error.message
        return
    if sorted(layers) != sorted(manifest.channels):
        yield "other channels than the version's"
        return
    units = np.zeros(layers["A"].shape, np.int32)
    for name in manifest.names:
        alpha = np.ascontiguousarray(layers[f"{name}.A"])
        if not (alpha.view(np.uint16) <= np.float16(1).view(np.uint16)).all():
            yield f"the alpha of {name} is not between 0 and 1"
            return
        units += half_units(alpha)
    most = int(units.max(initial=0))
    if most > UNITS_IN_ONE:
        yield f"the alphas sum to {most / UNITS_IN_ONE:.5f}"
        return
    total = units_to_half_floor(units)
    exact = "RGBA" if manifest.compression in LOSSLESS else "A"
    wrong = [name for name in exact if not np.array_equal(layers[name], total)]
    if wrong:
        yield f"{', '.join(wrong)} is not the sum of the alphas"
