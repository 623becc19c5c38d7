# SPDX-License-Identifier: GPL-3.0-or-later
"""Put results on the timeline: matte strips, isolated copies, groups; a second time: update."""

from __future__ import annotations

from pathlib import Path

from . import compat, compositor
from .source import Source, SourceError, absolute

TRANSFORM = ("offset_x", "offset_y", "scale_x", "scale_y", "rotation", "origin")
CROP = ("min_x", "max_x", "min_y", "max_y")
# Blender takes no mask from a strip that is muted or wholly transparent; this is less than half a
# step of 8 bits.
UNSEEN = 0.0001
SHOWN = (
    *("animation_offset_start", "animation_offset_end", "frame_start"),
    *("frame_offset_start", "frame_offset_end", "use_reverse_frames", "strobe"),
    *("use_flip_x", "use_flip_y"),
)


#: The strips a result is made of; others of the same instance are an earlier choice's.
ROLES = {
    "ISOLATE": ("matte", "isolate"),
    "MATTE": ("matte",),
    "CUTOUT": ("cutout",),
    "COMPOSITOR": ("composited",),
}


def check(source: Source, result: str) -> None:
    """Raise SourceError where a strip cannot have a result."""
    if result == "COMPOSITOR" and (source.rendered or not compositor.in_step(source)):
        why = source.rendered or "its frames are not shown one after the other"
        raise SourceError(f"The compositor cannot mask this strip ({why}): choose Isolate")


def wire(context, scene, strip, source: Source, done: dict, rows: dict, result: str) -> list[str]:
    """Add or update the strips of every instance.

    Parameters
    ----------
    done : dict
        The worker's answer: where the files are.
    rows : dict
        Instance name to its id.
    result : str
        One of the scene's settings, when the run began.

    Returns
    -------
    list of str
        The names of the strips that show the instances.
    """
    style, shown = result if result in ROLES else "ISOLATE", []
    files = done["cutouts"] if style == "CUTOUT" else done["strips"]
    for name, identity in rows.items():
        if style != "COMPOSITOR" and name not in files:
            continue
        tag = f"{strip['vimatte_shot']}:{identity}"
        _remove_others(scene, tag, ROLES[style])
        title, made = f"{strip.name} {name}", []
        if style == "CUTOUT":
            top = _pictures(scene, strip, f"{title} cut-out", source, files[name], tag, "cutout")
            top.colorspace_settings.name = _linear(strip, source)
            _follow(top, strip, source, is_mask=False)
            top.blend_type = "ALPHA_OVER"
        elif style == "COMPOSITOR":
            top = _copy(context, scene, strip, title, tag, "composited")
            compositor.mask(context, scene, top, source, done, name, tag)
        else:
            matte = _pictures(scene, strip, f"{title} matte", source, files[name], tag, "matte")
            matte.colorspace_settings.name = "Non-Color"
            _follow(matte, strip, source, is_mask=style != "MATTE")
            matte.blend_alpha = 1.0 if style == "MATTE" else UNSEEN
            matte.mute, top = False, matte
            if style == "ISOLATE":
                top = _copy(context, scene, strip, title, tag, "isolate")
                _mask(context, scene, top, matte)
                made.append(matte)
        top.mute = False
        _group(scene, [top, *made], title, tag, wanted=scene.vimatte.group)
        shown.append(top.name)
    return shown


def _linear(strip, source: Source) -> str:
    """Return the colour space of a cut-out: the plate's own where that is scene-linear."""
    if not source.rendered and Path(source.plate).suffix.lower() == ".exr":
        return strip.colorspace_settings.name
    return compat.LINEAR


def _remove_others(scene, tag: str, roles: tuple[str, ...]) -> None:
    """Take an earlier choice's strips of an instance away."""
    keep = {f"{tag}:{role}" for role in (*roles, "group")}
    for owner, strip in list(compat.owned_strips(scene.sequence_editor)):
        mark = strip.get("vimatte_result", "")
        if mark.startswith(f"{tag}:") and mark not in keep:
            compat.strips(owner).remove(strip)


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


def _pictures(scene, strip, name: str, source: Source, folder: str, tag: str, role: str):
    """Return the tagged strip that shows one file for each timeline frame of the content."""
    made, names = _tagged(scene, tag, role), [f"{frame:04d}.exr" for frame in source.frames]
    if made is None:
        start = source.start
        there = Path(absolute(folder))
        first = min(path for path in there.glob("*.exr"))
        made = compat.strips(scene.sequence_editor).new_image(
            name=name,
            filepath=str(first),
            channel=_free_channel(scene, start, start + len(source.frames), strip.channel),
            frame_start=start,
            fit_method="ORIGINAL",
        )
        _mark(made, tag, role)
        made.select = False
    elements = made.elements
    while len(elements) > len(names):
        elements.pop(len(elements) - 1)
    for index, file in enumerate(names):
        if index < len(elements):
            elements[index].filename = file
        else:
            elements.append(file)
    made.directory = folder
    # Of a matte, Blender takes the colours for alpha; all four channels hold it.
    made.alpha_mode = "PREMUL"
    return made


def _copy(context, scene, strip, name: str, tag: str, role: str):
    """Return the tagged copy of a strip, with the timing and the transform it has now."""
    copy = _tagged(scene, tag, role)
    if copy is not None and _keys(copy) == _keys(strip):
        for owner, names in ((None, SHOWN), ("transform", (*TRANSFORM, "filter")), ("crop", CROP)):
            ours, theirs = ((getattr(s, owner) if owner else s) for s in (copy, strip))
            for key in names:
                if hasattr(theirs, key):
                    setattr(ours, key, getattr(theirs, key))
        return copy
    inside = None
    if copy is not None:  # only a new copy takes over retiming
        every = compat.owned_strips(scene.sequence_editor)
        inside = next(owner for owner, other in every if other == copy)
        name = copy.name
        compat.strips(inside).remove(copy)
    copy = compat.duplicate(context, scene, strip)
    _mark(copy, tag, role)
    _place(scene, copy)
    copy.name, copy.blend_type = name, "ALPHA_OVER"
    if inside is not None and inside != scene.sequence_editor:
        copy.move_to_meta(inside)
    return copy


def _keys(strip) -> list[int]:
    """Return where a strip changes its speed, counted from its start."""
    start = round(strip.frame_start)
    return [round(k.timeline_frame) - start for k in getattr(strip, "retiming_keys", ())]


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
    name = "Instance matte"
    modifier = copy.modifiers.get(name)
    with compat.sequencer(context, scene):
        modifier = modifier or copy.modifiers.new(name=name, type="MASK")
        modifier.input_mask_type = "STRIP"
        modifier.input_mask_strip = matte


def _group(scene, members, name: str, tag: str, *, wanted: bool) -> None:
    """Put strips into their meta strip, or fit the one they are in to them."""
    first = min(s.frame_final_start for s in members)
    last = max(s.frame_final_end for s in members)
    meta, within = _tagged(scene, tag, "group"), []
    if meta is not None:
        within = [s.as_pointer() for s in compat.strips(meta)]
    elif not wanted:
        return
    else:
        channel = _free_channel(scene, first, last, max(s.channel for s in members))
        meta = compat.strips(scene.sequence_editor).new_meta(f"{name} group", channel, first)
        meta["vimatte_result"] = f"{tag}:group"
        meta.blend_type = "ALPHA_OVER"
    for member in members:
        if member.as_pointer() not in within:
            member.move_to_meta(meta)
    meta.frame_final_start, meta.frame_final_end = first, last
