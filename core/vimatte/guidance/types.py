"""What a guidance provider is, and what it gives."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vimatte.notices import Notice

if TYPE_CHECKING:  # the table of providers is listed without the picture libraries
    from vimatte.cache.store import FrameStore
    from vimatte.frames.network_source import NetworkSource


@dataclass(frozen=True, slots=True)
class InstanceInfo:
    """One person or object of a shot.

    Attributes
    ----------
    id : int
        From 1; never changes within a shot.
    name : str
        What the provider calls it, e.g. ``person01``, or the name of a folder of masks; the
        session makes it a legal name of a layer.
    first, last : int
        The first and last frame in which it has a mask.
    frames : int
        In how many frames it has a mask.
    colour : tuple of three float
        sRGB-encoded red, green, blue in [0, 1] for overlays; distinct between neighbours in id.
    """

    id: int
    name: str
    first: int
    last: int
    frames: int
    colour: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Step:
    """One finished piece of a provider's work.

    Attributes
    ----------
    stage : str
        A short phrase: ``"finding people"``, ``"following people"``, ``"reading masks"``, ...
    frame : int
        The frame the step was about.
    done, total : int
        Steps finished and steps in all, over every stage.
    """

    stage: str
    frame: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class GuidanceResult:
    """What a provider found in a shot.

    Attributes
    ----------
    instances : tuple of InstanceInfo
        Ascending by id; may be empty.
    cuts : tuple of int
        The frames that start a new scene, ascending; never the shot's first.
    store : FrameStore
        A `vimatte.frames.types.GuidanceFrame` for every frame; read with `load_guidance`.
    overlapping : bool
        Whether masks of one frame may share pixels.
    notices : tuple of Notice
        What the user should know of the masks: files that are not used, empty instances, ...
    absent : tuple of str
        What the masks call instances that have files, but no pixel in the shot.
    """

    instances: tuple[InstanceInfo, ...]
    cuts: tuple[int, ...]
    store: FrameStore
    overlapping: bool
    notices: tuple[Notice, ...] = ()
    absent: tuple[str, ...] = ()


class GuidanceProvider(Protocol):
    """Finds the coarse mask of every instance in every frame of a shot.

    The per-frame work lies in frame stores under the cache, so that a second run repeats none of
    it; memory is bounded whatever the shot's length.
    """

    @property
    def name(self) -> str:
        """The provider's name in the registry."""

    @property
    def overlapping(self) -> bool:
        """Whether masks of one frame may share pixels."""

    def settings(self) -> dict[str, Any]:
        """Return everything beside the plate that the masks depend on, JSON-able."""

    def run(
        self, source: NetworkSource, cache_root: Path, shot: str
    ) -> Generator[Step, None, GuidanceResult]:
        """Do the work, one step at a time; the generator's return value is the result.

        Closing the generator cancels; every finished frame is kept.
        """


def instance_colour(identity: int) -> tuple[float, float, float]:
    """Return the overlay colour of an id: hues a golden angle apart, so that neighbours differ.

    Parameters
    ----------
    identity : int
        The instance's id, from 1.

    Returns
    -------
    tuple of three float
        sRGB-encoded, in [0, 1].
    """
    hue = (0.58 + 0.61803398875 * (identity - 1)) % 1.0
    value = (1.0, 0.85, 0.7)[((identity - 1) // 8) % 3]
    channels = [abs((hue + shift) % 1.0 * 6.0 - 3.0) - 1.0 for shift in (0.0, 2 / 3, 1 / 3)]
    red, green, blue = (value * (0.25 + 0.75 * min(1.0, max(0.0, c))) for c in channels)
    return round(red, 4), round(green, 4), round(blue, 4)


def counted(
    seen: Mapping[int, Sequence[int]], names: Mapping[int, str]
) -> tuple[InstanceInfo, ...]:
    """Return the instance table from ``{id: (first, last, frames)}`` and ``{id: name}``."""
    out = []
    for key in sorted(seen):
        first, last, frames = seen[key]
        out.append(InstanceInfo(key, names[key], first, last, frames, instance_colour(key)))
    return tuple(out)
