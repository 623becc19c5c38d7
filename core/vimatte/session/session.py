"""`MatteSession`: plan, guide, run, read and publish the mattes of a shot."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from vimatte.cache.fingerprint import arrays_digest, fingerprint
from vimatte.cache.store import FrameStore
from vimatte.errors import ConfigError, FrameNotReady, GuidanceError
from vimatte.frames.digest_cache import DigestCache
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.types import GuidanceFrame
from vimatte.guidance.masks_io import load_guidance, pack
from vimatte.guidance.registry import create as create_provider
from vimatte.guidance.types import GuidanceResult, Step
from vimatte.matting.chain import Link, plan_chain
from vimatte.matting.loop import InstanceAlpha, InstanceState, step_frame
from vimatte.matting.regions import HOLD_FRAMES
from vimatte.matting.segments import Segment, plan_segments
from vimatte.models.base import MattingModel
from vimatte.models.registry import load_model, spec, weights_digest
from vimatte.session.bounds import Bounds, in_front_order, overlap
from vimatte.session.frame_data import pack_alphas, pack_state, unpack_alphas, unpack_state
from vimatte.session.instances import freeze
from vimatte.session.session_file import Instance, SessionFile
from vimatte.session.settings import Settings
from vimatte.session.shot import OpenShot, Shot

log = logging.getLogger(__name__)

# Raised when the same inputs and settings would give other pixels than before.
ALGORITHM = 1
# Plate frames that are searched for those that follow a segment; enough for every step in use.
LOOK_AFTER = 100


@dataclass(frozen=True, slots=True)
class FrameResult:
    """One finished frame.

    Attributes
    ----------
    frame : int
    cached : bool
        True when nothing was computed.
    alphas : mapping of int to InstanceAlpha
        By instance id; an absent instance is not in it. Half-float values, sum at most 1.
    """

    frame: int
    cached: bool
    alphas: Mapping[int, InstanceAlpha]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    Attributes
    ----------
    guided : bool
        Whether guidance is ready; if not, nothing else is known and every frame is missing.
    cached, missing, stale : FrameRange
        Finished, never computed, and computed from other inputs.
    """

    guided: bool
    cached: FrameRange
    missing: FrameRange
    stale: FrameRange


class MatteSession:
    """A shot with its guidance, instances, cache and settings; a context manager.

    Parameters
    ----------
    shot : Shot
    guidance : str
        A provider's name: ``people`` or ``masks``.
    model : str
        A network's name; overrides the one in `settings`.
    cache : str or Path
        The cache folder; made where it is missing.
    settings : Settings, optional
    folders : mapping of str to Path, optional
        ``masks`` (for the provider ``masks``), ``garbage`` and ``core``.
    instances, cuts
        A frozen table from a session file.
    device : {"auto", "cpu", "cuda"}
    weights : Path, optional
        Other weights than the packaged ones.

    Raises
    ------
    InputError, ConfigError
        When the shot cannot be opened or a name is unknown; nothing has been written then.
    """

    def __init__(
        self,
        shot: Shot,
        *,
        guidance: str = "people",
        model: str | None = None,
        cache: str | Path,
        settings: Settings | None = None,
        folders: Mapping[str, Path] | None = None,
        instances: tuple[Instance, ...] = (),
        cuts: tuple[int, ...] = (),
        device: str = "auto",
        weights: Path | None = None,
    ) -> None:
        settings = settings or Settings()
        if model is not None:
            settings = Settings(**{**settings.to_json(), "model": model})
        self.settings = settings
        self._spec = spec(self.settings.model)
        self.cache = Path(cache)
        self.file = SessionFile(shot, guidance, dict(folders or {}), settings, instances, cuts)
        self._device, self._weights = device, weights
        options = {"folder": self.file.folders["masks"]} if "masks" in self.file.folders else {}
        self._provider = create_provider(guidance, **options)
        self._model: MattingModel | None = None
        self._weights_digest = ""
        self._guided: GuidanceResult | None = None
        self._chains: dict[int, list[Link]] = {}
        self._digests = DigestCache(self.cache / "digests.json")
        self._open: OpenShot = shot.open(self._digests)
        self._bounds = Bounds(self.file.folders, self._open.source)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        cache: str | Path,
        path_map: Mapping[str, str] | None = None,
        device: str = "auto",
    ) -> MatteSession:
        """Open a session file. Raises SessionError where it is not one."""
        file = SessionFile.read(Path(path), path_map)
        return cls(
            file.shot,
            guidance=file.guidance,
            cache=cache,
            settings=file.settings,
            folders=file.folders,
            instances=file.instances,
            cuts=file.cuts,
            device=device,
        )

    def __enter__(self) -> MatteSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the plate and write what was learnt about its files. Idempotent."""
        self._open.close()
        self._bounds.close()
        self._digests.save()

    @property
    def shot(self) -> OpenShot:
        """The open plate, its frames and its colour."""
        return self._open

    @property
    def frames(self) -> FrameRange:
        """The frames of the shot."""
        return self._open.frames

    @property
    def name(self) -> str:
        """The shot's name, from the plate's."""
        return self._open.plate.name

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The frozen instance table; empty until guidance has run."""
        return self.file.instances

    @property
    def enabled(self) -> tuple[Instance, ...]:
        """The instances that are matted and written."""
        return tuple(row for row in self.instances if row.enabled)

    def save(self, path: Path) -> None:
        """Write ``session.json``. Raises OutputError."""
        self.file.write(path)

    def guide(self, names: tuple[str, ...] = ()) -> Generator[Step, None, tuple[Instance, ...]]:
        """Find the instances, or read their masks, and freeze the instance table.

        Parameters
        ----------
        names : tuple of str
            Names for the instances in the order they are found.

        Yields
        ------
        Step
            Progress; closing the generator cancels, and what is done is kept.
        """
        result = yield from self._provider.run(self._open.source, self.cache, self.name)
        self._guided = result
        self._chains.clear()
        table = freeze(self.file.instances, result.instances, names)
        self.file = self.file.with_instances(table, result.cuts)
        return table

    def ready(self) -> None:
        """Make sure that guidance is there; what is cached costs little."""
        if self._guided is None:
            for _ in self.guide():
                pass

    @property
    def model(self) -> MattingModel:
        """The network; loaded when it is first needed."""
        if self._model is None:
            self._model = load_model(
                self.settings.model, device=self._device, weights=self._weights
            )
        return self._model

    @property
    def weights_digest(self) -> str:
        """SHA-256 of the weights that are used."""
        if self._weights is None:
            return self._spec.sha256
        if not self._weights_digest:
            self._weights_digest = weights_digest(self._weights)
        return self._weights_digest

    def fingerprint_settings(self) -> dict[str, object]:
        """Return every setting that decides the mattes' pixels, for the cache's folder name."""
        settings = self.settings
        return {
            "algorithm": ALGORITHM,
            "model": settings.model,
            "weights": self.weights_digest,
            "max_pixels": settings.max_pixels,
            "segment": settings.segment,
            "preroll": settings.preroll,
            "coupling": settings.coupling,
            "order": list(settings.order),
            "source": self._open.source.settings(),
            "bounds": sorted(set(self.file.folders) & {"garbage", "core"}),
            "instances": sorted(row.id for row in self.enabled),
        }

    def guidance_fingerprint(self) -> str:
        """Return the identity of the whole shot's masks. Guidance must have run."""
        parts = {str(frame): self._masks(frame)[1] for frame in self.frames}
        return fingerprint(parts)

    def plan(self) -> Plan:
        """Say which frames are finished. Loads no network.

        Guidance that has not run is not run here.
        """
        if self._guided is None and self.file.instances:
            self.ready()
        if self._guided is None:
            nothing = FrameRange.of([])
            return Plan(False, nothing, self.frames, nothing)
        mattes = self._store("mattes")
        cached, missing, stale = [], [], []
        for segment in self._segments(self.frames):
            for link in self._chain(segment):
                if not link.wanted:
                    continue
                record = mattes.record(link.frame)
                if record is None:
                    missing.append(link.frame)
                elif record.get("key") != self._key(link):
                    stale.append(link.frame)
                else:
                    cached.append(link.frame)
        return Plan(True, FrameRange.of(cached), FrameRange.of(missing), FrameRange.of(stale))

    def run(self, frames: FrameRange | None = None) -> Iterator[FrameResult]:
        """Compute what is missing and give every frame in order.

        Parameters
        ----------
        frames : FrameRange, optional
            Part of the shot. Pixels do not depend on which part is asked for.

        Yields
        ------
        FrameResult
            Closing the generator cancels; every frame it gave is kept.
        """
        self.ready()
        wanted = self.frames if frames is None else frames
        for segment in self._segments(wanted):
            yield from self._run_segment(segment, wanted)

    def publish(self, out: str | Path, **options: Any) -> Path:
        """Run the session and write every frame as a published version.

        Parameters
        ----------
        out : str or Path
            The output folder; the version is a folder in it.
        **options
            See `vimatte.session.publishing.PublishOptions`.

        Returns
        -------
        Path
            ``OUT/v001``, or the version these mattes belong to.

        Raises
        ------
        OutputError
        """
        publishing = import_module("vimatte.session.publishing")  # it is built upon this module
        self.ready()
        publisher = publishing.open_publisher(self, Path(out), publishing.PublishOptions(**options))
        for _ in publishing.publishing(self, publisher):
            pass
        folder: Path = publisher.folder
        return folder

    def matte(self, frame: int) -> dict[str, InstanceAlpha]:
        """Return a finished frame by instance name; never computes.

        Raises
        ------
        FrameNotReady
        """
        if self._guided is None and self.file.instances:
            self.ready()
        if self._guided is not None:
            for segment in self._segments(FrameRange.of([frame])):
                for link in self._chain(segment):
                    if link.wanted and link.frame == frame:
                        arrays = self._store("mattes").load(frame, self._record(link))
                        if arrays is not None:
                            return self.named(unpack_alphas(arrays))
        raise FrameNotReady(
            "the frame has not been computed", frame=frame, hint="run the session first"
        )

    def named(self, alphas: Mapping[int, InstanceAlpha]) -> dict[str, InstanceAlpha]:
        """Return mattes by instance name."""
        return {row.name: alphas[row.id] for row in self.enabled if row.id in alphas}

    def guidance(self, frame: int) -> GuidanceFrame:
        """Return the masks of a frame, as the network sees them. Guidance must have run."""
        if self._guided is None:
            raise FrameNotReady("guidance has not run", frame=frame)
        return self._masks(frame)[0]

    def _run_segment(self, segment: Segment, wanted: FrameRange) -> Iterator[FrameResult]:
        chain = self._chain(segment)
        mattes, states = self._store("mattes"), self._store("states")
        todo: list[int] = []
        for index, link in enumerate(chain):
            if link.wanted and link.frame in wanted:
                record = mattes.record(link.frame)
                if record is None or record.get("key") != self._key(link):
                    todo.append(index)
        first = todo[0] if todo else len(chain)
        last = todo[-1] if todo else -1
        # What is cached before the first frame to compute needs no network.
        for link in chain[:first]:
            if link.wanted and link.frame in wanted:
                arrays = mattes.load(link.frame, self._record(link))
                if arrays is None:  # corrupt: reported by the store, and computed after all
                    yield from self._run_segment(
                        segment, wanted.intersect(_from(link.frame, segment))
                    )
                    return
                yield FrameResult(link.frame, True, unpack_alphas(arrays))
        if last < 0:
            return
        start, state = self._nearest_state(chain, first, states)
        read = self._open.source.read_ahead([link.frame for link in chain[start : last + 1]])
        for link, picture in zip(chain[start : last + 1], read, strict=True):
            masks, _ = self._masks(link.frame)
            alphas: dict[int, InstanceAlpha] = {}
            if any(step.region is not None for step in link.steps.values()):
                alphas, state = step_frame(
                    self.model, picture, masks, link.steps, state, coupling=self.settings.coupling
                )
            else:  # nobody is in the picture: the network need not even be loaded
                state = {}
            if link.wanted:
                alphas = self._bounds.apply(link.frame, alphas, self.enabled)
                arrays = pack_alphas(alphas)
                mattes.save(link.frame, arrays, self._record(link))
                self._keep_state(segment, link, state, states)
                if link.frame in wanted:
                    yield FrameResult(link.frame, False, unpack_alphas(arrays))
        rest = [link for link in chain[last + 1 :] if link.wanted and link.frame in wanted]
        if rest:
            yield from self._run_segment(segment, FrameRange.of(link.frame for link in rest))

    def _keep_state(
        self,
        segment: Segment,
        link: Link,
        state: Mapping[int, InstanceState],
        states: FrameStore,
    ) -> None:
        if link.frame == segment.last or link.frame % self.settings.keep_state == 0:
            states.save(link.frame, pack_state(state), self._record(link))

    def _nearest_state(
        self, chain: list[Link], first: int, states: FrameStore
    ) -> tuple[int, Mapping[int, InstanceState]]:
        """Return where to start computing, and the state to start from."""
        for index in range(first - 1, -1, -1):
            link = chain[index]
            if not link.wanted:
                break
            arrays = states.load(link.frame, self._record(link))
            if arrays is not None:
                return index + 1, unpack_state(arrays)
        return 0, {}

    def _chain(self, segment: Segment) -> list[Link]:
        if segment.first not in self._chains:
            if len(self._chains) > 4:  # a bounded memory: they are cheap to plan again
                self._chains.clear()
            self._chains[segment.first] = plan_chain(
                segment,
                [row.id for row in self.enabled],
                self._masks,
                self._open.source.digest,
                self.settings.max_pixels,
                after=self._after(segment),
                covered=self._open.source.window(self.frames.first),
            )
        return self._chains[segment.first]

    def _after(self, segment: Segment) -> list[int]:
        """Return the frames that follow a segment in its scene, as far as a gap is held over."""
        cuts = self.file.cuts
        following = FrameRange.span(segment.last + 1, segment.last + LOOK_AFTER)
        frames: list[int] = []
        for frame in self.frames.intersect(following):
            if len(frames) == HOLD_FRAMES or any(segment.last < cut <= frame for cut in cuts):
                break
            frames.append(frame)
        return frames

    def _segments(self, frames: FrameRange) -> Iterator[Segment]:
        return plan_segments(
            self._open.source.frames,
            self.file.cuts,
            self.settings.segment,
            self.settings.preroll,
            only=frames,
        )

    def _masks(self, frame: int) -> tuple[GuidanceFrame, str]:
        if self._guided is None:
            raise ConfigError("guidance has not run")
        masks = load_guidance(self._guided.store, frame)
        order = self.front_order()
        if self._guided.overlapping and not order:
            self._refuse_overlap(masks)
        masks = in_front_order(masks, order)
        return masks, arrays_digest(pack(masks))

    def _refuse_overlap(self, masks: GuidanceFrame) -> None:
        pair = overlap(masks)
        if pair is not None:
            names = {row.id: row.name for row in self.instances}
            first, second = (names.get(key, str(key)) for key in pair)
            raise GuidanceError(
                f"the masks of {first} and {second} overlap",
                frame=masks.frame,
                path=self.file.folders.get("masks"),
                hint=f"say who is in front, e.g. --order {first},{second}",
            )

    def front_order(self) -> tuple[int, ...]:
        """Return instance ids from front to back, as the settings name them."""
        by_name = {row.name: row.id for row in self.instances}
        unknown = [name for name in self.settings.order if name not in by_name]
        if unknown:
            raise ConfigError(
                f"the front order names no instance {unknown[0]!r}",
                hint=f"known: {', '.join(by_name)}",
            )
        return tuple(by_name[name] for name in self.settings.order)

    def _store(self, kind: str) -> FrameStore:
        return FrameStore(self.cache, self.name, kind, self.fingerprint_settings())

    def _key(self, link: Link) -> str:
        return f"{link.key}-{self._bounds.digest(link.frame, self.enabled)}"

    def _record(self, link: Link) -> dict[str, str]:
        return {"key": self._key(link), "plate": link.plate, "guidance": link.guidance}


def _from(frame: int, segment: Segment) -> FrameRange:
    return FrameRange.of(f for f in segment.chain if f >= frame)
