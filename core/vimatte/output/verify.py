"""Check what was published: presence, checksums, channels, and what the pixels promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vimatte.errors import VerifyError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.types import InstanceMask
from vimatte.output.cryptomatte import layer_channels, name_id
from vimatte.output.exr_file import LOSSLESS, read_layers
from vimatte.output.half import UNITS_IN_ONE, half_units, units_to_half_floor
from vimatte.output.mask_match import is_empty, must_show
from vimatte.output.records import problems
from vimatte.output.version import Manifest, expected_files


@dataclass
class EmptyMattes:
    """Collects mattes that are empty though the mask that guided them has pixels.

    Parameters
    ----------
    masks : callable
        Gives the masks of a frame as the mattes should keep to them, by the instance's name.
    area : callable
        Gives the pixels of the whole picture.
    """

    masks: Callable[[int], Mapping[str, InstanceMask]]
    area: Callable[[int], int]
    _found: dict[str, dict[int, int]] = field(default_factory=dict, init=False)

    def look(self, frame: int, sums: Mapping[str, float]) -> None:
        """Compare a frame's masks with its alphas, whose sums are given by name."""
        for name, item in self.masks(frame).items():
            empty = is_empty(item.area, sums.get(name, 0.0))
            if empty and must_show(item.mask, self.area(frame)):
                self._found.setdefault(name, {})[frame] = item.area

    @property
    def lines(self) -> list[str]:
        """One line for each instance, with the frames and how large the mask is."""
        return [
            f"frame{'s' * (len(found) > 1)} {FrameRange.of(found)}: the matte of {name} is empty, "
            f"its mask has {'up to ' * (len(found) > 1)}{max(found.values()):,} pixels"
            for name, found in sorted(self._found.items())
        ]


def verify(folder: Path, frames: FrameRange, empty: EmptyMattes | None = None) -> Iterator[str]:
    """Yield one line for everything that is wrong with the frames of a version.

    Checked: every file is there and has its checksum; the channels are the version's; every alpha
    is in [0, 1] and they sum to at most 1; R, G, B and A are that sum, rounded towards zero (R, G
    and B only where the compression keeps colour as it was); the coverages of a Cryptomatte sum to
    at most 1, and every id in it is an instance's.

    Parameters
    ----------
    folder : Path
    frames : FrameRange
    empty : EmptyMattes, optional
        Shown every frame that is right as a file; read its lines at the end.

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
        sums: dict[str, float] = {}
        if not broken:
            for name in expected_files(manifest, frame):
                look = _CHECKS.get(name.split("/")[0])
                if look is not None:
                    path = folder / name
                    for line in look(path, manifest, sums):
                        broken = True
                        yield f"frame {frame}: {line}: {path}"
            if empty is not None and not broken:
                empty.look(frame, sums)


def _wrong_pixels(path: Path, manifest: Manifest, sums: dict[str, float]) -> Iterator[str]:
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
        own = half_units(alpha)
        sums[name] = float(own.sum(dtype=np.int64)) / UNITS_IN_ONE
        units += own
    most = int(units.max(initial=0))
    if most > UNITS_IN_ONE:
        yield f"the alphas sum to {most / UNITS_IN_ONE:.5f}"
        return
    total = units_to_half_floor(units)
    exact = "RGBA" if manifest.compression in LOSSLESS else "A"
    wrong = [name for name in exact if not np.array_equal(layers[name], total)]
    if wrong:
        yield f"{', '.join(wrong)} is not the sum of the alphas"


def _wrong_cryptomatte(path: Path, manifest: Manifest, _sums: dict[str, float]) -> Iterator[str]:
    try:
        layers, *_ = read_layers(path, single=True)
    except VerifyError as error:
        yield error.message
        return
    channels = layer_channels(len(manifest.names))
    if sorted(layers) != sorted(channels):
        yield "other channels than a Cryptomatte of these instances has"
        return
    pixels = np.stack([layers[name] for name in channels], axis=2)
    coverage = pixels[..., 1::2].astype(np.float64)
    if not ((coverage >= 0) & (coverage <= 1)).all() or coverage.sum(axis=2).max(initial=0) > 1:
        yield "the coverages are not between 0 and 1, or sum to more"
    ids = np.unique(np.ascontiguousarray(pixels[..., 0::2]).view(np.uint32))
    unknown = set(ids.tolist()) - {0, *map(name_id, manifest.names)}
    if unknown:
        yield f"{len(unknown)} ids in it are no instance's"


_CHECKS: dict[str, Callable[[Path, Manifest, dict[str, float]], Iterator[str]]] = {
    "exr": _wrong_pixels,
    "cryptomatte": _wrong_cryptomatte,
}
