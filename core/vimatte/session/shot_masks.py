"""The masks of a shot as the network sees them: from the cache, in front order."""

from __future__ import annotations

from collections.abc import Mapping

from vimatte.cache.fingerprint import arrays_digest
from vimatte.cache.store import FrameStore
from vimatte.frames.types import GuidanceFrame
from vimatte.frames.window import Window
from vimatte.guidance.masks_io import load_guidance, pack
from vimatte.guidance.types import GuidanceResult
from vimatte.session.front_order import FrontOrder, in_front_order


class ShotMasks:
    """Reads guidance frames that a provider has left in the cache.

    Parameters
    ----------
    result : GuidanceResult
    order : FrontOrder
        Who is in front where masks overlap.
    """

    def __init__(self, result: GuidanceResult, order: FrontOrder) -> None:
        self._result = result
        self._order = order
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
        """
        masks = in_front_order(load_guidance(self._result.store, frame), self._order.of(frame))
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
