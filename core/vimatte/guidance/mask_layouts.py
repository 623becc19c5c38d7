"""What every form of masks can do; the forms are in `vimatte.guidance.mask_forms`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.types import FrameHeader, InstanceMask
from vimatte.frames.window import Window
from vimatte.guidance.mask_numbers import Numbering
from vimatte.guidance.mask_picture import THRESHOLD, on_canvas
from vimatte.notices import Notice


class Memory(Protocol):
    """Keeps what was learnt of files between runs."""

    def kept(
        self, files: Mapping[int, Path], key: int, make: Callable[[], dict[str, NDArray[Any]]]
    ) -> Mapping[str, NDArray[Any]]:
        """Return what `make` gives for these files' content, made once for each `key`."""


@dataclass(frozen=True, slots=True)
class FoundMasks:
    """What there is for a shot.

    Attributes
    ----------
    names : dict of int to str
        What the masks call every instance, by its id.
    notices : tuple of Notice
    outside : frozenset of int
        The instances that have no file in the shot.
    """

    names: dict[int, str]
    notices: tuple[Notice, ...] = ()
    outside: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class FrameMasks:
    """The masks of one frame.

    Attributes
    ----------
    masks : dict of int to InstanceMask
        By id, empty ones left out, cut to what was wanted.
    dim : dict of int to float
        The largest value of pictures that have values, but none that is inside.
    """

    masks: dict[int, InstanceMask]
    dim: dict[int, float] = field(default_factory=dict)

    def add(
        self,
        key: int,
        values: NDArray[np.float32],
        window: Window,
        header: FrameHeader,
        wanted: Window,
    ) -> None:
        """Add what is inside of a matte that lies on `window` of the plate."""
        mask = on_canvas(values >= THRESHOLD, window, header, wanted)
        if mask is not None:
            self.masks[key] = mask
        elif 0 < values.max(initial=0) < THRESHOLD:
            self.dim[key] = float(values.max())


class MaskLayout(Protocol):
    """Masks of a shot in one of the forms."""

    @property
    def kind(self) -> str:
        """What the form is called in settings."""

    @property
    def overlapping(self) -> bool:
        """Whether masks of one frame may share pixels."""

    def settings(self) -> dict[str, Any]:
        """Return how the files are read, where that is not the usual way; after `prepare`."""

    def prepare(self, numbering: Numbering, memory: Memory) -> FoundMasks:
        """Look at what there is for a shot.

        Raises
        ------
        GuidanceError
            When frames have no masks, or files cannot be told apart.
        """

    def files(self, frame: int) -> list[Path]:
        """Return the files a frame's masks come from, in a fixed order."""

    def read(self, frame: int, header: FrameHeader, wanted: Window) -> FrameMasks:
        """Return a frame's masks, cut to the window `wanted`."""


def layers_notice(names: tuple[str, ...], path: Path) -> tuple[Notice, ...]:
    """Return the notice about layers that are not used; nothing where there are none."""
    if not names:
        return ()
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    text = f"layers that are not used as masks: {', '.join(names[:12])}{more}"
    return (Notice("mask-layers-unused", text, path=str(path)),)
