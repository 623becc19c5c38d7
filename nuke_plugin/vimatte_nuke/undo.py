"""What the user can undo: what they did, in one step; never what a run brought by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import nuke


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what a run brings out of the user's undo: it comes at any time, between their steps."""
    nuke.Undo.disable()
    try:
        yield
    finally:
        nuke.Undo.enable()


@contextlib.contextmanager
def one_step(name: str) -> Iterator[None]:
    """Make everything a button does one step of undo."""
    nuke.Undo.begin(name)
    try:
        yield
    finally:
        nuke.Undo.end()
