"""Training material on a device: uploaded once where it fits, else piece by piece."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vimatte.training.material import Material
from vimatte.training.paint import Photograph
from vimatte.training.scene import CutOut

Bytes = NDArray[np.uint8]


class DeviceMaterial:
    """Pieces of the material as uint8 on a device.

    A clip, a photograph or the shapes as a whole stay there from their first use on while the
    budget lasts. Of what does not fit, the piece that is asked for is uploaded every time.

    Parameters
    ----------
    material : Material
    device : torch.device
    budget : int
        Bytes of the device's memory that material may stay in; 0 keeps nothing there.
    """

    def __init__(self, material: Material, device: torch.device, budget: int) -> None:
        self.material, self.device, self._left = material, device, budget
        self._kept: dict[tuple[str, int], Tensor] = {}

    def cut_out(self, source: CutOut) -> Tensor:
        """Return the frames and the box of a cut-out, shape (T, H, W, 4)."""
        clips = self.material.rendered if source.kind == "rendered" else self.material.clips
        clip, frames = clips[source.number], list(source.frames)
        top, bottom, left, right = source.box
        whole = self._whole((source.kind, source.number), clip)
        if whole is None:
            return self._upload(clip[frames, top:bottom, left:right])
        return whole[:, top:bottom, left:right].index_select(0, self._numbers(frames))

    def crops(self, piece: Photograph) -> Tensor:
        """Return the windows of a photograph, shape (T, window, window, 3); a still has T = 1."""
        kind = "backgrounds" if piece.frames is None else "videos"
        picture: Bytes = getattr(self.material, kind)[piece.number]
        side, corners = piece.window, piece.corners
        frames = piece.frames or (0,) * len(corners)
        if len({*zip(frames, corners, strict=True)}) == 1:
            frames, corners = frames[:1], corners[:1]
        top, left = (min(corner[i] for corner in corners) for i in (0, 1))
        bottom, right = (max(corner[i] for corner in corners) + side for i in (0, 1))
        whole = self._whole((kind, piece.number), picture)
        moving = picture if picture.ndim == 4 else picture[None]
        if whole is None:
            part = self._upload(moving[sorted({*frames}), top:bottom, left:right])
            frames = tuple(sorted({*frames}).index(frame) for frame in frames)
        else:
            part = whole.reshape(moving.shape)[:, top:bottom, left:right]
        return torch.stack(
            [
                part[t, y - top : y - top + side, x - left : x - left + side]
                for t, (y, x) in zip(frames, corners, strict=True)
            ]
        )

    def shape(self, number: int) -> Tensor:
        """Return a procedural matte and its shade * 100, shape (S, S, 2)."""
        whole = self._whole(("shapes", 0), self.material.shapes)
        return self._upload(self.material.shapes[number]) if whole is None else whole[number]

    def _whole(self, key: tuple[str, int], values: Bytes) -> Tensor | None:
        if key not in self._kept:
            if values.nbytes > self._left:
                return None
            self._left -= values.nbytes
            self._kept[key] = self._upload(values, stays=True)
        return self._kept[key]

    def _upload(self, values: Bytes, *, stays: bool = False) -> Tensor:
        # What comes and goes is uploaded from pinned memory, which need not be waited for.
        tensor = torch.from_numpy(np.array(values))
        if self.device.type == "cuda" and not stays:
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def _numbers(self, values: list[int]) -> Tensor:
        return torch.tensor(values, device=self.device)
