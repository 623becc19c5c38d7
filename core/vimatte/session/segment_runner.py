"""Run segments: what is cached is read, what is missing is computed from the nearest state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vimatte.cache.store import FrameStore
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.network_source import NetworkSource
from vimatte.matting.chain import Link, plan_chain
from vimatte.matting.loop import InstanceAlpha, InstanceState, step_frame
from vimatte.matting.regions import HOLD_FRAMES
from vimatte.matting.segments import Segment, SegmentPlan
from vimatte.models.base import MattingModel
from vimatte.session.bounds import Bounds
from vimatte.session.frame_data import pack_alphas, pack_state, unpack_alphas, unpack_state
from vimatte.session.results import FrameResult
from vimatte.session.session_file import Instance
from vimatte.session.settings import Settings
from vimatte.session.shot_masks import ShotMasks

# Plate frames that are searched for those that follow a segment; enough for every step in use.
LOOK_AFTER = 100
KEPT_CHAINS = 4
# Seconds between two looks at what another process finishes.
WAIT = 0.25


@dataclass(frozen=True)
class Inputs:
    """Everything that the mattes of a shot are made from.

    Attributes
    ----------
    source : NetworkSource
    masks : ShotMasks
    bounds : Bounds
    instances : sequence of Instance
        Those that are computed.
    cuts : sequence of int
    settings : Settings
    mattes, states : FrameStore
    model : callable
        Gives the network; called only when something must be computed.
    """

    source: NetworkSource
    masks: ShotMasks
    bounds: Bounds
    instances: Sequence[Instance]
    cuts: Sequence[int]
    settings: Settings
    mattes: FrameStore
    states: FrameStore
    model: Callable[[], MattingModel]


class SegmentRunner:
    """Plans and runs the segments of a shot."""

    def __init__(self, inputs: Inputs) -> None:
        self._in = inputs
        self._chains: dict[int, list[Link]] = {}
        settings = inputs.settings
        self._plan = SegmentPlan(
            inputs.source.frames, inputs.cuts, settings.segment, settings.preroll
        )

    def state_of(self, frame: int) -> str:
        """Return ``cached``, ``missing`` or ``stale``; only records are read."""
        record = self._in.mattes.record(frame)
        if record is None:
            return "missing"
        return "cached" if record.get("key") == self.key(frame) else "stale"

    def segment_of(self, frame: int) -> Segment:
        """Return the segment that keeps a frame."""
        return self._plan.of(frame)

    def key(self, frame: int) -> str:
        """Return the identity of a frame's mattes, from all that they are made from."""
        return self._key(self._link(frame))

    def load(self, frame: int) -> dict[int, InstanceAlpha] | None:
        """Return a frame's mattes if they are cached and what their inputs say; else None."""
        if self.state_of(frame) != "cached":
            return None
        arrays = self._in.mattes.load(frame)
        return None if arrays is None else unpack_alphas(arrays)

    def run(self, wanted: FrameRange) -> Iterator[FrameResult]:
        """Yield every frame of `wanted` in order, computing what is missing."""
        for segment in self._plan.meeting(wanted):
            frames = [frame for frame in segment.frames if frame in wanted]
            while frames:
                result: FrameResult | None = None
                for result in self._pass(segment, frames):
                    yield result
                done = frames[0] - 1 if result is None else result.frame
                frames = [frame for frame in frames if frame > done]

    def _pass(self, segment: Segment, frames: Sequence[int]) -> Iterator[FrameResult]:
        """Yield frames from the first on: a cached stretch, then a computed one.

        It may end early, where a cached frame turns out to be corrupt: that one comes next.
        """
        position = 0
        while position < len(frames):
            alphas = self.load(frames[position])
            if alphas is None:
                break
            yield FrameResult(frames[position], True, alphas)
            position += 1
        todo = [frame for frame in frames[position:] if self.state_of(frame) != "cached"]
        if not todo:
            return
        lease = self._in.mattes.lease(segment.first)
        if lease is None:  # another process is at it: what it finishes is read
            time.sleep(WAIT)
            return
        with lease:
            # It may have been finished between the look and the lease.
            if self.state_of(todo[0]) != "cached":
                yield from self._compute(segment, todo[0], todo[-1], frozenset(frames))

    def _compute(
        self, segment: Segment, first: int, last: int, wanted: frozenset[int]
    ) -> Iterator[FrameResult]:
        """Compute the frames from `first` to `last`, from the nearest state before them."""
        links = [link for link in self._chain(segment) if link.frame <= last]
        start, state = self._nearest_state(links, first)
        links = links[start:]
        pictures = self._in.source.read_ahead([link.frame for link in links])
        for link, picture in zip(links, pictures, strict=True):
            alphas: dict[int, InstanceAlpha] = {}
            if any(step.region is not None for step in link.steps.values()):
                masks = self._in.masks.read(link.frame)
                settings = self._in.settings
                alphas, state = step_frame(
                    self._in.model(),
                    picture,
                    masks,
                    link.steps,
                    state,
                    coupling=settings.coupling,
                    steadiness=settings.steadiness,
                )
            else:  # nobody is in the picture: the network need not even be loaded
                state = {}
            if link.wanted:
                alphas = self._in.bounds.apply(link.frame, alphas, self._in.instances)
                arrays = pack_alphas(alphas)
                record = self._record(link)
                # The state first: what is killed between the two computes the frame again, and
                # leaves no finished frame that lacks its state.
                if link.frame == segment.last or link.frame % self._in.settings.keep_state == 0:
                    self._in.states.save(link.frame, pack_state(state), record)
                self._in.mattes.save(link.frame, arrays, record)
                if link.frame in wanted and link.frame >= first:
                    yield FrameResult(link.frame, False, unpack_alphas(arrays))

    def _nearest_state(
        self, links: Sequence[Link], first: int
    ) -> tuple[int, Mapping[int, InstanceState]]:
        """Return where in the chain to start computing, and the state to start from."""
        before = [i for i, link in enumerate(links) if link.wanted and link.frame < first]
        for index in reversed(before):
            link = links[index]
            record = self._in.states.record(link.frame)
            if record is None or record.get("key") != self._key(link):
                continue
            arrays = self._in.states.load(link.frame)
            if arrays is not None:
                return index + 1, unpack_state(arrays)
        return 0, {}

    def _link(self, frame: int) -> Link:
        return next(link for link in self._chain(self._plan.of(frame)) if link.frame == frame)

    def _chain(self, segment: Segment) -> list[Link]:
        if segment.first not in self._chains:
            if len(self._chains) >= KEPT_CHAINS:  # memory is bounded: the oldest goes
                del self._chains[next(iter(self._chains))]
            frames = self._in.source.frames
            self._chains[segment.first] = plan_chain(
                segment,
                [row.id for row in self._in.instances],
                lambda frame: (self._in.masks.boxes(frame), self._in.masks.digest(frame)),
                self._in.source.digest,
                self._in.settings.max_pixels,
                after=self._after(segment),
                covered=self._in.source.window(frames.first),
            )
        return self._chains[segment.first]

    def _after(self, segment: Segment) -> list[int]:
        """Return the frames that follow a segment in its scene, as far as a gap is held over."""
        following = FrameRange.span(segment.last + 1, segment.last + LOOK_AFTER)
        frames: list[int] = []
        for frame in self._in.source.frames.intersect(following):
            cut = any(segment.last < at <= frame for at in self._in.cuts)
            if cut or len(frames) == HOLD_FRAMES:
                break
            frames.append(frame)
        return frames

    def _key(self, link: Link) -> str:
        bounds = self._in.bounds.digest(link.frame, self._in.instances)
        return f"{link.key}-{bounds}" if bounds else link.key

    def _record(self, link: Link) -> dict[str, str]:
        """Return what a frame was made from; only the key decides whether it still holds."""
        model = self._in.model() if link.steps else None
        return {
            "key": self._key(link),
            "plate": link.plate,
            "guidance": link.guidance,
            "device": "none" if model is None else model.device,
            "processor": "none" if model is None else model.processor,
            "tile": "0" if model is None else str(model.tile),
        }
