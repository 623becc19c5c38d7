"""What is inside of the group, as it is made; `rows` adds a few nodes an instance.

::

    plate ─┬─ stamp_plate ─ export_plate (Write, off)
           ├─ plate_kept ──── B copy_mattes A ─ drop.. ─ no_rgba ─ range ─ which_read ─ read_*
           │                        │
           │                  B copy_crypto A ─ crypto_no_rgba ─ which_crypto ─ crypto_*
           │                        └ meta_crypto ─ use_crypto
           └─ use_mattes ─ view ─ show_mark ─ Output
    guidance ─ crypto_pick ─ stamp_guidance ─ export_guidance (Write, off)

Everything is an ordinary node with ordinary expressions: a script opens and shows its mattes
where the plug-in is missing. Of every pair of Reads, the strict one is for renders: where a file is
missing it stops them. The other one is black there, for the interface.
"""

from __future__ import annotations

import nuke

# The first branch counts on a farm or in a terminal: it shows the mattes or fails.
SHOW = "max(parent.matted, 1-$gui)"
CRYPTO = "parent.cryptomatte*max(parent.crypto_there, 1-$gui)"
NO_COLOUR = "parent.foreground*(1-parent.colour_there)*(1-$gui)"
PAIRS = (("read_strict", "read_gui"), ("crypto_strict", "crypto_gui"))


def fill() -> None:
    """Make the nodes inside of the current group."""
    plate = nuke.nodes.Input(name="plate")
    guidance = nuke.nodes.Input(name="guidance")
    _export("plate", plate, "rgb")
    _export("guidance", _crypto_pick(guidance), "all")
    strict, gui = _pair(*PAIRS[0])
    which = _switch("which_read", [strict, gui], "$gui")
    # Without a file it stops a render, which asks for colours the version does not have.
    nothing = nuke.nodes.Read(name="no_colour", on_error="error")
    which = _switch("colour_or_fail", [which, nothing], NO_COLOUR)
    limits = nuke.nodes.FrameRange(name="range", inputs=[which])
    # Without it the default layer of the mattes' files would cover the plate's.
    no_rgba = _remove("no_rgba", limits, "remove", "rgba")
    copy = _copy_all("copy_mattes", _kept(plate), no_rgba)
    use = _switch("use_mattes", [plate, _cryptomatte(copy)], SHOW)
    nuke.nodes.Output(name="Output1", inputs=[_mark(_views(limits, use), gui)])


def _crypto_pick(guidance: nuke.Node) -> nuke.Node:
    """Add what turns one object of a Cryptomatte into alpha; off, but while it is exported."""
    pick = nuke.nodes.Expression(name="crypto_pick", inputs=[guidance])
    pick["disable"].setValue(True)
    return pick


def _export(of: str, source: nuke.Node, channels: str) -> nuke.Node:
    # The digest of what is upstream, as an attribute of every file.
    stamp = nuke.nodes.ModifyMetaData(name="stamp_" + of, inputs=[source])
    write = nuke.nodes.Write(name="export_" + of, inputs=[stamp])
    write["channels"].setValue(channels)
    write["file_type"].setValue("exr")  # the next knobs are there from now on
    write["datatype"].setValue("16 bit half")
    write["compression"].setValue("Zip (1 scanline)")
    write["metadata"].setValue("all metadata except input/*")
    write["raw"].setValue(True)
    write["create_directories"].setValue(True)
    write["disable"].setValue(True)  # a render of the script must not render it too
    return write


def _read(name: str, on_error: str) -> nuke.Node:
    read = nuke.nodes.Read(name=name, raw=True, on_error=on_error)
    read["before"].setValue("black")
    read["after"].setValue("black")
    return read


def _pair(strict: str, gui: str) -> list[nuke.Node]:
    return [_read(strict, "error"), _read(gui, "black")]


def _switch(name: str, inputs: list[nuke.Node], which: str) -> nuke.Node:
    switch = nuke.nodes.Switch(name=name, inputs=inputs)
    switch["which"].setExpression(which)
    return switch


def _remove(name: str, source: nuke.Node, operation: str, channels: str) -> nuke.Node:
    remove = nuke.nodes.Remove(name=name, inputs=[source], operation=operation)
    remove["channels"].setValue(channels)
    return remove


def _copy_all(name: str, under: nuke.Node, given: nuke.Node) -> nuke.Node:
    copy = nuke.nodes.Copy(name=name, inputs=[under, given])
    # A Copy made in the toolbar copies alpha to alpha: that would be an empty one.
    copy["from0"].setValue("none")
    copy["to0"].setValue("none")
    copy["channels"].setValue("all")
    return copy


def _kept(plate: nuke.Node) -> nuke.Node:
    """Add what the knob `keep` chooses from."""
    rgba = _remove("keep_rgba", plate, "keep", "rgba")
    nothing = _remove("keep_nothing", plate, "remove", "all")
    return _switch("plate_kept", [plate, rgba, nothing], "parent.keep")


def _cryptomatte(layers: nuke.Node) -> nuke.Node:
    which = _switch("which_crypto", _pair(*PAIRS[1]), "$gui")
    copy = _copy_all("copy_crypto", layers, _remove("crypto_no_rgba", which, "remove", "rgba"))
    # A Copy keeps the metadata of its B input: pickers would find no manifest.
    meta = nuke.nodes.CopyMetaData(name="meta_crypto", inputs=[copy, which])
    return _switch("use_crypto", [layers, meta], CRYPTO)


def _views(mattes: nuke.Node, layers: nuke.Node) -> nuke.Node:
    """Add what the knob `matte view` chooses from."""
    whole = nuke.nodes.Shuffle(name="all_alpha", inputs=[mattes])
    whole["in"].setValue("rgba")
    for channel in ("red", "green", "blue", "alpha"):
        whole[channel].setValue("alpha")
    red = nuke.nodes.Multiply(name="all_tint", inputs=[whole])
    red["channels"].setValue("rgb")
    red["value"].setValue([0.5, 0.1, 0.1, 1.0])
    # `rows` connects both to the instances.
    pick = nuke.nodes.NoOp(name="pick", inputs=[whole])
    tint = nuke.nodes.NoOp(name="tint", inputs=[red])
    overlay = merge("overlay", layers, tint, "plus", "rgb")
    cut = nuke.nodes.Copy(name="cut", inputs=[layers, pick])
    cut["from0"].setValue("rgba.alpha")
    cut["to0"].setValue("rgba.alpha")
    isolated = nuke.nodes.Premult(name="isolated", inputs=[cut])
    checker = nuke.nodes.CheckerBoard2(name="checker")
    over = merge("over_checker", checker, isolated, "over", "rgba")
    return _switch("view", [layers, pick, overlay, over, isolated], "parent.matte_view")


def _mark(view: nuke.Node, gui: nuke.Node) -> nuke.Node:
    """Mark a picture whose matte is missing, in the interface only.

    The same file is read twice, black and checkered where it is missing: the difference is a
    checkerboard there, and nothing anywhere else. So no expression has to look for files.
    """
    difference = merge("missing", gui, _read("read_mark", "checkerboard"), "minus", "rgb")
    marked = merge("marked", view, difference, "plus", "rgb")
    marked["bbox"].setValue("B")
    return _switch("show_mark", [view, marked], "parent.matted*$gui")


def merge(name: str, under: nuke.Node, over: nuke.Node, operation: str, output: str) -> nuke.Node:
    """Return a Merge of A over B that gives some channels."""
    made = nuke.nodes.Merge2(name=name, inputs=[under, over], operation=operation)
    made["output"].setValue(output)
    return made
