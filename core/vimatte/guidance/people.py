"""The provider ``people``: finds everybody in a shot and follows them.

Four sweeps over the shot, each of which keeps what it did for a frame in a frame store: *finding*
scans every frame by itself; *following* joins what was found over time, scene by scene; *looking
back* follows everybody back from where they were found first; *writing* numbers those that are
people and writes their masks. Memory holds a few frames and a line a track.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vimatte.cache.store import FrameStore
from vimatte.errors import CacheError
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.frames.window import place
from vimatte.guidance.masks_io import mask_of, save_guidance
from vimatte.guidance.person_lookback import Backwards, look_back, seeds
from vimatte.guidance.person_motion import Memory, expect
from vimatte.guidance.person_records import Scanned, Settled
from vimatte.guidance.person_scan import scan
from vimatte.guidance.person_table import Scene, numbered
from vimatte.guidance.person_tracker import Step as TrackStep
from vimatte.guidance.picture import Picture
from vimatte.guidance.pose_nets import PoseNets
from vimatte.guidance.scene_cuts import SceneCuts
from vimatte.guidance.types import GuidanceResult, InstanceInfo, Step, counted
from vimatte.models.assets import asset
from vimatte.models.store import WeightsStore

_ALGORITHM = 1
_EVERY = 12
_COARSE, _FINE = (1, 2), (1, 2, 4, 6)


class PeopleGuidance:
    """Finds people; see `vimatte.guidance.types.GuidanceProvider`.

    Parameters
    ----------
    weights : WeightsStore, optional
        Where the networks are, or are fetched to.
    """

    name = "people"
    overlapping = False

    def __init__(self, *, weights: WeightsStore | None = None) -> None:
        self._weights = weights or WeightsStore()

    def settings(self) -> dict[str, Any]:
        """Return what the masks depend on beside the plate."""
        members = {m.file_name: m.sha256 for m in asset("people").members}
        return {"provider": self.name, "algorithm": _ALGORITHM, "networks": members}

    def run(
        self, source: NetworkSource, cache_root: Path, shot: str
    ) -> Generator[Step, None, GuidanceResult]:
        """Find the people of a shot.

        Yields
        ------
        Step

        Raises
        ------
        MissingDependencyError, CheckpointError, ConfigError
            When the networks cannot be had, and frames are missing from the cache.
        FrameReadError
            When the plate cannot be read.
        """
        work = _Work(self, source, cache_root, shot)
        finished = work.finished()
        if finished is not None:
            return finished
        return (yield from work.run())

    def load(self) -> PoseNets:
        """Load the networks, fetching them first where they are missing."""
        return PoseNets(self._weights.fetch("people"))


@dataclass(frozen=True, slots=True)
class _Part:
    """A scene's frames, and the identity of its pixels up to each frame and in all."""

    frames: tuple[int, ...]
    upto: tuple[str, ...]

    @property
    def identity(self) -> str:
        return self.upto[-1]


class _Work:
    """One run of the provider over one shot."""

    def __init__(
        self, provider: PeopleGuidance, source: NetworkSource, root: Path, shot: str
    ) -> None:
        self._provider = provider
        self._nets: PoseNets | None = None
        self.source = source
        self.frames = tuple(source.frames)
        self.total, self.done = 4 * len(self.frames), 0
        shared = {**provider.settings(), "source": source.settings()}
        within = {**shared, "frames": str(source.frames)}
        self.scans = FrameStore(root, shot, "detections", shared)
        self.tracks = FrameStore(root, shot, "tracks", within)
        self.backs = FrameStore(root, shot, "backtracks", within)
        self.table = FrameStore(root, shot, "people", within)
        self.store = FrameStore(root, shot, "guidance", within)
        self.digests = {frame: source.digest(frame) for frame in self.frames}
        self.identity = _chain(self.digests.values())[-1]

    @property
    def nets(self) -> PoseNets:
        if self._nets is None:
            self._nets = self._provider.load()
        return self._nets

    def finished(self) -> GuidanceResult | None:
        """Return the result when everything is in the cache already."""
        table = self.table.load(self.frames[0], {"shot": self.identity})
        if table is None:
            return None
        # Loaded, not only looked at: a corrupt frame is to be made again, here and now.
        if any(self.store.load(f, {"shot": self.identity}) is None for f in self.frames):
            return None
        text = json.loads(table["table"].tobytes().decode())
        people = [InstanceInfo(**{**row, "colour": tuple(row["colour"])}) for row in text["people"]]
        return GuidanceResult(tuple(people), tuple(text["cuts"]), self.store, False)

    def run(self) -> Generator[Step, None, GuidanceResult]:
        """Do the four sweeps."""
        yield from self._find()
        cuts = self._cuts()
        parts = self._parts(cuts)
        scenes = []
        for part in parts:
            scene = Scene(len(part.frames))
            yield from self._follow(part, scene)
            yield from self._look_back(part, scene)
            scenes.append(scene)
        people = yield from self._write(parts, scenes)
        text = json.dumps({"people": [asdict(info) for info in people], "cuts": list(cuts)})
        table = {"table": np.frombuffer(text.encode(), np.uint8)}
        self.table.save(self.frames[0], table, {"shot": self.identity})
        return GuidanceResult(people, cuts, self.store, False)

    def _step(self, stage: str, frame: int) -> Step:
        self.done += 1
        return Step(stage, frame, self.done, self.total)

    def _find(self) -> Iterator[Step]:
        """Scan every frame that has not been."""

        def record(frame: int) -> dict[str, str]:
            # Small people are looked for in some frames only; following does the rest.
            fine = frame % _EVERY == 0 or frame == self.frames[0]
            return {"plate": self.digests[frame], "scan": "fine" if fine else "coarse"}

        missing = [frame for frame in self.frames if self.scans.record(frame) != record(frame)]
        for frame in sorted(set(self.frames) - set(missing)):
            yield self._step("finding people", frame)
        for read in self.source.read_ahead(missing):
            made = record(read.frame)
            scanned = Scanned((), np.zeros((0, 0, 3), np.uint8))
            if not read.window.empty:
                picture = Picture(read)
                splits = _FINE if made["scan"] == "fine" else _COARSE
                scanned = Scanned(tuple(scan(self.nets, picture, splits)), picture.thumb)
            self.scans.save(read.frame, scanned.arrays(), made)
            yield self._step("finding people", read.frame)

    def _scanned(self, frame: int) -> Scanned:
        arrays = self.scans.load(frame)
        if arrays is None:  # found corrupt, and removed, just now
            for _ in self._find():
                self.done -= 1
            arrays = _kept(self.scans, frame)
        return Scanned.of(arrays)

    def _cuts(self) -> tuple[int, ...]:
        cuts = SceneCuts()
        for frame in self.frames:
            cuts.add(frame, self._scanned(frame).thumb)
        return cuts.finish()

    def _parts(self, cuts: Sequence[int]) -> list[_Part]:
        starts = [0, *(self.frames.index(cut) for cut in cuts), len(self.frames)]
        parts = []
        for begin, end in itertools.pairwise(starts):
            frames = self.frames[begin:end]
            parts.append(_Part(frames, _chain(self.digests[f] for f in frames)))
        return parts

    def _follow(self, part: _Part, scene: Scene) -> Iterator[Step]:
        """Follow people forwards through a scene, from the first frame that is not done."""
        before, ready = Settled(), 0
        for frame, chain in zip(part.frames, part.upto, strict=True):
            arrays = self.tracks.load(frame, {"chain": chain})
            if arrays is None:
                break
            before, ready = Settled.of(frame, arrays), ready + 1
            scene.add(frame, before)
            scene.remember(before)
            yield self._step("following people", frame)
        rest = part.frames[ready:]
        memory = self._memory(part.frames[:ready]) if rest else None
        chains = dict(zip(part.frames, part.upto, strict=True))
        for read in self.source.read_ahead(rest):
            if read.window.empty:
                settled = Settled(before.tracks, next_id=before.next_id)
            else:
                picture = Picture(read)
                step = TrackStep(self.nets, picture, expect(before.tracks, memory, picture))
                settled = step.settle(self._scanned(read.frame).candidates, before.next_id)
                memory = Memory.of(picture)
            self.tracks.save(read.frame, settled.arrays(read.frame), {"chain": chains[read.frame]})
            scene.add(read.frame, settled)
            scene.remember(settled)
            before = settled
            yield self._step("following people", read.frame)

    def _memory(self, done: Sequence[int]) -> Memory | None:
        """Return what is to be remembered of the last of some frames that has pixels."""
        for frame in reversed(done):
            if not self.source.window(frame).empty:
                return Memory.of(Picture(self.source.read(frame)))
        return None

    def _settled(self, frame: int) -> Settled:
        return Settled.of(frame, _kept(self.tracks, frame))

    def _look_back(self, part: _Part, scene: Scene) -> Iterator[Step]:
        """Follow people backwards through a scene, from where they came to light."""
        worthy = {key for group in scene.persons().values() for key in group}
        record = {"scene": part.identity}
        pictures = Backwards(self.source, part.frames)
        after, back, last = Settled(), Settled(), None
        for frame in reversed(part.frames):
            here = self._settled(frame)
            arrays = self.backs.load(frame, record)
            if arrays is not None:
                back = Settled.of(frame, arrays)
            else:
                chased = {t.id: t for t in seeds(after, here, worthy)}
                chased.update({t.id: t for t in back.tracks if t.id not in here.masks})
                back = Settled()
                if chased and last is not None:
                    # The later one first: the other is read together with it.
                    memory, picture = pictures.get(last), pictures.get(frame)
                    if picture is not None and memory is not None:
                        known = expect(list(chased.values()), Memory.of(memory), picture)
                        back = look_back(self.nets, picture, known, here, after)
                self.backs.save(frame, back.arrays(frame), record)
            scene.add(frame, back)
            after, last = here, frame
            yield self._step("looking back", frame)

    def _write(
        self, parts: Sequence[_Part], scenes: Sequence[Scene]
    ) -> Generator[Step, None, tuple[InstanceInfo, ...]]:
        """Write the masks of those that are people, under their ids."""
        counts: dict[int, list[int]] = {}
        for part, scene, known in zip(parts, scenes, numbered(scenes), strict=True):
            for frame in part.frames:
                masks: dict[int, InstanceMask] = {}
                back = Settled.of(frame, _kept(self.backs, frame))
                for settled in (self._settled(frame), back):
                    for key, mask in settled.masks.items():
                        if key in known and not scene.is_flash(key, frame):
                            masks[known[key]] = _united(masks.get(known[key]), mask)
                save_guidance(self.store, GuidanceFrame(frame, masks), {"shot": self.identity})
                for key in masks:
                    count = counts.setdefault(key, [frame, frame, 0])
                    count[1:] = [frame, count[2] + 1]
                yield self._step("writing masks", frame)
        return counted(counts, {key: f"person{key:02d}" for key in counts})


def _kept(store: FrameStore, frame: int) -> dict[str, NDArray[Any]]:
    """Return what this run has written or read already."""
    arrays = store.load(frame)
    if arrays is None:
        raise CacheError(
            "a frame left the cache while people were being found",
            frame=frame,
            path=store.path(frame),
            hint="run it again: what is finished is kept",
        )
    return arrays


def _chain(digests: Iterable[str]) -> tuple[str, ...]:
    """Return for each frame the identity of all frames up to it."""
    out, seed = [], ""
    for digest in digests:
        seed = hashlib.sha256(f"{seed}/{digest}".encode()).hexdigest()[:32]
        out.append(seed)
    return tuple(out)


def _united(one: InstanceMask | None, other: InstanceMask) -> InstanceMask:
    if one is None:
        return other
    window = one.window.union(other.window)
    both = [np.asarray(place(item.mask, item.window, window), np.bool_) for item in (one, other)]
    return mask_of(both[0] | both[1], window) or one
