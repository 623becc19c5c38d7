"""Which processors computed a session's mattes, and a notice where they were of several kinds."""

from __future__ import annotations

from vimatte.frames.frame_range import FrameRange
from vimatte.notices import Notice
from vimatte.session.session import MatteSession


def processors(session: MatteSession) -> dict[str, FrameRange]:
    """Return the finished frames by what computed them; guidance must have run.

    Parameters
    ----------
    session : MatteSession

    Returns
    -------
    dict of str to FrameRange
        By `vimatte.models.base.MattingModel.processor`; ``unknown`` where that was not recorded.
        Frames without an instance, which no network computed, are in none.
    """
    store, cached = session.stores()["mattes"], session.cached()
    found: dict[str, list[int]] = {}
    for frame in filter(cached, session.frames):
        name = (store.record(frame) or {}).get("processor", "unknown")
        if name != "none":
            found.setdefault(name, []).append(frame)
    return {name: FrameRange.of(frames) for name, frames in sorted(found.items())}


def mixed_processors(session: MatteSession) -> tuple[Notice, ...]:
    """Return a notice where processors of several kinds computed the mattes; else nothing."""
    found = processors(session)
    if len(found) < 2:
        return ()
    parts = "; ".join(f"{name}: {frames}" for name, frames in found.items())
    return (
        Notice(
            "mixed-processors",
            f"processors of several kinds computed these mattes ({parts}): last bits may differ "
            "between them, no alpha by more than 1/255",
            hint="for equal bits give every task the same --cpu-isa, e.g. avx2",
        ),
    )
