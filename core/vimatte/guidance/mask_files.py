"""The provider ``masks``: masks that somebody made, read from files."""

from __future__ import annotations

import logging
from collections.abc import Generator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vimatte.cache.fingerprint import canonical_json, file_digest, fingerprint
from vimatte.cache.store import FrameStore
from vimatte.errors import CacheError, ConfigError, GuidanceError
from vimatte.frames.ahead import ahead
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.types import FrameHeader, GuidanceFrame
from vimatte.guidance.mask_layouts import MaskLayout, open_masks
from vimatte.guidance.masks_io import pack
from vimatte.guidance.picture import THUMB_SIDE
from vimatte.guidance.scene_cuts import SceneCuts
from vimatte.guidance.types import GuidanceResult, Step, counted

log = logging.getLogger(__name__)

_ALGORITHM = 2
_STAGE = "reading masks"


class MaskFileGuidance:
    """Reads masks; see `vimatte.guidance.types.GuidanceProvider` and `open_masks` for the forms.

    Masks are kept as they are: where they overlap, both have the pixel, and who is in front is
    told later (`vimatte.guidance.contacts`). A pixel of at least 0.5 is inside. An empty mask is an
    absent instance.

    Parameters
    ----------
    folder : Path
        A folder, or the pattern of a sequence.
    """

    name = "masks"

    def __init__(self, *, folder: Path | None = None) -> None:
        if folder is None:
            raise ConfigError("guidance from files needs a path", hint="--guidance masks:PATH")
        self._folder = Path(folder)

    @cached_property
    def _layout(self) -> MaskLayout:
        return open_masks(self._folder)

    @property
    def overlapping(self) -> bool:
        """Whether masks of one frame may share pixels."""
        return self._layout.overlapping

    def settings(self) -> dict[str, Any]:
        """Return what the masks depend on beside the plate and the files themselves."""
        return {"provider": self.name, "algorithm": _ALGORITHM, "form": self._layout.kind}

    def run(
        self, source: NetworkSource, cache_root: Path, shot: str
    ) -> Generator[Step, None, GuidanceResult]:
        """Read the masks of a shot.

        Yields
        ------
        Step

        Raises
        ------
        GuidanceError
            With frame and path, when a mask is missing, unreadable or of another size.
        """
        layout, frames = self._layout, source.frames
        names = layout.prepare(frames)
        known = {str(key): name for key, name in names.items()}
        settings = {**self.settings(), "names": known, "source": source.settings()}
        store = FrameStore(cache_root, shot, "guidance", settings)
        records = {frame: self._record(source, frame) for frame in frames}
        missing = [f for f in frames if store.load(f, records[f]) is None]
        done = len(records) - len(missing)

        def read(frame: int) -> tuple[int, dict[str, NDArray[Any]]]:
            masks = layout.read(frame, source.header(frame), source.window(frame))
            thumb = source.thumbnail(frame, THUMB_SIDE)
            return frame, {**pack(GuidanceFrame(frame, masks)), "thumb": thumb}

        for frame, arrays in ahead(read, missing):
            store.save(frame, arrays, records[frame])
            done += 1
            yield Step(_STAGE, frame, done, len(records))
        # The cuts depend on every frame: they are kept for just these, as telling them costs time.
        inputs = {"frames": fingerprint({str(frame): record for frame, record in records.items()})}
        summaries = FrameStore(cache_root, shot, "scenes", settings)
        summary = summaries.load(frames.first, inputs)
        if summary is None:
            summary = _summary(store, frames)
            summaries.save(frames.first, summary, inputs)
        seen = {key: entry for key, *entry in summary["seen"].tolist()}
        self._report(seen, names, source)
        cuts = tuple(summary["cuts"].tolist())
        return GuidanceResult(counted(seen, names), cuts, store, self.overlapping)

    def _record(self, source: NetworkSource, frame: int) -> dict[str, str]:
        # The plate's pixels only tell the scene cuts; its windows say where a mask lies.
        return {
            "plate": source.digest(frame),
            "windows": _windows(source.header(frame)),
            "masks": ".".join(_digest(path, frame) for path in self._layout.files(frame)),
        }

    def _report(
        self, seen: dict[int, list[int]], names: dict[int, str], source: NetworkSource
    ) -> None:
        """Log what could be a mistake: instances that are empty, or absent at an end."""
        whole = (source.frames.first, source.frames.last)
        for key, name in names.items():
            if self._layout.kind == "palette" and key not in seen:
                continue
            if key not in seen:
                log.warning("the masks of %s are empty in every frame", name)
            elif (seen[key][0], seen[key][1]) != whole:
                log.info("%s has masks from %d to %d only", name, seen[key][0], seen[key][1])


def _summary(store: FrameStore, frames: FrameRange) -> dict[str, NDArray[Any]]:
    """Return the scene cuts, and a row (id, first, last, frames) for every instance."""
    cuts = SceneCuts()
    seen: dict[int, list[int]] = {}
    for frame in frames:
        arrays = store.load(frame)
        if arrays is None:
            raise CacheError(
                "a frame's masks left the cache while they were read",
                frame=frame,
                path=store.path(frame),
                hint="run it again",
            )
        cuts.add(frame, arrays["thumb"])
        for key in arrays["instances"][:, 0].tolist():
            entry = seen.setdefault(int(key), [frame, frame, 0])
            entry[1:] = [frame, entry[2] + 1]
    rows = [(key, *entry) for key, entry in sorted(seen.items())]
    return {
        "cuts": np.asarray(cuts.finish(), np.int64),
        "seen": np.asarray(rows, np.int64).reshape(-1, 4),
    }


def _windows(header: FrameHeader) -> str:
    windows = [(w.x, w.y, w.width, w.height) for w in (header.data_window, header.display_window)]
    return canonical_json([*windows, header.pixel_aspect])


def _digest(path: Path, frame: int) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise GuidanceError(
            f"the mask cannot be read: {error.strerror}", frame=frame, path=path
        ) from error
