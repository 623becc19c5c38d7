"""What the user should know of a movie before they trust mattes made from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from av.stream import Disposition

from vimatte.frames.frame_range import FrameRange
from vimatte.frames.movie_decoder import MovieDecoder
from vimatte.frames.movie_kinds import pictures_line, quoted, whole_line
from vimatte.frames.orientation import Orientation
from vimatte.notices import Notice

_LONGEST_LIST = 60


def movie_notices(
    path: Path,
    decoder: MovieDecoder,
    frames: FrameRange,
    orientation: Orientation,
    interlaced: bool,
) -> tuple[Notice, ...]:
    """Return what is worth saying of a movie.

    Parameters
    ----------
    path : Path
    decoder : MovieDecoder
    frames : FrameRange
        The numbers of its frames.
    orientation : Orientation
        How its pictures are to be laid.
    interlaced : bool
        Whether its first picture says that it is interlaced.
    """
    found = [
        _varying_rate(path, decoder, frames),
        _left_out(path, decoder, frames),
        _hidden(path, decoder),
        _several_streams(path, decoder),
        _mirrored(path, orientation),
        _interlaced(path, interlaced),
    ]
    return tuple(notice for notice in found if notice is not None)


def _varying_rate(path: Path, decoder: MovieDecoder, frames: FrameRange) -> Notice | None:
    index = decoder.index
    skipped, held = len(index.skipped), index.held
    if not skipped and not len(held):
        return None
    after = np.flatnonzero(np.diff(index.samples) > 1) + 1
    where = [
        f"{what} {_listed(at + frames.first)}"
        for what, at in (("skipped before", after), ("held at", held))
        if len(at)
    ]
    count = f"{skipped} {_pictures(skipped)} skipped, {len(held)} held"
    concerned = np.union1d(after, held) + frames.first
    return Notice(
        "variable-frame-rate",
        f"variable frame rate: {count}; {', '.join(where)}",
        str(FrameRange.of(concerned.tolist())),
        str(path),
        f"frames lie at {float(index.rate):.5g} a second; masks made one a picture do not fit "
        f"them; {pictures_line(path)}",
    )


def _left_out(path: Path, decoder: MovieDecoder, frames: FrameRange) -> Notice | None:
    count = decoder.left_out
    if not count:
        return None
    return Notice(
        "movie-cut",
        f"the movie was cut between key pictures: its first {count} {_pictures(count)} cannot be "
        f"decoded and are left out; frame {frames.first} is the first that can",
        path=str(path),
    )


def _hidden(path: Path, decoder: MovieDecoder) -> Notice | None:
    count = decoder.hidden
    if not count:
        return None
    return Notice(
        "movie-trimmed",
        f"the movie's edit list hides {count} {_pictures(count)}, and so do players; frames are "
        f"counted without {'it' if count == 1 else 'them'}",
        path=str(path),
        hint=whole_line(path),
    )


def _several_streams(path: Path, decoder: MovieDecoder) -> Notice | None:
    streams = [
        stream
        for stream in decoder.container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    others = [stream.index for stream in streams if stream.index != decoder.stream.index]
    if not others:
        return None
    used = decoder.stream.codec_context
    return Notice(
        "several-streams",
        f"the movie has {len(others) + 1} video streams; the one of {used.width} x {used.height} "
        "is used",
        path=str(path),
        hint=f"to have another: ffmpeg -i {quoted(path.name)} -map 0:{others[0]} -c copy "
        f"{quoted(f'{path.stem}_{others[0]}{path.suffix}')}",
    )


def _mirrored(path: Path, orientation: Orientation) -> Notice | None:
    if not orientation.mirrored:
        return None
    return Notice(
        "mirrored",
        f"the pictures are {orientation}, as the movie asks, and so are the mattes",
        path=str(path),
        hint="a program that ignores the mirroring shows the movie otherwise",
    )


def _interlaced(path: Path, interlaced: bool) -> Notice | None:
    if not interlaced:
        return None
    return Notice(
        "interlaced",
        "the movie is interlaced: each picture holds two moments, and mattes show combs where "
        "something moves",
        path=str(path),
        hint=f"deinterlace it first: ffmpeg -i {quoted(path.name)} -vf bwdif -c:v prores_ks "
        f"{quoted(path.stem + '_p.mov')}",
    )


def _pictures(count: int) -> str:
    return "picture" if count == 1 else "pictures"


def _listed(numbers: object) -> str:
    """Return frame numbers as a range, cut short where there are many."""
    text = str(FrameRange.of(np.asarray(numbers).tolist()))
    return text if len(text) <= _LONGEST_LIST else f"{text[: _LONGEST_LIST - 3]}..."
