"""Masks in front order: what instances in front cover is taken from those behind them."""

from __future__ import annotations

from collections.abc import Sequence

from vimatte.frames.types import GuidanceFrame, InstanceMask


def in_front_order(guidance: GuidanceFrame, order: Sequence[int]) -> GuidanceFrame:
    """Take from every mask what instances in front of it cover.

    Parameters
    ----------
    guidance : GuidanceFrame
    order : sequence of int
        Instance ids from front to back; those not named are behind, in the order of their ids.
    """
    if not order:
        return guidance
    ranks = {key: rank for rank, key in enumerate(order)}
    keys = sorted(guidance.masks, key=lambda key: (ranks.get(key, len(ranks)), key))
    masks: dict[int, InstanceMask] = {}
    for index, key in enumerate(keys):
        item = guidance.masks[key]
        mask = item.mask.copy()
        for front in keys[:index]:
            other = guidance.masks[front]
            shared = other.window.intersect(item.window)
            if not shared.empty:
                inner = shared.slices_in(item.window)
                mask[inner] &= ~other.mask[shared.slices_in(other.window)]
        if mask.any():
            masks[key] = InstanceMask(item.window, mask)
    return GuidanceFrame(guidance.frame, masks)


def overlap(guidance: GuidanceFrame) -> tuple[int, int] | None:
    """Return the ids of two masks that share pixels, or None."""
    keys = sorted(guidance.masks)
    for index, first in enumerate(keys):
        a = guidance.masks[first]
        for second in keys[index + 1 :]:
            b = guidance.masks[second]
            shared = a.window.intersect(b.window)
            if shared.empty:
                continue
            both = a.mask[shared.slices_in(a.window)] & b.mask[shared.slices_in(b.window)]
            if both.any():
                return first, second
    return None
