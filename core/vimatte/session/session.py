"""`MatteSession`: plan, guide, run, read and publish the mattes of a shot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from vimatte.cache.fingerprint import fingerprint
from vimatte.cache.store import FrameStore
from vimatte.errors import CacheError, FrameNotReady, InputError
from vimatte.frames.digest_cache import DigestCache
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.given_path import given_path
from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.guidance.registry import create as create_provider
from vimatte.guidance.types import GuidanceResult, Step
from vimatte.matting.loop import InstanceAlpha
from vimatte.matting.segments import Segment
from vimatte.models.base import MattingModel
from vimatte.notices import Notice
from vimatte.session.bounds import Bounds
from vimatte.session.front_order import FrontOrder, tell_front
from vimatte.session.identity import deciding_settings
from vimatte.session.instances import freeze, naming_notices
from vimatte.session.network import SessionNetwork
from vimatte.session.region import region_notices
from vimatte.session.results import FrameResult, Plan
from vimatte.session.segment_runner import Inputs, SegmentRunner
from vimatte.session.session_file import Instance, SessionFile, check_places
from vimatte.session.settings import Settings
from vimatte.session.shot import OpenShot, Shot
from vimatte.session.shot_masks import ShotMasks

log = logging.getLogger(__name__)


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
    offsets : mapping of str to int, optional
        Added to the frame numbers of the files in `folders`, by the same keys. Given for masks,
        even as 0, it also says that numbers which look shifted are right.
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
        offsets: Mapping[str, int] | None = None,
        instances: tuple[Instance, ...] = (),
        cuts: tuple[int, ...] = (),
        device: str = "auto",
        weights: Path | None = None,
    ) -> None:
        settings = settings or Settings()
        if model is not None:
            settings = Settings(**{**settings.to_json(), "model": model})
        self.settings = settings
        if weights is not None:
            weights = given_path(weights, "the weights")
        self._network = SessionNetwork(settings.model, device, weights)
        self.cache = given_path(cache, "the cache")
        check_places(folders or {}, offsets or {})
        places = {k: given_path(v, f"the folder of {k}") for k, v in (folders or {}).items()}
        self.file = SessionFile(
            shot, guidance, places, settings, instances, cuts, dict(offsets or {})
        )
        self._provider = create_provider(guidance, **self.file.provider_options())
        self._inputs: Inputs | None = None
        self._reader: SegmentRunner | None = None
        self._front = FrontOrder()
        self._guidance_notices: tuple[Notice, ...] = ()
        self._digests = DigestCache(self.cache / "digests.json")
        self._open: OpenShot = shot.open(self._digests)
        try:
            source = self._open.source
            self._bounds = Bounds(self.file.folders, source, self.file.offsets, self._digests)
            self._region_notices = region_notices(source, shot.roi)
        except BaseException:
            self._open.close()
            raise

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        cache: str | Path,
        path_map: Mapping[str, str] | None = None,
        device: str = "auto",
        weights: Path | None = None,
    ) -> MatteSession:
        """Open a session file. Raises SessionError where it is not one, or InputError."""
        file = SessionFile.read(given_path(path, "the session"), path_map)
        try:
            return cls(
                file.shot,
                guidance=file.guidance,
                cache=cache,
                settings=file.settings,
                folders=file.folders,
                offsets=file.offsets,
                instances=file.instances,
                cuts=file.cuts,
                device=device,
                weights=weights,
            )
        except InputError as error:
            # A session that was made elsewhere: the plate may be here under another path.
            error.hint = error.hint or "if it lies elsewhere here, use --path-map FROM=TO"
            raise

    def __enter__(self) -> MatteSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close(failing=error is not None)

    def close(self) -> None:
        """Close the plate and write what was learnt about its files. Idempotent."""
        self._close(failing=False)

    def _close(self, *, failing: bool) -> None:
        self._open.close()
        try:
            self._digests.save()
        except CacheError as unsaved:
            # They only save time. An error that is under way says what matters.
            if not failing:
                log.warning("%s: the next run reads the whole plate again", unsaved)

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

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user should know of what they gave; that of the masks once guidance has run."""
        of_plate = (*self._open.notices, *self._open.source.notices, *self._region_notices)
        return tuple(dict.fromkeys((*of_plate, *self._guidance_notices, *self._bounds.notices)))

    def save(self, path: Path) -> None:
        """Write ``session.json``. Raises OutputError.

        The colour space is written as it was found: a rule that looks at paths must not find
        another one where the plate lies elsewhere.
        """
        self.as_saved().write(path)

    def as_saved(self) -> SessionFile:
        """Return what `save` writes."""
        shot = replace(self.file.shot, colorspace=self._open.source.settings()["colorspace"])
        return replace(self.file, shot=shot)

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
        before = self.file.instances
        table = freeze(before, result.instances, names, result.absent)
        self._bounds.match(table, result)
        self.file = self.file.with_instances(table, result.cuts)
        order = self.settings.order
        self._front = yield from tell_front(
            result, table, order, self._open.source, self.cache, self.name
        )
        self._inputs, self._reader = self._gather(result), None
        said = naming_notices(before, table, result.instances, names)
        said += self._front.notices(table)
        said += self._bounds.contradictions(self.guidance, self.enabled)
        self._guidance_notices = (*result.notices, *said)
        return table

    def ready(self) -> None:
        """Make sure that guidance is there; what is cached costs little."""
        if self._inputs is None:
            for _ in self.guide():
                pass

    @property
    def model(self) -> MattingModel:
        """The network; loaded when it is first needed."""
        return self._network.load()

    @property
    def weights_digest(self) -> str:
        """SHA-256 of the weights that are used."""
        return self._network.digest

    def fingerprint_settings(self) -> dict[str, object]:
        """Return every setting that decides the mattes' pixels, for the cache's folder name."""
        return deciding_settings(self.file, self.weights_digest, self._open.source.settings())

    def mattes_fingerprint(self) -> str:
        """Return the identity of the whole shot's mattes: plate, guidance, bounds and settings."""
        self.ready()
        runner = self._runner()
        keys = {str(frame): runner.key(frame) for frame in self.frames}
        return fingerprint(self.fingerprint_settings() | {"mattes": keys})

    def plan(self) -> Plan:
        """Say which frames are finished. Loads no network.

        Guidance that has not run is not run here.
        """
        if self._inputs is None and self.file.instances:
            self.ready()
        if self._inputs is None:
            nothing = FrameRange.of([])
            return Plan(False, nothing, self.frames, nothing)
        found: dict[str, list[int]] = {"cached": [], "missing": [], "stale": []}
        runner = self._runner()
        for frame in self.frames:
            found[runner.state_of(frame)].append(frame)
        return Plan(True, **{name: FrameRange.of(frames) for name, frames in found.items()})

    def cached(self) -> Callable[[int], bool]:
        """Return a test for frames: whether one is finished. Only records are read by it."""
        self.ready()
        runner = self._runner()
        return lambda frame: runner.state_of(frame) == "cached"

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
        yield from self._runner().run(self.frames if frames is None else frames)

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
        InputError, OutputError
        """
        place = given_path(out, "the output folder")
        publishing = import_module("vimatte.session.publishing")  # it is built upon this module
        self.ready()
        publisher = publishing.open_publisher(self, place, publishing.PublishOptions(**options))
        for _ in publishing.publishing(self, publisher):
            pass
        return Path(publisher.folder)

    def matte(self, frame: int) -> dict[str, InstanceAlpha]:
        """Return a finished frame by instance name; never computes.

        Plate files that change while the session is open are looked at when it is guided again.

        Raises
        ------
        FrameNotReady
        """
        if self._inputs is None and self.file.instances:
            self.ready()
        if self._inputs is not None and frame in self.frames:
            # Kept: a runner plans a whole segment before it reads its first frame.
            if self._reader is None:
                self._reader = self._runner()
            alphas = self._reader.load(frame)
            if alphas is not None:
                return self.named(alphas)
        raise FrameNotReady(
            "the frame has not been computed", frame=frame, hint="run the session first"
        )

    def named(self, alphas: Mapping[int, InstanceAlpha]) -> dict[str, InstanceAlpha]:
        """Return mattes by instance name."""
        return {row.name: alphas[row.id] for row in self.enabled if row.id in alphas}

    def guidance(self, frame: int) -> GuidanceFrame:
        """Return the masks of a frame, as the network sees them. Guidance must have run."""
        return self._guided().masks.read(frame)

    def expected(self, frame: int) -> dict[int, InstanceMask]:
        """Return what the mattes of a frame should keep to, by instance id.

        That is the masks in front order, bounded as the mattes are. Guidance must have run.
        """
        return self._bounds.bound_masks(self.guidance(frame), self.enabled)

    def stores(self) -> dict[str, FrameStore]:
        """Return the stores of the cache that the shot uses, by kind. Guidance must have run."""
        made = self._guided()
        return {"guidance": made.masks.store, "mattes": made.mattes, "states": made.states}

    def segment_of(self, frame: int) -> Segment:
        """Return the segment that keeps a frame. Guidance must have run."""
        return self._runner().segment_of(frame)

    def _guided(self) -> Inputs:
        if self._inputs is None:
            raise FrameNotReady("guidance has not run", hint="call guide or ready first")
        return self._inputs

    def _runner(self) -> SegmentRunner:
        return SegmentRunner(self._guided())

    def _gather(self, result: GuidanceResult) -> Inputs:
        settings = self.fingerprint_settings()
        return Inputs(
            source=self._open.source,
            masks=ShotMasks(result, self._front),
            bounds=self._bounds,
            instances=self.enabled,
            cuts=result.cuts,
            settings=self.settings,
            mattes=FrameStore(self.cache, self.name, "mattes", settings),
            states=FrameStore(self.cache, self.name, "states", settings),
            model=lambda: self.model,
        )
