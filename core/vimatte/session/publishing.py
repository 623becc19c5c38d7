"""Write a session's mattes as a published version: EXR layers, host strips, previews, QC page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte._version import __version__
from vimatte.cache.fingerprint import fingerprint
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.network_source import alpha_to_plate
from vimatte.frames.types import FrameHeader
from vimatte.output.publish import Publisher
from vimatte.output.qc import QCCollector
from vimatte.session.session import FrameResult, MatteSession

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
    compression : str
        Of the EXR files.
    """

    vse: bool = False
    preview: bool = False
    compression: str = "zip"


def open_publisher(session: MatteSession, out: Path, options: PublishOptions) -> Publisher:
    """Open the version these mattes belong to: an unfinished one is continued.

    Raises
    ------
    OutputError
    """
    settings = session.fingerprint_settings()
    names = [row.name for row in session.enabled]
    return Publisher.open(
        out,
        session.name,
        session.frames,
        session.enabled,
        fingerprint(settings | {"guidance": session.guidance_fingerprint()}),
        {
            "vimatte/model": session.settings.model,
            "vimatte/weights": session.weights_digest,
            "vimatte/version": __version__,
            "vimatte/instances": json.dumps(names),
        },
        vse=options.vse,
        preview=options.preview,
        compression=options.compression,
    )


def publishing(
    session: MatteSession, publisher: Publisher, frames: FrameRange | None = None
) -> Iterator[FrameResult]:
    """Run a session and write every frame as it is finished.

    Parameters
    ----------
    session : MatteSession
    publisher : Publisher
        From `open_publisher`, after guidance has run.
    frames : FrameRange, optional
        Part of the shot, as a farm task has it.

    Yields
    ------
    FrameResult
        After the frame's files are complete.
    """
    for result in session.run(frames):
        if not publisher.done(result.frame):
            header = session.shot.source.header(result.frame)
            pictures = None
            if publisher.preview:
                pictures = session.shot.source.read(result.frame).pixels
            publisher.write(
                result.frame, header, on_plate(session, result, header), plate_rgb=pictures
            )
        yield result


def on_plate(
    session: MatteSession, result: FrameResult, header: FrameHeader
) -> dict[str, NDArray[np.float32]]:
    """Return a frame's mattes on the plate's own pixel grid, by instance name."""
    return {
        name: alpha_to_plate(item.alpha, item.window, header)
        for name, item in session.named(result.alphas).items()
    }


def write_qc(session: MatteSession, path: Path, frames: FrameRange | None = None) -> Path:
    """Write the QC page from what is cached; nothing is computed but what is missing."""
    chosen = session.frames if frames is None else frames
    collector = QCCollector(session.name, chosen, session.enabled, pictures=QC_PICTURES)
    for result in session.run(chosen):
        header = session.shot.source.header(result.frame)
        collector.add(
            result.frame,
            on_plate(session, result, header),
            plate=(lambda frame=result.frame: session.shot.source.read(frame).pixels),
            masks=session.guidance(result.frame),
        )
    collector.write(path)
    return path
