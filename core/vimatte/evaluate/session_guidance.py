"""The guidance masks of a session, to be measured beside its mattes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.window import place
from vimatte.session import MatteSession
from vimatte.session.shot import OpenShot

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class SessionGuidance:
    """The masks that a session's network saw; see `vimatte.evaluate.matte_folders.MatteClip`.

    Attributes
    ----------
    session : MatteSession
        Ready.
    path : Path
        Its folder.
    shot : OpenShot
        The session's plate.
    """

    session: MatteSession
    path: Path
    shot: OpenShot

    @property
    def instances(self) -> Sequence[str]:
        """The session's instances."""
        return [row.name for row in self.session.enabled]

    @property
    def frames(self) -> Sequence[int]:
        """The session's frames."""
        return list(self.session.frames)

    def read(self, frame: int) -> dict[str, Plane]:
        """Return every instance's mask as an alpha of 0 and 1, over the display window."""
        display = self.shot.source.header(frame).display_window
        masks = self.session.guidance(frame).masks
        planes = {}
        for row in self.session.enabled:
            planes[row.name] = np.zeros(display.shape, np.float32)
            if row.id in masks:
                mask = masks[row.id]
                planes[row.name] = np.asarray(place(mask.mask, mask.window, display), np.float32)
        return planes
