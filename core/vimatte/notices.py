"""What a user should know about what they gave, before they trust a matte made from it.

An error stops a run. A notice does not: it says that a file or a frame is not used, or that a
picture may not be what it seems to be. Every notice of a session is said once on the console,
by ``vimatte plan``, on the QC page, with ``--json`` and by the worker.
"""

from __future__ import annotations

from dataclasses import dataclass

from vimatte.errors import one_line

# Characters of the frames in a line for people; programs get them all.
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that the user should know about their input.

    Attributes
    ----------
    code : str
        What kind of notice it is, for programs, e.g. ``plate-hole``. Never changes once released.
    message : str
        What was noticed, as one clause without a trailing full stop.
    frames : str
        The plate's frames concerned, as `vimatte.frames.frame_range.FrameRange` writes them;
        empty where it concerns none in particular.
    path : str, optional
        The file or folder it is about.
    hint : str, optional
        What the user can do about it.
    """

    code: str
    message: str
    frames: str = ""
    path: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        """One line in the form of an error's: message, frames, path and hint."""
        frames = ""
        if self.frames:
            one = self.frames.removeprefix("-").isdigit()
            text = self.frames if len(self.frames) <= _LONGEST else f"{self.frames[:_LONGEST]}..."
            frames = f"{'frame' if one else 'frames'} {text}"
        return one_line(self.message, frames, self.path, self.hint)

    def to_json(self) -> dict[str, str | None]:
        """Return it as an object, for ``--json`` and the worker."""
        return {
            "code": self.code,
            "message": self.message,
            "frames": self.frames or None,
            "path": self.path,
            "hint": self.hint,
        }
