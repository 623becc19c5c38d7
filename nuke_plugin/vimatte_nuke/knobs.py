"""The node's knobs: four tabs, Instances last, because a row is added at the end."""

from __future__ import annotations

import nuke

TAG = "vimatte"
SCHEMA = "1"
GUIDANCE = (
    *("people", "alpha of guidance", "layers of guidance", "mask files"),
    "Cryptomatte of guidance",
)
MODELS = ("msgvim-lite", "msgvim")
DEVICES = ("auto", "cpu", "cuda")
QUALITIES = ("final", "draft")
KEEP = ("everything", "rgba and instances", "instances only")
VIEWS = ("layers", "alpha", "overlay", "checkerboard", "isolated")
_CALL = "import vimatte_nuke.commands; vimatte_nuke.commands.{0}(nuke.thisNode())"


def _button(name: str, label: str, tip: str, new_line: bool = False) -> nuke.PyScript_Knob:
    knob = nuke.PyScript_Knob(name, label, _CALL.format(name))
    knob.setTooltip(tip)
    if new_line:
        knob.setFlag(nuke.STARTLINE)
    return knob


def _text(name: str, label: str, tip: str, value: str = "") -> nuke.String_Knob:
    knob = nuke.String_Knob(name, label)
    knob.setTooltip(tip)
    knob.setValue(value)
    return knob


def _hidden(knob: nuke.Knob, *flags: int) -> nuke.Knob:
    for flag in (nuke.INVISIBLE, *flags):
        knob.setFlag(flag)
    return knob


def matte_tab() -> list[nuke.Knob]:
    """Return the knobs of the tab Matte, the node's tag among them."""
    guidance = nuke.Enumeration_Knob("guidance_mode", "guidance", list(GUIDANCE))
    guidance.setTooltip(
        "Where the instances come from: people are found by themselves; or masks, from the alpha"
        " from every layer or from a Cryptomatte of the second input, or from files"
    )
    masks = nuke.File_Knob("masks", "mask files")
    masks.setTooltip("A folder with a folder an instance, or one sequence of EXR layers")
    weights = nuke.File_Knob("weights", "weights")
    weights.setTooltip("A file of weights for the model; empty: those vimatte comes with")
    status = nuke.Text_Knob("status", "status", "no mattes yet")
    status.setFlag(nuke.DO_NOT_WRITE)
    return [
        nuke.Tab_Knob("matte_tab", "Matte"),
        _hidden(_text(TAG, "", "", SCHEMA)),
        _hidden(_text("run_token", "", ""), nuke.DO_NOT_WRITE),
        _hidden(_text("matted_from", "", "")),
        _hidden(_text("farmed_from", "", "")),
        _hidden(nuke.Boolean_Knob("matted", "")),
        _hidden(nuke.Boolean_Knob("colour_there", "")),
        _hidden(nuke.Boolean_Knob("crypto_there", "")),
        _hidden(nuke.Double_Knob("any_solo", "")),
        _text("frames", "frames", "1001-1100, 1-99x2 or 1,5,10-20; the script's numbers"),
        guidance,
        masks,
        nuke.Enumeration_Knob("model", "model", list(MODELS)),
        weights,
        nuke.Enumeration_Knob("device", "device", list(DEVICES)),
        nuke.Enumeration_Knob("quality", "quality", list(QUALITIES)),
        _text(
            "names",
            "names",
            "Of the instances, in the order they are found: anna,ben. With a Cryptomatte: which of"
            " its objects; empty: all",
        ),
        _button("find_people", "Find people", "Find people, or read the masks", True),
        _button("matte", "Matte", "Compute what is missing and show it"),
        _button("cancel", "Cancel", "Stop; finished frames are kept"),
        status,
    ]


def output_tab() -> list[nuke.Knob]:
    """Return the knobs of the tab Output."""
    keep = nuke.Enumeration_Knob("keep", "layers kept", list(KEEP))
    keep.setTooltip(
        "Of the plate: everything, its rgba, or nothing. An instance's own layer leaves the stream"
        " by its row on the tab Instances"
    )
    foreground = nuke.Boolean_Knob("foreground", "premultiplied foreground", False)
    foreground.setTooltip(
        "Red, green and blue beside every instance's alpha: its colour without the old background,"
        " times its alpha. Matte again after it was turned on"
    )
    cryptomatte = nuke.Boolean_Knob("cryptomatte", "Cryptomatte", False)
    cryptomatte.setTooltip(
        "The instances as a Cryptomatte too, for pickers. Matte again after it was turned on"
    )
    cryptomatte.clearFlag(nuke.STARTLINE)
    view = nuke.Enumeration_Knob("matte_view", "matte view", list(VIEWS))
    view.setTooltip(
        "layers: the plate with a layer an instance. The others show the mattes, of the solo"
        " instances or of all; isolated: the plate premultiplied by them"
    )
    return [nuke.Tab_Knob("output_tab", "Output"), keep, foreground, cryptomatte, view]


def session_tab() -> list[nuke.Knob]:
    """Return the knobs of the tab Session."""
    out = nuke.File_Knob("out", "output folder")
    out.setTooltip("Holds session.json and the published versions; by default beside the script")
    cache = nuke.File_Knob("cache", "cache folder")
    cache.setTooltip("Empty: in the output folder")
    environment = nuke.File_Knob("environment", "vimatte environment")
    environment.setTooltip("Empty: what install.py made for this user, or $VIMATTE_PYTHON")
    version = nuke.Text_Knob("version", "version", "-")
    version.setFlag(nuke.DO_NOT_WRITE)
    session = nuke.Text_Knob("session", "session file", "-")
    session.setFlag(nuke.DO_NOT_WRITE)
    return [
        nuke.Tab_Knob("session_tab", "Session"),
        out,
        cache,
        session,
        _text("views", "views", "Which views are matted, e.g. left,right; one output folder each"),
        _text("colorspace", "colour space", "auto: the project's working space", "auto"),
        _text("ocio", "OCIO config", "Empty: the project's"),
        environment,
        version,
        _button("qc_page", "QC page", "Open the report of the last run", True),
        _button("farm_bundle", "Farm bundle", "Write a job for the farm into the output folder"),
        _button("pick_up", "Newest version", "Show what was published last, e.g. by the farm"),
        _button("refresh", "Refresh", "Look whether the plate or the mattes have changed"),
        _button("clear", "Clear", "Show no mattes; no file is deleted"),
    ]


def instances_tab() -> list[nuke.Knob]:
    """Return the tab of the instances; `instance_row` adds to it."""
    return [nuke.Tab_Knob("instances_tab", "Instances")]


def instance_row(number: int) -> list[nuke.Knob]:
    """Return the knobs of an instance, by its id."""
    enable = nuke.Boolean_Knob(f"on_{number}", "enable", True)
    enable.setFlag(nuke.STARTLINE)
    solo = nuke.Boolean_Knob(f"solo_{number}", "solo", False)
    solo.clearFlag(nuke.STARTLINE)
    name = nuke.String_Knob(f"name_{number}", "name")
    name.clearFlag(nuke.STARTLINE)
    colour = nuke.Color_Knob(f"colour_{number}", "")
    colour.clearFlag(nuke.STARTLINE)
    colour.setFlag(nuke.NO_ANIMATION)
    return [enable, solo, name, colour]


def rows(node: nuke.Group) -> list[int]:
    """Return the ids of the instances the node has rows for."""
    names = [name for name in node.knobs() if name.startswith("on_")]
    return sorted(int(name[3:]) for name in names if name[3:].isdigit())
