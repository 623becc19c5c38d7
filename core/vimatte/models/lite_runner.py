"""Run ``msgvim-lite``: weights, folding, the dense part, and refinement on tiles of the band."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vimatte.errors import OutOfMemoryError
from vimatte.models.base import Crop, CropMatte, StateArray
from vimatte.models.checkpoint import choose_device, load_weights
from vimatte.models.colour_lines import NARROW_HALO, WIDE_HALO, fit_narrow, fit_wide
from vimatte.models.crop_input import (
    at_scale,
    free_unused,
    is_out_of_memory,
    on_device,
    with_second_try,
)
from vimatte.models.devices import computing
from vimatte.models.inference import prepare
from vimatte.models.msgvim_lite import (
    REFINE_HALO,
    MSGVIMLite,
    to_stride2,
    unknown_band,
)
from vimatte.models.registry import ModelSpec
from vimatte.models.side_by_side import SideBySide
from vimatte.models.tiles import TILE, Places, gather, padded, put, soft_ones, tiles_of

# The refinement's halo at stride 2.
EDGE = REFINE_HALO // 2
# How many tiles run at once; the tiles of a crop are its own, so results never depend on others.
# Where memory is short it is halved, down to one tile: on a CPU no bit depends on it.
TILE_BATCH = 16
# The fits do little with much: what they hold of four tiles stays in a core's cache.
FIT_BATCH = 4

log = logging.getLogger(__name__)
Fit = Callable[[Tensor, Tensor], Tensor]


def load(row: ModelSpec, device: str = "auto", weights: Path | None = None) -> LiteRunner:
    """Load the network with its packaged weights, or others; see `registry.load_model`."""
    network = MSGVIMLite()
    digest = load_weights(network, row, weights)
    return LiteRunner(row.name, network, digest, choose_device(device))


class LiteRunner:
    """``msgvim-lite`` as a `MattingModel`."""

    lookahead = 0
    state_stride = 4
    tile = TILE

    def __init__(self, name: str, network: MSGVIMLite, digest: str, device: torch.device) -> None:
        self.name = name
        self.weights_digest = digest
        self._device = device
        self._side_by_side = SideBySide()
        self._tile_batch = TILE_BATCH
        self._one_by_one = device.type != "cpu"
        network.eval().requires_grad_(False)
        # Weights from before it existed have zeros there: adding them costs time and nothing else.
        network.temporal_masks &= bool(network.mask_memory.weight.any())
        prepare(network)
        # torch's stubs know no memory_format here
        self._network: MSGVIMLite = network.to(device).to(  # type: ignore[call-overload]
            memory_format=torch.channels_last
        )

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        return self._device.type

    @property
    def processor(self) -> str:
        """``avx512``, ``avx2``, ..., or a GPU's name."""
        return computing(self._device)

    def step(
        self, work: Sequence[tuple[Crop, StateArray | None]]
    ) -> list[tuple[CropMatte, StateArray]]:
        """See `vimatte.models.base.MattingModel.step`."""
        if self.device != "cpu":
            return [self._one(item) for item in work]
        if not self._one_by_one:
            try:
                return self._side_by_side.crops(self._one, work)
            except OutOfMemoryError:
                if len(work) == 1:
                    raise
            self._one_by_one = True
            log.warning("memory is short: from here on one region is computed at a time")
        return [self._side_by_side.crops(self._one, [item])[0] for item in work]

    @torch.inference_mode()
    def _one(self, work: tuple[Crop, StateArray | None]) -> tuple[CropMatte, StateArray]:
        with on_device(work[0]):
            return self._step(*work)

    def _step(self, crop: Crop, state: StateArray | None) -> tuple[CropMatte, StateArray]:
        rgb = self._tensor(crop.rgb).permute(2, 0, 1)[None]
        masks = self._tensor(np.stack([crop.target, crop.reference]).astype(np.float32))[None]
        x = at_scale(torch.cat([rgb, masks], dim=1), crop.scale)
        hidden = None if state is None else self._tensor(state).float()[None]
        x = x.contiguous(memory_format=torch.channels_last)
        # Dense: a part of it would give other pixels.
        coarse = with_second_try(lambda: self._network.coarse(x, hidden), self._device)
        alpha = self._refine(rgb, coarse.logits4, coarse.detail, crop.scale)
        both = alpha[0].cpu().numpy()
        # Rounded here, not when it is saved: a run that never saves must see the same state.
        after = coarse.state[0].half().contiguous().cpu().numpy()
        return CropMatte(both[0], both[1]), after

    def _refine(self, rgb: Tensor, logits4: Tensor, detail: Tensor, scale: int) -> Tensor:
        """Return the fused alphas, (1, 2, H, W): refined in the unknown band, coarse outside."""
        alpha4 = torch.sigmoid(logits4)
        band = unknown_band(alpha4)
        fused = F.interpolate(alpha4, scale_factor=4 * scale, mode="bilinear", align_corners=False)
        places = tiles_of(band[0, 0], TILE // (4 * scale))
        if not places:
            return fused
        where = band.repeat_interleave(4 * scale, 2).repeat_interleave(4 * scale, 3)
        # One halo for all that follows; who needs less of it skips the rest.
        plate = padded(rgb, WIDE_HALO)
        logits2, detail2 = (
            padded(to_stride2(maps, scale, halo=0), EDGE, mode="replicate", stride=2)
            for maps in (logits4, detail)
        )

        def refined(some: Places) -> Tensor:
            logits = self._network.refine(
                gather(plate, some, TILE, TILE + 2 * REFINE_HALO, WIDE_HALO - REFINE_HALO),
                gather(logits2, some, TILE // 2, TILE // 2 + 2 * EDGE),
                gather(detail2, some, TILE // 2, TILE // 2 + 2 * EDGE),
            )
            return torch.sigmoid(logits)

        self._on_tiles(places, fused, where, refined)
        # The instance is then fitted to the plate; a fit needs its neighbours' finished pixels.
        places = soft_ones(places, fused[:, :1])
        for fit, halo in ((fit_wide, WIDE_HALO), (fit_narrow, NARROW_HALO)):
            self._fit(fit, halo, plate, fused[:, :1], where, places)
        return fused

    def _fit(
        self, fit: Fit, halo: int, plate: Tensor, alpha: Tensor, where: Tensor, places: Places
    ) -> None:
        """Fit the tiles of an alpha to the plate, in place."""
        around = padded(alpha, halo)
        side = TILE + 2 * halo

        def fitted(some: Places) -> Tensor:
            seen = gather(plate, some, TILE, side, WIDE_HALO - halo)
            return fit(seen, gather(around, some, TILE, side))

        most = FIT_BATCH if self.device == "cpu" else TILE_BATCH
        self._on_tiles(places, alpha, where, fitted, most=most)

    def _on_tiles(
        self,
        places: Places,
        alpha: Tensor,
        where: Tensor,
        work: Callable[[Places], Tensor],
        most: int = TILE_BATCH,
    ) -> None:
        """Put what `work` makes of tiles into `alpha`; fewer at once if memory is short."""

        @torch.inference_mode()
        def attempt(some: Places) -> Tensor | None:
            try:
                return work(some)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if len(some) == 1 or not is_out_of_memory(error):
                    raise
            return None

        while places:
            size = min(most, self._tile_batch)
            batches = [places[at : at + size] for at in range(0, len(places), size)]
            batches = batches[: self._side_by_side.share]
            for some, made in zip(batches, self._side_by_side.parts(attempt, batches), strict=True):
                # Outside of the handler: the error holds on to what the failed call had allocated.
                if made is None:
                    self._take_smaller_batches(len(some))
                    break
                put(alpha, some, made, where)
                places = places[len(some) :]

    def _take_smaller_batches(self, size: int) -> None:
        """Go on with half as many tiles at once, for the rest of the run."""
        free_unused(self._device)
        # Another crop's thread may have come to the same.
        if self._tile_batch < size:
            return
        # By halves of the full batch, whichever crop comes first: its own tiles may be fewer.
        while self._tile_batch >= size:
            self._tile_batch //= 2
        log.warning(
            "memory is short: edges are refined %d tiles at a time from here on, not %d",
            self._tile_batch, size,
        )  # fmt: skip

    def _tensor(self, array: NDArray[np.floating]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)
