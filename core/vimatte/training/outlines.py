"""Where the material's cut-outs are not empty, and where they are soft: looked up once a frame."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Box = tuple[int, int, int, int]
Places = NDArray[np.int32]
# Alpha in 8 bits: what is above EMPTY counts, and what lies within SOFT is neither 0 nor 1.
EMPTY = 8
SOFT = (0.05, 0.95)


class Outlines:
    """Boxes and soft edges of cut-outs' frames.

    Parameters
    ----------
    kept : int
        How many frames' edges are remembered; boxes, four numbers each, all are.
    """

    def __init__(self, kept: int = 2048) -> None:
        self._kept = kept
        self._boxes: dict[tuple[str, int, int], Box | None] = {}
        self._edges: OrderedDict[tuple[str, int, int], Places] = OrderedDict()

    def box(self, kind: str, number: int, clip: Bytes, frame: int) -> Box | None:
        """Return top, bottom, left and right (two excluded) of a frame; None where it is empty.

        Parameters
        ----------
        kind : str
        number : int
            The part of the material, and which of its clips `clip` is.
        clip : ndarray of uint8, shape (T, H, W, 4)
        frame : int
        """
        key = (kind, number, frame)
        if key not in self._boxes:
            full = clip[frame, :, :, 3] > EMPTY
            rows, columns = np.flatnonzero(full.any(axis=1)), np.flatnonzero(full.any(axis=0))
            self._boxes[key] = (
                (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
                if len(rows)
                else None
            )
        return self._boxes[key]

    def edge(self, kind: str, number: int, clip: Bytes, frame: int) -> Places:
        """Return (row, column) of every soft pixel of a frame, in reading order; see `box`."""
        box = self.box(kind, number, clip, frame)
        if box is None:
            return np.empty((0, 2), np.int32)
        top, bottom, left, right = box

        def find() -> Places:
            found = _soft(clip[frame, top:bottom, left:right, 3])
            return found + np.array([top, left], np.int32)

        return self._remembered((kind, number, frame), find)

    def shape_edge(self, number: int, shapes: Bytes) -> Places:
        """Return (row, column) of every soft pixel of a matte of ``shapes``, (N, S, S, 2)."""
        return self._remembered(("shapes", number, 0), lambda: _soft(shapes[number, :, :, 0]))

    def _remembered(self, key: tuple[str, int, int], find: Callable[[], Places]) -> Places:
        if key not in self._edges:
            if len(self._edges) >= self._kept:
                self._edges.popitem(last=False)
            self._edges[key] = find()
        self._edges.move_to_end(key)
        return self._edges[key]


def _soft(alpha: Bytes) -> Places:
    low, high = (value * 255 for value in SOFT)
    return np.argwhere((alpha > low) & (alpha < high)).astype(np.int32)
