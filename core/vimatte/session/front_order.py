"""Masks in front order: what instances in front cover is taken from those behind them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path

from vimatte.errors import ConfigError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.guidance.contacts import Stretch, decide, overlaps
from vimatte.guidance.types import GuidanceResult, Step
from vimatte.notices import Notice
from vimatte.output.names import legal_names
from vimatte.session.session_file import Instance

# Contacts that are named one by one; the rest share a line.
MOST_NOTICES = 8


class FrontOrder:
    """Who is in front of whom in each frame: as the user says, else as the plate shows.

    Parameters
    ----------
    said : sequence of int
        Instance ids from front to back, by the user; those not named are behind them.
    told : iterable of Stretch
        What the plate shows; what `said` settles is left out.
    """

    def __init__(self, said: Sequence[int] = (), told: Iterable[Stretch] = ()) -> None:
        self._said = tuple(said)
        self._told = [s for s in told if not {s.front, s.behind} & set(self._said)]
        self._by_frame: dict[int, list[Stretch]] = {}
        for stretch in self._told:
            for frame in stretch.frames:
                self._by_frame.setdefault(frame, []).append(stretch)

    def of(self, frame: int) -> tuple[int, ...]:
        """Return instance ids from front to back; those not in it are behind, by their ids."""
        return self._said + _ranked(self._by_frame.get(frame, ()))

    def notices(self, instances: Iterable[Instance]) -> tuple[Notice, ...]:
        """Say who is in front, in which frames and how sure that is; the unsure first."""
        names = {row.id: row.name for row in instances}
        frames: dict[tuple[bool, int, int], list[int]] = {}
        for item in self._told:
            if item.matters:
                frames.setdefault((item.sure, item.front, item.behind), []).extend(item.frames)
        keys = sorted(frames)  # what is unsure comes first
        shown = keys if len(keys) <= MOST_NOTICES + 1 else keys[:MOST_NOTICES]
        out = []
        for sure, front, behind in shown:
            one, other = names[front], names[behind]
            message = f"{one} is in front of {other}, as the plate shows (sure)"
            hint = None
            if not sure:
                message = f"{one} is taken to be in front of {other} (unsure)"
                hint = f"check it: --order {other},{one} says the opposite"
            where = FrameRange.of(frames[sure, front, behind])
            out.append(Notice("front-order", message, str(where), hint=hint))
        if left := keys[len(shown) :]:
            unsure = sum(not sure for sure, *_ in left)
            message = f"who is in front was told from the plate for {len(left)} more pairs"
            message += f", {unsure} of them unsure" if unsure else ""
            where = FrameRange.of(frame for key in left for frame in frames[key])
            hint = "look at the mattes; --order a,b,c, front to back, says otherwise"
            out.append(Notice("front-order", message, str(where), hint=hint))
        return tuple(out)


def tell_front(
    result: GuidanceResult,
    instances: Sequence[Instance],
    order: Sequence[str],
    source: NetworkSource,
    cache: Path,
    shot: str,
) -> Generator[Step, None, FrontOrder]:
    """Say who is in front: as the user says, else as the plate shows where masks overlap.

    Parameters
    ----------
    result : GuidanceResult
    instances : sequence of Instance
    order : sequence of str
        Names from front to back; pairs of instances without one of them are told from the plate.
    source : NetworkSource
    cache : Path
    shot : str
        The shot's name in the cache.

    Yields
    ------
    Step

    Raises
    ------
    ConfigError
        When the order names no instance of the shot.
    """
    by_name = {row.name: row.id for row in instances}
    for name in order:
        if name not in by_name:
            hint = f"known: {', '.join(by_name) or 'nobody'}"
            if name in {*result.absent, *legal_names(result.absent)}:
                hint += f"; the masks of {name} have no pixel in the shot"
            raise ConfigError(f"the front order names no instance {name!r}", hint=hint)
    twice = sorted({name for name in order if list(order).count(name) > 1})
    if twice:
        raise ConfigError(
            f"the front order names {twice[0]!r} twice", hint="name everybody once, front to back"
        )
    said = tuple(by_name[name] for name in order)
    if not result.overlapping or len(by_name) - len(set(said)) < 2:
        return FrontOrder(said)
    found = yield from overlaps(source, result.store, cache, shot)
    return FrontOrder(said, decide(list(source.frames), result.cuts, found))


def _ranked(stretches: Iterable[Stretch]) -> tuple[int, ...]:
    """Turn pairs into one order, the surest first; what would close a circle gives way."""
    behind: dict[int, set[int]] = {}
    for item in sorted(stretches, key=lambda item: (-item.score, item.front, item.behind)):
        for key in (item.front, item.behind):
            behind.setdefault(key, set())
        if not _reaches(behind, item.behind, item.front):
            behind[item.front].add(item.behind)
    order: list[int] = []
    left = set(behind)
    while left:
        covered = {key for front in left for key in behind[front]}
        first = min(left - covered)
        order.append(first)
        left.remove(first)
    return tuple(order)


def _reaches(behind: Mapping[int, set[int]], start: int, goal: int) -> bool:
    seen, todo = set(), [start]
    while todo:
        key = todo.pop()
        if key == goal:
            return True
        if key not in seen:
            seen.add(key)
            todo += behind[key]
    return False


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
