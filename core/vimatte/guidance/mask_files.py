"""The provider ``masks``: masks that somebody made, read from files."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vimatte.cache.fingerprint import canonical_json, file_digest, fingerprint
from vimatte.cache.store import FrameStore
from vimatte.errors import CacheError, ConfigError, GuidanceError
from vimatte.frames.ahead import ahead
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.image_attributes import file_orientation
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.types import FrameHeader, GuidanceFrame
from vimatte.guidance.mask_folder import open_masks
from vimatte.guidance.mask_layouts import MaskLayout
from vimatte.guidance.mask_numbers import Numbering
from vimatte.guidance.masks_io import pack
from vimatte.guidance.picture import THUMB_SIDE
from vimatte.guidance.scene_cuts import SceneCuts
from vimatte.guidance.types import GuidanceResult, Step, counted
from vimatte.notices import Notice

_ALGORITHM = 2
_STAGE = "reading masks"
_READINGS = {"provider": "masks", "readings": 1}


class MaskFileGuidance:
    """Reads masks; see `vimatte.guidance.types.GuidanceProvider` and `open_masks` for the forms.

    Masks are kept as they are: where they overlap, both have the pixel, and who is in front is
    told later (`vimatte.guidance.contacts`). A pixel of at least 0.5 is inside. An empty mask is an
    absent instance.

    Parameters
    ----------
    folder : Path
        A folder, or the pattern of a sequence.
    offset : int, optional
        Added to the numbers of the files. Given, even as 0, numbers that look shifted are taken
        as they are.
    """

    name = "masks"

    def __init__(self, *, folder: Path | None = None, offset: int | None = None) -> None:
        if folder is None:
            raise ConfigError("guidance from files needs a path", hint="--guidance masks:PATH")
        self._folder = Path(folder)
        self._offset = offset
        self._layout: MaskLayout | None = None
        self._read_digests: dict[Path, str] = {}

    @property
    def overlapping(self) -> bool:
        """Whether masks of one frame may share pixels."""
        return self._opened(None)[0].overlapping

    def settings(self) -> dict[str, Any]:
        """Return what the masks depend on beside the plate and the files themselves."""
        layout = self._opened(None)[0]
        settings = {"provider": self.name, "algorithm": _ALGORITHM, "form": layout.kind}
        return {**settings, **layout.settings()}

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
            When the masks' numbers do not meet the shot's; with frame and path, when a mask is
            missing, unreadable or of another size.
        """
        frames = source.frames
        layout, unused = self._opened(frames)
        memory = _Readings(cache_root, shot, self._digest)
        prepared = layout.prepare(Numbering(frames, source.plate.frames, self._offset), memory)
        names = prepared.names
        known = {str(key): name for key, name in names.items()}
        settings = {**self.settings(), "names": known, "source": source.settings()}
        store = FrameStore(cache_root, shot, "guidance", settings)
        records = {frame: self._record(layout, source, frame) for frame in frames}
        missing = [f for f in frames if store.load(f, records[f]) is None]
        done = len(records) - len(missing)

        def read(frame: int) -> tuple[int, dict[str, NDArray[Any]]]:
            found = layout.read(frame, source.header(frame), source.window(frame))
            thumb = source.thumbnail(frame, THUMB_SIDE)
            arrays = {**pack(GuidanceFrame(frame, found.masks)), "thumb": thumb}
            if found.dim:
                arrays["dim"] = np.asarray(sorted(found.dim.items()), np.float64)
            return frame, arrays

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
        cuts = tuple(summary["cuts"].tolist())
        unseen = {
            key: name for key, name in names.items() if key not in seen and layout.kind != "palette"
        }
        dim = dict(summary["dim"].tolist()) if "dim" in summary else {}
        if not seen and not unseen:
            unseen = {0: ""}
        empty = {key: name for key, name in unseen.items() if key not in prepared.outside}
        notices = (*unused, *prepared.notices, *_empty_notices(empty, dim, source, self._folder))
        return GuidanceResult(
            counted(seen, names),
            cuts,
            store,
            layout.overlapping,
            notices,
            tuple(filter(None, unseen.values())),
        )

    def _opened(self, frames: FrameRange | None) -> tuple[MaskLayout, tuple[Notice, ...]]:
        """Return the layout, which is looked for anew for every run."""
        if frames is None and self._layout is not None:
            return self._layout, ()
        given = open_masks(self._folder, frames)
        self._layout = given.layout
        return given.layout, given.notices

    def _record(self, layout: MaskLayout, source: NetworkSource, frame: int) -> dict[str, str]:
        # The plate's pixels only tell the scene cuts; its windows say where a mask lies.
        return {
            "plate": source.digest(frame),
            "windows": _windows(source.header(frame)),
            "masks": ".".join(self._digest(path, frame) for path in layout.files(frame)),
        }

    def _digest(self, path: Path, frame: int) -> str:
        if path not in self._read_digests:
            self._read_digests[path] = _digest(path, frame)
        return self._read_digests[path]


class _Readings:
    """Keeps what a look through a shot's masks told; see `vimatte.guidance.mask_layouts.Memory`."""

    def __init__(self, root: Path, shot: str, digest: Callable[[Path, int], str]) -> None:
        self._place = (root, shot)
        self._digest = digest

    def kept(
        self, files: Mapping[int, Path], key: int, make: Callable[[], dict[str, NDArray[Any]]]
    ) -> Mapping[str, NDArray[Any]]:
        """Return what `make` gives for these files' content, made once for each `key`."""
        store = FrameStore(*self._place, "readings", {**_READINGS, "key": key})
        digests = {str(frame): self._digest(path, frame) for frame, path in files.items()}
        inputs = {"files": fingerprint(digests)}
        first = min(files)
        found = store.load(first, inputs)
        if found is None:
            found = make()
            store.save(first, found, inputs)
        return found


def _empty_notices(
    unseen: Mapping[int, str], dim: Mapping[int, float], source: NetworkSource, folder: Path
) -> Iterator[Notice]:
    """Yield a notice for every instance that has no pixel in the shot."""
    cut = source.settings()["roi"] is not None
    for key, name in unseen.items():
        whose = f"the masks of {name}" if name else "the masks"
        if key in dim:
            yield Notice(
                "mask-empty",
                f"{whose} are empty in every frame: nothing in them is half as bright "
                f"as white, the brightest is {_share(dim[key])}",
                path=str(folder),
                hint="inside is white; masks of 0 and 1 must be scaled to 0 and 255",
            )
        else:
            where = "within the region of interest " if cut else ""
            yield Notice(
                "mask-empty",
                f"{whose} are empty in every frame {where}".rstrip(),
                path=str(folder),
            )


def _share(value: float) -> str:
    return f"{round(255 * value)} of 255" if value >= 0.5 / 255 else f"{value:.2g}"


def _summary(store: FrameStore, frames: FrameRange) -> dict[str, NDArray[Any]]:
    """Return the scene cuts, and a row (id, first, last, frames) for every instance."""
    cuts = SceneCuts()
    seen: dict[int, list[int]] = {}
    dim: dict[int, float] = {}
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
        for key, value in arrays["dim"].tolist() if "dim" in arrays else ():
            dim[int(key)] = max(value, dim.get(int(key), 0.0))
    rows = [(key, *entry) for key, entry in sorted(seen.items())]
    summary: dict[str, NDArray[Any]] = {
        "cuts": np.asarray(cuts.finish(), np.int64),
        "seen": np.asarray(rows, np.int64).reshape(-1, 4),
    }
    if dim:
        summary["dim"] = np.asarray(sorted(dim.items()), np.float64)
    return summary


def _windows(header: FrameHeader) -> str:
    windows = [(w.x, w.y, w.width, w.height) for w in (header.data_window, header.display_window)]
    return canonical_json([*windows, header.pixel_aspect])


def _digest(path: Path, frame: int) -> str:
    try:
        content = file_digest(path)
    except OSError as error:
        raise GuidanceError(
            f"the mask cannot be read: {error.strerror}", frame=frame, path=path
        ) from error
    laid = file_orientation(path)
    return content if laid.as_stored else f"{content} {laid}"
