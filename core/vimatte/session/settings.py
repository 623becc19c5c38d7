"""The settings of a session: everything beside the shot that decides its pixels."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from vimatte.errors import ConfigError
from vimatte.matting.loop import DEFAULT_COUPLING
from vimatte.matting.regions import QUALITY
from vimatte.matting.steadying import DEFAULT_STEADINESS

# What is left of a frame after the preroll's eight is this to the eighth: 0.06.
MOST_STEADINESS = 0.7


@dataclass(frozen=True)
class Settings:
    """How mattes are made.

    Attributes
    ----------
    model : str
        A name of the table of models.
    quality : {"final", "draft"}
        How large a region's dense part may be before it works at a smaller scale.
    segment : int
        S: the recurrent state restarts every S plate frames; 0 makes one chain of every scene.
    preroll : int
        P: frames computed before a segment and thrown away.
    keep_state : int
        K: states are kept every K frames, so that any frame starts from the nearest one.
    coupling : float
        Weight of the reference predictions in the joint alphas; 0 only bounds the sum.
    steadiness : float
        How much the alpha of the frame before counts, moved along with the plate: 0 (nothing) to
        0.7. It takes flicker out of mattes, and lets what comes suddenly take a few frames.
    order : tuple of str
        Instance names from front to back, for masks that overlap; who is in front among those
        not named is told from the plate, and they are behind those named.
    """

    model: str = "msgvim-lite"
    quality: str = "final"
    segment: int = 96
    preroll: int = 8
    keep_state: int = 12
    coupling: float = DEFAULT_COUPLING
    steadiness: float = DEFAULT_STEADINESS
    order: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.quality not in QUALITY:
            raise ConfigError(
                f"no quality is called {self.quality!r}", hint=f"known: {', '.join(QUALITY)}"
            )
        if self.segment < 0 or self.preroll < 0 or self.keep_state < 1:
            raise ConfigError(
                "segment and preroll cannot be negative, and keep_state must be at least 1"
            )
        if not 0 <= self.coupling < math.inf:
            raise ConfigError(f"coupling cannot be {self.coupling:g}", hint="0 or more")
        if not 0 <= self.steadiness <= MOST_STEADINESS:
            raise ConfigError(f"steadiness is 0 to {MOST_STEADINESS:g}, not {self.steadiness:g}")

    @property
    def max_pixels(self) -> int:
        """Dense network pixels of one region at most."""
        return QUALITY[self.quality]

    def to_json(self) -> dict[str, Any]:
        """Return what ``session.json`` keeps."""
        return {**asdict(self), "order": list(self.order)}
