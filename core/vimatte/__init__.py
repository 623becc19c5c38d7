"""vimatte: a soft, temporally stable alpha matte for every person or object in a shot.

Importing this package is cheap: what a name needs is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vimatte._version import __version__
from vimatte.errors import VimatteError
from vimatte.models.instruction_set import settle_by_environment

if TYPE_CHECKING:
    from vimatte.frames.frame_range import FrameRange
    from vimatte.frames.window import Window
    from vimatte.session import FrameResult, MatteSession, Plan, Shot
    from vimatte.session.one_call import matte
    from vimatte.session.settings import Settings

__all__ = [
    "FrameRange",
    "FrameResult",
    "MatteSession",
    "Plan",
    "Settings",
    "Shot",
    "VimatteError",
    "Window",
    "__version__",
    "matte",
]

_HOMES = {
    "FrameRange": "vimatte.frames.frame_range",
    "Window": "vimatte.frames.window",
    "FrameResult": "vimatte.session",
    "MatteSession": "vimatte.session",
    "Plan": "vimatte.session",
    "Shot": "vimatte.session",
    "Settings": "vimatte.session.settings",
    "matte": "vimatte.session.one_call",
}


# Before anything that reads it is imported.
settle_by_environment()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
