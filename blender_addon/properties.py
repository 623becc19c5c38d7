# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept in the .blend: the settings, and what is known of each strip."""

from __future__ import annotations

import uuid

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatVectorProperty,
    IntProperty,
    StringProperty,
)

from . import compositor
from .source import find, portable

# From 4.5 on, Blender warns of a path that begins with // unless it is told of them.
RELATIVE = {"options": {"PATH_SUPPORTS_BLEND_RELATIVE"}} if bpy.app.version >= (4, 5, 0) else {}
COMPOSITOR = [
    ("COMPOSITOR", "Isolate by compositor", "A copy with a compositor modifier on the layered EXR")
] * compositor.AVAILABLE


class VIMATTE_PG_instance(bpy.types.PropertyGroup):
    """One person or object of a strip."""

    identity: IntProperty()
    name: StringProperty(name="Name", description="Letters, digits and _; the layer's name")
    enabled: BoolProperty(name="Matte", default=True)
    colour: FloatVectorProperty(subtype="COLOR", size=3, min=0, max=1)
    first: IntProperty()
    last: IntProperty()
    frames: IntProperty()
    thumbnail: StringProperty()


class VIMATTE_PG_shot(bpy.types.PropertyGroup):
    """A strip that was looked at; `name` is its tag."""

    message: StringProperty()
    failed: BoolProperty()
    folder: StringProperty()  # may begin with //
    published: StringProperty()
    qc: StringProperty()
    instances: CollectionProperty(type=VIMATTE_PG_instance)
    active: IntProperty()


class VIMATTE_PG_settings(bpy.types.PropertyGroup):
    """The scene's settings."""

    guidance: EnumProperty(
        name="Guidance",
        description="Where the instances come from",
        items=[
            ("PEOPLE", "People", "Found by themselves"),
            ("MASKS", "Masks", "This file's masks, drawn on keyframes; one instance each"),
            ("STRIPS", "Mask strips", "Mask strips of the timeline; one instance each"),
        ],
    )
    model: StringProperty(name="Model", default="msgvim-lite")
    device: EnumProperty(
        name="Device",
        items=[
            ("auto", "Automatic", "A graphics card where there is one"),
            ("cpu", "Processor", ""),
            ("cuda", "Graphics card", ""),
        ],
    )
    quality: EnumProperty(
        name="Quality",
        items=[("final", "Final", ""), ("draft", "Draft", "Faster, softer edges")],
    )
    frames: EnumProperty(
        name="Range",
        items=[
            ("STRIP", "Strip", "All that the strip shows"),
            ("PREVIEW", "Preview range", "Where one is set"),
            ("SCENE", "Scene", "The scene's start to its end"),
        ],
    )
    result: EnumProperty(
        name="Result",
        items=[
            ("ISOLATE", "Isolate", "A copy of the strip that shows only the instance"),
            ("MATTE", "Matte only", "The matte as a strip"),
            ("CUTOUT", "Cut-out", "A transparent strip, its old background removed from its edges"),
            *COMPOSITOR,
        ],
    )
    group: BoolProperty(name="Group", description="Put each instance's strips in a meta strip")
    folder: StringProperty(
        name="Folder",
        description="Where mattes go; // is this file's folder",
        subtype="DIR_PATH",
        default="//vimatte",
        **RELATIVE,
    )
    shots: CollectionProperty(type=VIMATTE_PG_shot)


CLASSES = (VIMATTE_PG_instance, VIMATTE_PG_shot, VIMATTE_PG_settings)


def shot_of(scene, strip):
    """Return what is known of a strip, or None."""
    tag = "" if strip is None else strip.get("vimatte_shot", "")
    return scene.vimatte.shots.get(tag) if tag else None


def make_shot(scene, strip):
    """Return what is known of a strip; tag it where it is new."""
    shot = shot_of(scene, strip)
    # A strip that was duplicated or cut in two has the tag of its original.
    if shot is None or find(scene, shot.name) != strip:
        shot = scene.vimatte.shots.add()
        shot.name = uuid.uuid4().hex[:12]
        strip["vimatte_shot"] = shot.name
    return shot


def take_instances(shot, rows: list[dict]) -> None:
    """Replace a shot's table by the worker's."""
    shot.instances.clear()
    for row in rows:
        item = shot.instances.add()
        item.identity, item.name, item.enabled = row["id"], row["name"], row["enabled"]
        item.colour = row["colour"]
        item.first, item.last, item.frames = row["first"], row["last"], row["frames"]
        item.thumbnail = portable(row["thumbnail"] or "", shot.folder)


def instance_rows(shot) -> list[dict]:
    """Return the table as a request has it."""
    return [
        {"id": item.identity, "name": item.name, "enabled": item.enabled} for item in shot.instances
    ]
