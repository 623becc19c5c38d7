"""A running session that keeps its cache within a limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vimatte.cache.limit import Kept, keep_within
from vimatte.session.session import MatteSession

# Frames between two looks at the cache: a look reads every folder.
EVERY = 24


class CacheLimit:
    """Frees what a session can spare, as its frames are finished.

    The masks and mattes of the shot stay whatever they take: the QC page is made from them, and a
    second run is told by them that nothing changed. Kept recurrent states are only needed to take
    a segment up in its middle; those of finished segments can go, and cost a correction the
    segment's beginning.

    Parameters
    ----------
    session : MatteSession
        After guidance has run.
    limit_bytes : int

    Attributes
    ----------
    freed : int
        Bytes freed so far.
    needed : int
        What the cache took at the last look.
    """

    def __init__(self, session: MatteSession, limit_bytes: int) -> None:
        self._session, self._limit = session, limit_bytes
        self._since = 0
        self._growth = 0
        self.freed = 0
        self.needed = 0

    @property
    def exceeded(self) -> bool:
        """Whether what the shot needs is more than the limit."""
        return self.needed > self._limit

    def finished(self, frame: int) -> None:
        """Hear that a frame is published; every so often the cache is looked at.

        Raises
        ------
        CacheError
        """
        self._since += 1
        if self._since >= EVERY:
            self.look(frame)

    def look(self, frame: int | None = None) -> None:
        """Free what is too much; room is left for what comes until the next look.

        Parameters
        ----------
        frame : int, optional
            The last one that is published; None: no states can be spared but those of old runs.

        Raises
        ------
        CacheError
        """
        if not self._session.cache.is_dir():
            return
        stores = self._session.stores()
        # A quarter more than what was seen: frames are computed ahead of those that are published.
        room = max(0, self._limit - self._growth - self._growth // 4)
        found: Kept = keep_within(
            self._session.cache,
            room,
            keep=[store.folder for store in stores.values()],
            spare=lambda: self._finished_states(frame),
        )
        freed = found.others + found.spared
        if self.needed:
            self._growth = max(self._growth, found.bytes + freed - self.needed)
        self.freed += freed
        self.needed = found.bytes
        self._since = 0

    def _finished_states(self, frame: int | None) -> Iterator[Path]:
        """Yield the states of segments that lie before the frame's, the oldest first."""
        if frame is None:
            return
        store = self._session.stores()["states"]
        first = self._session.segment_of(frame).first
        for kept in store.frames():
            if kept < first:
                yield store.path(kept)
