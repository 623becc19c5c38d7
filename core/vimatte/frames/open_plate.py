"""The one door to a plate, whatever it is stored as."""

from __future__ import annotations

from pathlib import Path

from vimatte.errors import FrameReadError
from vimatte.frames.digest_cache import DigestCache
from vimatte.frames.file_pattern import has_view_token, read_pattern
from vimatte.frames.movie_kinds import is_movie
from vimatte.frames.sequence import ImageSequence
from vimatte.frames.types import Plate


def open_plate(
    path: str | Path,
    *,
    view: str | None = None,
    layer: str | None = None,
    start_frame: int = 1,
    digest_cache: DigestCache | None = None,
) -> Plate:
    """Open an image sequence, a still or a movie.

    Parameters
    ----------
    path : str or Path
        ``sh010.####.exr``, ``sh010.%04d.exr``, with ``%V`` (left, right) or ``%v`` (l, r) for the
        view; a picture file; a movie; or an animation (GIF, APNG).
    view, layer : str, optional
        The view and the layer of a multi-view or multi-layer EXR; by default its first view and
        its unnamed layer.
    start_frame : int
        The number of a movie's first frame, and of a still whose name has no number.
    digest_cache : DigestCache, optional
        Saves hashing unchanged files again.

    Raises
    ------
    FrameReadError
        When nothing matches, what matches is no picture, or is a movie of a kind that is not read.
    """
    if is_movie(Path(path)):
        # Only here, so that an image sequence never waits for the movie libraries to load.
        from vimatte.frames.movie import Movie  # noqa: PLC0415

        if view is not None or layer is not None:
            raise FrameReadError("a movie has neither views nor layers", path=path)
        return Movie(Path(path), start_frame=start_frame, digests=digest_cache)
    return ImageSequence(
        read_pattern(path, view=view, start_frame=start_frame),
        view=view,
        layer=layer,
        view_in_path=has_view_token(path),
        digests=digest_cache,
    )
