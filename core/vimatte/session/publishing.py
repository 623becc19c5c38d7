"""Write a session's mattes as a published version: EXR layers, host strips, previews, QC page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from vimatte._version import __version__
from vimatte.cache.fingerprint import fingerprint
from vimatte.cache.folders import shot_folder
from vimatte.frames.ahead import ahead
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.network_source import alpha_to_plate
from vimatte.frames.types import InstanceMask
from vimatte.matting.loop import InstanceAlpha
from vimatte.output.foreground import premultiplied_foregrounds
from vimatte.output.pictures import preview_picture
from vimatte.output.publish import Publisher
from vimatte.output.qc import QCPage
from vimatte.output.qc_statistics import Alpha
from vimatte.output.verify import EmptyMattes
from vimatte.output.version import Manifest, versions_of
from vimatte.session.processors import mixed_processors
from vimatte.session.results import FrameResult, PublishedFrame
from vimatte.session.session import MatteSession

QC_PICTURES = 12


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """What is written beside the layered EXR.

    Attributes
    ----------
    vse : bool
        One RGBA sequence per instance, for Blender's sequencer.
    preview : bool
        PNG previews.
    foreground : bool
        In the layered EXR, every instance's colour times its alpha.
    cutout : bool
        One RGBA sequence per instance: its colour times its alpha, and its alpha.
    cryptomatte : bool
        A Cryptomatte of all instances.
    compression : str
        Of the EXR files.
    """

    vse: bool = False
    preview: bool = False
    compression: str = "zip"
    foreground: bool = False
    cutout: bool = False
    cryptomatte: bool = False


def open_publisher(session: MatteSession, out: Path, options: PublishOptions) -> Publisher:
    """Open the version these mattes belong to: an unfinished one is continued.

    Raises
    ------
    OutputError
    """
    names = [row.name for row in session.enabled]
    mattes, coloured = _fingerprints(session)
    made_from = coloured if options.foreground or options.cutout else mattes
    return Publisher.open(
        out,
        session.name,
        session.frames,
        session.enabled,
        made_from,
        {
            "vimatte/model": session.settings.model,
            "vimatte/weights": session.weights_digest,
            "vimatte/version": __version__,
            "vimatte/instances": json.dumps(names),
        },
        vse=options.vse,
        preview=options.preview,
        compression=options.compression,
        foreground=options.foreground,
        cutout=options.cutout,
        cryptomatte=options.cryptomatte,
    )


def published(session: MatteSession, out: Path) -> Path | None:
    """Return the newest version that holds this session's mattes as its settings make them now.

    A higher number may be another session's, or of settings that have been taken back since.
    """
    wanted = _fingerprints(session)
    found = (path for path in versions_of(out) if Manifest.read(path).fingerprint in wanted)
    return next(found, None)


def guidance_is_cached(session: MatteSession) -> bool:
    """Return whether the cache has masks of the shot, so that `MatteSession.ready` costs little."""
    folder = session.cache / shot_folder(session.name)
    return folder.is_dir() and any(folder.glob("guidance-*"))


def belongs(session: MatteSession, folder: Path) -> bool:
    """Return whether a version holds this session's mattes as its settings make them now."""
    return Manifest.read(folder).fingerprint in _fingerprints(session)


def _fingerprints(session: MatteSession) -> tuple[str, str]:
    """Return what identifies a version of mattes, and one that has colours: they hang on more."""
    mattes = session.mattes_fingerprint()
    colour = session.shot.source.scene_linear_settings()
    return mattes, fingerprint({"mattes": mattes, **colour})


def publishing(
    session: MatteSession, publisher: Publisher, frames: FrameRange | None = None
) -> Iterator[PublishedFrame]:
    """Run a session and write every frame as it is finished.

    A frame that is published already is checked, not made again: its record in the cache says
    that its inputs are the same, its files have their checksums. Its mattes are not decoded.

    Parameters
    ----------
    session : MatteSession
    publisher : Publisher
        From `open_publisher`, after guidance has run.
    frames : FrameRange, optional
        Part of the shot, as a farm task has it.

    Yields
    ------
    PublishedFrame
        After the frame's files are complete.
    """
    cached = session.cached()
    wanted = session.frames if frames is None else session.frames.intersect(frames)
    for ready, group in groupby(wanted, lambda frame: cached(frame) and publisher.done(frame)):
        if ready:
            for frame in group:
                yield PublishedFrame(frame, cached=True, written=False)
            continue
        # Files are written on a thread, while the network works on the next frame.
        results = session.run(FrameRange.of(group))
        yield from ahead(partial(_write, session, publisher), results, depth=2, threads=1)


def _write(session: MatteSession, publisher: Publisher, result: FrameResult) -> PublishedFrame:
    """Write every file of a frame, unless they are there."""
    if publisher.done(result.frame):
        return PublishedFrame(result.frame, result.cached, written=False)
    source = session.shot.source
    header = source.header(result.frame)
    picture = None
    if publisher.preview:
        plate = source.read(result.frame)
        picture = preview_picture(
            plate.pixels,
            plate.window,
            [
                (result.alphas[row.id].window, result.alphas[row.id].alpha, row.colour)
                for row in session.enabled
                if row.id in result.alphas
            ],
        )
    alphas = {
        name: alpha_to_plate(item.alpha, item.window, header)
        for name, item in session.named(result.alphas).items()
    }
    foregrounds = None
    if publisher.colour:
        foregrounds = premultiplied_foregrounds(source.scene_linear(result.frame), alphas)
    publisher.write(result.frame, header, alphas, foregrounds=foregrounds, picture=picture)
    return PublishedFrame(result.frame, result.cached, written=True)


def empty_mattes(session: MatteSession) -> EmptyMattes:
    """Return what `vimatte.output.verify.verify` compares mattes with the session's masks by."""
    names = {row.id: row.name for row in session.enabled}

    def masks(frame: int) -> dict[str, InstanceMask]:
        if frame not in session.frames:
            return {}
        return {names[key]: item for key, item in session.expected(frame).items()}

    def area(frame: int) -> int:
        window = session.shot.source.window(frame)
        return window.width * window.height

    return EmptyMattes(masks, area)


def write_qc(session: MatteSession, path: Path, frames: FrameRange | None = None) -> Path:
    """Write the QC page from what is cached; nothing is computed but what is missing.

    Raises
    ------
    OutputError
    """
    make_qc(session, frames).write(path)
    return path


def make_qc(session: MatteSession, frames: FrameRange | None = None) -> QCPage:
    """Return the QC page, to be written; its `QCPage.notes` are the frames worth a look."""
    chosen = session.frames if frames is None else frames
    page = QCPage(
        session.name,
        session.enabled,
        {
            "frames": str(chosen),
            "model": session.settings.model,
            "guidance": session.file.guidance,
            "quality": session.settings.quality,
            "colour": session.shot.source.settings()["colorspace"],
        },
        (*session.notices, *mixed_processors(session)),
    )
    cuts = set(session.file.cuts)
    for result in session.run(chosen):
        window = session.shot.source.window(result.frame)
        page.statistics.add(
            result.frame,
            window.width * window.height,
            _planes(result.alphas),
            {key: (m.window, m.mask) for key, m in session.expected(result.frame).items()},
            cut=result.frame in cuts,
        )
    for picture in session.shot.source.read_ahead(page.pick(QC_PICTURES)):
        masks = {
            key: (item.window, item.mask.astype(np.float32))
            for key, item in session.guidance(picture.frame).masks.items()
        }
        alphas = next(iter(session.run(FrameRange.of([picture.frame])))).alphas
        page.show(picture, _planes(alphas), masks)
    return page


def _planes(alphas: Mapping[int, InstanceAlpha]) -> dict[int, Alpha]:
    return {key: (item.window, item.alpha) for key, item in alphas.items()}
