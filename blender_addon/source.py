# SPDX-License-Identifier: GPL-3.0-or-later
"""What a strip is made of: the plate for the worker, and the plate's frame at each frame."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import bpy

from . import compat
from .timing import Timing

NUMBERED = re.compile(r"^(.*?)(\d+)(\.[^.]+)$")
PICTURES = ("MOVIE", "IMAGE", "SCENE", "META", "MOVIECLIP")


class SourceError(Exception):
    """The strip cannot be matted; the message says why and what to do."""


@dataclass(frozen=True)
class Source:
    """A strip as a plate.

    Attributes
    ----------
    plate : str
        For the worker; empty where the frames are to be rendered.
    frames : list of int
        The plate's frame for every timeline frame of the strip's content.
    start : int
        The timeline frame of the content's first one.
    wanted : tuple of int
        The first and the last plate frame to matte.
    rendered : str
        Why the frames go through the sequencer; empty where they do not.
    timing : Timing
    total : int
        Frames of the whole plate.
    """

    plate: str
    frames: list[int]
    start: int
    wanted: tuple[int, int]
    rendered: str
    timing: Timing
    total: int = 0


def check(strip) -> None:
    """Raise SourceError for a strip that has no picture."""
    if strip is None:
        raise SourceError("No strip is selected: select a movie or image strip")
    if strip.type not in PICTURES:
        raise SourceError(f"A {strip.type.lower()} strip has no people: select a movie or image")


def absolute(path: str) -> str:
    """Return a path of the file as the system has it. Raises SourceError for an unsaved file."""
    if path.startswith("//") and not bpy.data.filepath:
        raise SourceError("This file is not saved, so its relative paths lead nowhere: save it")
    return bpy.path.abspath(path)


def portable(path: str, like: str) -> str:
    """Return a path from the .blend where `like` is one, so that both may be moved."""
    return bpy.path.relpath(path) if path and like.startswith("//") else path


def read(scene, strip, window: tuple[int, int], *, through: bool = False) -> Source:
    """Look at a strip.

    Parameters
    ----------
    window : tuple of int
        The first and the last frame of the timeline that is asked for.
    through : bool
        Render in any case.

    Raises
    ------
    SourceError
    """
    check(strip)
    shown = (
        max(strip.frame_final_start, window[0]),
        min(strip.frame_final_end - 1, window[1]),
    )
    if shown[0] > shown[1]:
        raise SourceError("The strip lies outside of the range: choose another range")
    why = "its masks or its frames are the scene's" if through else _why_rendered(scene, strip)
    plate, numbers, timing = "", [], _timing(scene, strip, _count(strip))
    if not why:
        plate, numbers = _media(strip)
        why = "" if plate else "its pictures are not one numbered sequence"
    start = round(timing.start)
    if why:
        return Source("", [start + k for k in range(timing.length)], start, shown, why, timing)
    frames = [numbers[min(k, len(numbers) - 1)] for k in timing.content()]
    used = [frames[min(max(t - start, 0), len(frames) - 1)] for t in range(shown[0], shown[1] + 1)]
    wanted = (min(used), max(used))
    return Source(plate, frames, start, wanted, "", timing, len(numbers))


def _why_rendered(scene, strip) -> str:
    if strip.type not in ("MOVIE", "IMAGE"):
        return f"it is a {strip.type.lower()} strip"
    if any(not m.mute for m in strip.modifiers):
        return "it carries modifiers"
    if len(getattr(strip, "retiming_keys", ())) > 2:
        return "its speed changes"
    name = bpy.utils.escape_identifier(strip.name)
    for curve in compat.curves(scene):
        moves = ".transform." in curve.data_path or ".crop." in curve.data_path
        if moves and f'["{name}"]' in curve.data_path:
            return "its transform is animated"
    return ""


def _media(strip) -> tuple[str, list[int]]:
    """Return the plate's path and its frame numbers in order; an empty path: not one plate."""
    if strip.type == "MOVIE":
        path = absolute(strip.filepath)
        if not Path(path).is_file():
            raise SourceError(f"The strip's file is missing: {path}")
        return path, list(range(1, _count(strip) + strip_first(strip) + 1 + strip_last(strip)))
    folder = Path(absolute(strip.directory))
    names = [element.filename for element in strip.elements]
    if not names or not (folder / names[0]).is_file():
        raise SourceError(f"The strip's file is missing: {folder / (names or ['?'])[0]}")
    if len(names) == 1:
        return str(folder / names[0]), [_number(names[0])]
    parts = [NUMBERED.match(name) for name in names]
    if not all(parts):
        return "", []
    numbers = [int(p[2]) for p in parts]
    if len({(p[1], p[3], len(p[2])) for p in parts}) > 1 or numbers != sorted(set(numbers)):
        return "", []
    first = parts[0]
    return str(folder / f"{first[1]}{'#' * len(first[2])}{first[3]}"), numbers


def _number(name: str) -> int:
    found = NUMBERED.match(name)
    return int(found[2]) if found else 1


def strip_first(strip) -> int:
    """Return how many source frames a hard trim takes off the beginning."""
    return int(getattr(strip, "animation_offset_start", 0))


def strip_last(strip) -> int:
    """Return how many source frames a hard trim takes off the end."""
    return int(getattr(strip, "animation_offset_end", 0))


def _count(strip) -> int:
    """Return the source frames of the content, after a hard trim."""
    if strip.type == "IMAGE":
        return max(1, len(strip.elements) - strip_first(strip) - strip_last(strip))
    if strip.type != "MOVIE":
        return max(1, int(strip.frame_duration))
    path = absolute(strip.filepath)
    if not Path(path).is_file():
        raise SourceError(f"The strip's file is missing: {path}")
    # Newer versions scale frame_duration by speed; only a clip tells the movie's own count.
    clip = bpy.data.movieclips.load(path, check_existing=False)
    try:
        total = clip.frame_duration
    finally:
        bpy.data.movieclips.remove(clip)
    return max(1, total - strip_first(strip) - strip_last(strip))


def _timing(scene, strip, count: int) -> Timing:
    visible = (strip.frame_final_start, strip.frame_final_end)
    length = round(strip.frame_final_duration + strip.frame_offset_start + strip.frame_offset_end)
    keys = [key.timeline_frame for key in getattr(strip, "retiming_keys", ())]
    rate = 1.0
    if strip.type == "MOVIE" and length != count and not keys:
        rate = strip.fps / (scene.render.fps / scene.render.fps_base)
    return Timing(
        start=strip.frame_start,
        length=length,
        count=count,
        first=strip_first(strip),
        visible=visible,
        rate=rate,
        reverse=bool(getattr(strip, "use_reverse_frames", False)),
        strobe=float(getattr(strip, "strobe", 1.0)),
        keys=(keys[0], keys[-1]) if len(keys) > 1 else None,
        until_last=bpy.app.version < (5, 0, 0),
    )


def window_of(scene, strip, choice: str) -> tuple[int, int]:
    """Return the timeline's range that the user chose."""
    if choice == "SCENE":
        return scene.frame_start, scene.frame_end
    if choice == "PREVIEW" and scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end
    return strip.frame_final_start, strip.frame_final_end - 1


def find(scene, tag: str):
    """Return the strip that carries a shot's tag, whatever its name is now; or None."""
    editor = scene.sequence_editor
    if editor is None or not tag:
        return None
    return next((s for s in compat.strips(editor) if s.get("vimatte_shot") == tag), None)
