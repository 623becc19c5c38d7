"""The masks of a shot as the network sees them: from the cache, in front order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vimatte.cache.fingerprint import arrays_digest
from vimatte.cache.store import FrameStore
from vimatte.errors import ConfigError, GuidanceError
from vimatte.frames.types import GuidanceFrame
from vimatte.frames.window import Window
from vimatte.guidance.masks_io import load_guidance, pack
from vimatte.guidance.types import GuidanceResult
from vimatte.session.front_order import in_front_order, overlap
from vimatte.session.session_file import Instance


class ShotMasks:
    """Reads guidance frames that a provider has left in the cache.

    Parameters
    ----------
    result : GuidanceResult
    instances : sequence of Instance
        The frozen table.
    order : sequence of str
        Instance names from front to back; needed where masks overlap.
    folder : Path, optional
        Where the masks came from, for error messages.

    Raises
    ------
    ConfigError
        When the order names no instance of the shot.
    """

    def __init__(
        self,
        result: GuidanceResult,
        instances: Sequence[Instance],
        order: Sequence[str],
        folder: Path | None,
    ) -> None:
        by_name = {row.name: row.id for row in instances}
        unknown = [name for name in order if name not in by_name]
        if unknown:
            raise ConfigError(
                f"the front order names no instance {unknown[0]!r}",
                hint=f"known: {', '.join(by_name)}",
            )
        self._result = result
        self._names = {row.id: row.name for row in instances}
        self._order = tuple(by_name[name] for name in order)
        self._folder = folder
        # A mask can be megabytes: only what plans need is kept.
        self._digests: dict[int, str] = {}
        self._boxes: dict[int, Mapping[int, Window]] = {}

    @property
    def store(self) -> FrameStore:
        """Where the provider left the masks."""
        return self._result.store

    def read(self, frame: int) -> GuidanceFrame:
        """Return a frame's masks.

        Raises
        ------
        CacheError
            When the cache has lost the frame.
        GuidanceError
            When masks overlap and nobody said who is in front.
        """
        masks = load_guidance(self._result.store, frame)
        if self._result.overlapping and not self._order:
            self._refuse_overlap(masks)
        masks = in_front_order(masks, self._order)
        if frame not in self._digests:
            self._digests[frame] = arrays_digest(pack(masks))
            self._boxes[frame] = {
                key: item.window for key, item in masks.masks.items() if not item.window.empty
            }
        return masks

    def digest(self, frame: int) -> str:
        """Return the digest of a frame's masks."""
        if frame not in self._digests:
            self.read(frame)
        return self._digests[frame]

    def boxes(self, frame: int) -> Mapping[int, Window]:
        """Return the box of every mask of a frame, by instance id; empty masks have none."""
        if frame not in self._boxes:
            self.read(frame)
        return self._boxes[frame]

    def _refuse_overlap(self, masks: GuidanceFrame) -> None:
        pair = overlap(masks)
        if pair is None:
            return
        first, second = (self._names.get(key, str(key)) for key in pair)
        raise GuidanceError(
            f"the masks of {first} and {second} overlap",
            frame=masks.frame,
            path=self._folder,
            hint=f"say who is in front, e.g. --order {first},{second}",
        )
