"""The settings of a session: everything beside the shot that decides its pixels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from vimatte.errors import ConfigError
from vimatte.matting.regions import QUALITY
from vimatte.options import SETTINGS, option


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

    model: str = option("model").default
    quality: str = option("quality").default
    segment: int = option("segment").default
    preroll: int = option("preroll").default
    keep_state: int = option("keep_state").default
    coupling: float = option("coupling").default
    steadiness: float = option("steadiness").default
    order: tuple[str, ...] = option("order").default

    def __post_init__(self) -> None:
        for row in SETTINGS:
            trouble = row.wrong(getattr(self, row.name))
            if trouble is not None:
                known = f"known: {', '.join(row.choices)}" if row.choices else row.help
                raise ConfigError(trouble, hint=known)

    @property
    def max_pixels(self) -> int:
        """Dense network pixels of one region at most."""
        return QUALITY[self.quality]

    def to_json(self) -> dict[str, Any]:
        """Return what ``session.json`` keeps."""
        return {**asdict(self), "order": list(self.order)}
