# SPDX-License-Identifier: GPL-3.0-or-later
"""Put results on the timeline: matte strips, isolated copies, groups; a second time: update."""

from __future__ import annotations

from pathlib import Path

from . import compat
from .source import Source

TRANSFORM = ("offset_x", "offset_y", "scale_x", "scale_y", "rotation", "origin")
CROP = ("min_x", "max_x", "min_y", "max_y")
# Blender takes no mask from a strip that is muted or wholly transparent; this is less than half a
# step of 8 bits.
UNSEEN = 0.0001
HANDLES = ("frame_start", "frame_offset_start", "frame_offset_end")


def wire(context, scene, strip, source: Source, folders: dict, settings) -> list[str]:
    """Add or update the strips of every instance.

    Parameters
    ----------
    folders : dict
        Instance name and id to the folder of its matte files.

    Returns
    -------
    list of str
        The names of the strips that show the instances.
    """
    shown, style = [], settings.result
    for (name, identity), folder in folders.items():
        tag = f"{strip['vimatte_shot']}:{identity}"
        matte = _tagged(scene, tag, "matte")
        if matte is None:
            matte = _new_matte(scene, strip, f"{strip.name} {name} matte", source, folder)
            _mark(matte, tag, "matte")
            matte.select = False
        _fill(matte, source, folder)
        _follow(matte, strip, source, is_mask=style != "MATTE")
        if style == "MATTE":
            matte.mute, matte.blend_alpha = False, 1.0
            shown.append(matte.name)
            continue
        matte.mute, matte.blend_alpha = False, UNSEEN
        copy = _tagged(scene, tag, "isolate")
        if copy is None:
            copy = compat.duplicate(context, scene, strip)
            _mark(copy, tag, "isolate")
            _place(scene, copy)
            copy.name = f"{strip.name} {name}"
            _mask(context, scene, copy, matte)
            if settings.group or style == "CUTOUT":
                _group(scene, (copy, matte), f"{strip.name} {name} cut-out", tag)
        else:
            for handle in HANDLES:
                setattr(copy, handle, getattr(strip, handle))
        copy.blend_type, copy.mute = "ALPHA_OVER", False
        shown.append(copy.name)
    return shown


def _tagged(scene, tag: str, role: str):
    every = compat.all_strips(scene.sequence_editor)
    return next((s for s in every if s.get("vimatte_result") == f"{tag}:{role}"), None)


def _mark(strip, tag: str, role: str) -> None:
    strip["vimatte_result"] = f"{tag}:{role}"
    if "vimatte_shot" in strip:  # a copy carries its source's
        del strip["vimatte_shot"]


def _free_channel(scene, first: int, last: int, above: int) -> int:
    """Return the lowest channel above a strip's that is free in a range of frames."""
    taken = {
        s.channel
        for s in compat.strips(scene.sequence_editor)
        if s.frame_final_start < last and s.frame_final_end > first
    }
    return next(c for c in range(above + 1, above + len(taken) + 2) if c not in taken)


def _place(scene, strip) -> None:
    """Move a copy, which Blender puts anywhere, to a free channel above."""
    first, last = strip.frame_final_start, strip.frame_final_end
    home, strip.channel = strip.channel, 128
    strip.channel = _free_channel(scene, first, last, min(home, 100) - 1)


def _new_matte(scene, strip, name: str, source: Source, folder: str):
    files = sorted(path.name for path in Path(folder).glob("*.exr"))
    channel = _free_channel(scene, source.start, source.start + len(source.frames), strip.channel)
    return compat.strips(scene.sequence_editor).new_image(
        name=name,
        filepath=str(Path(folder) / files[0]),
        channel=channel,
        frame_start=source.start,
        fit_method="ORIGINAL",
    )


def _fill(matte, source: Source, folder: str) -> None:
    """Give the matte one file for each timeline frame of the source's content."""
    names = [f"{frame:04d}.exr" for frame in source.frames]
    elements = matte.elements
    while len(elements) > len(names):
        elements.pop(len(elements) - 1)
    for index, name in enumerate(names):
        if index < len(elements):
            elements[index].filename = name
        else:
            elements.append(name)
    matte.directory = folder
    matte.colorspace_settings.name = "Non-Color"
    # Blender takes a matte's alpha from its colours; all four channels hold it.
    matte.alpha_mode = "PREMUL"


def _follow(matte, strip, source: Source, *, is_mask: bool) -> None:
    """Give the matte the source's handles, transform, flips and crop."""
    matte.frame_start = strip.frame_start
    # Handles are set on the timeline: a retimed source counts them in other units.
    matte.frame_final_start, matte.frame_final_end = source.timing.visible
    # A matte of rendered frames was drawn with the flips, another one was not; and what is masked
    # before its flips must not meet a mask that has them.
    flipped = bool(source.rendered) == (is_mask and compat.MASKED_BEFORE_FLIPS)
    matte.use_flip_x = strip.use_flip_x and flipped
    matte.use_flip_y = strip.use_flip_y and flipped
    if source.rendered:
        return
    for name in TRANSFORM:
        setattr(matte.transform, name, getattr(strip.transform, name))
    if hasattr(strip.transform, "filter"):
        matte.transform.filter = strip.transform.filter
    for name in CROP:
        setattr(matte.crop, name, getattr(strip.crop, name))


def _mask(context, scene, copy, matte) -> None:
    with compat.sequencer(context, scene):
        modifier = copy.modifiers.new(name="Instance matte", type="MASK")
        modifier.input_mask_type = "STRIP"
        modifier.input_mask_strip = matte


def _group(scene, members, name: str, tag: str) -> None:
    first = min(s.frame_final_start for s in members)
    last = max(s.frame_final_end for s in members)
    above = max(s.channel for s in members)
    channel = _free_channel(scene, first, last, above)
    meta = compat.strips(scene.sequence_editor).new_meta(name, channel, first)
    for member in members:
        member.move_to_meta(meta)
    meta.frame_final_start, meta.frame_final_end = first, last
    meta.blend_type = "ALPHA_OVER"
    meta["vimatte_result"] = f"{tag}:group"
