"""What a matting network is to the rest of vimatte: one instance's crop and state in, alpha out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
StateArray = NDArray[np.float16]
Mask = NDArray[np.bool_] | NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Crop:
    """One instance's region of one frame, filled with real plate pixels.

    Attributes
    ----------
    rgb : ndarray of float32, shape (H, W, 3)
        sRGB-encoded, in [0, 1]; H and W are multiples of ``32 * scale``.
    target, reference : ndarray of bool, or of float32 in [0, 1], shape (H, W)
        The instance's mask, and the union of the masks of all others.
    scale : int
        Plate pixels for one pixel of the network's dense part: 1, 2, 4 or 8.
    """

    rgb: Plane
    target: Mask
    reference: Mask
    scale: int


@dataclass(frozen=True, slots=True)
class CropMatte:
    """What a network says of one crop.

    Attributes
    ----------
    alpha, reference : ndarray of float32, shape (H, W), in [0, 1]
        The instance's matte, and the sum of all others'.
    """

    alpha: Plane
    reference: Plane


class MattingModel(Protocol):
    """A network with explicit state.

    Contract, tested for every model: running frames 1 to 10 equals running 1 to 5, saving the
    state, loading it in a new process and running 6 to 10, bit for bit on a CPU.
    """

    @property
    def name(self) -> str:
        """The name in the table of models."""

    @property
    def weights_digest(self) -> str:
        """SHA-256 of the weights, hexadecimal."""

    @property
    def lookahead(self) -> int:
        """How many later frames a step needs; 0 for a causal model."""

    @property
    def device(self) -> str:
        """Where it runs: ``cpu``, ``cuda``."""

    @property
    def processor(self) -> str:
        """What computes there: a CPU's vector instructions, or a GPU's name."""

    @property
    def state_stride(self) -> int:
        """Pixels of the dense part for one cell of the state."""

    @property
    def tile(self) -> int:
        """Side of a refinement tile in plate pixels; it enters every frame's record."""

    def step(
        self, work: Sequence[tuple[Crop, StateArray | None]]
    ) -> list[tuple[CropMatte, StateArray]]:
        """Run one frame of several instances; none looks at another's crop.

        Parameters
        ----------
        work : sequence of (Crop, state)
            A state is what the frame before left, moved to this crop's cells, float16 of shape
            (C, H / scale / state_stride, W / scale / state_stride); None where there is none.

        Returns
        -------
        list of (CropMatte, state)
            In the order of `work`; states have the shapes they came with.

        Raises
        ------
        OutOfMemoryError
            When the smallest tiles do not fit either.
        """
