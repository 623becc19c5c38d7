"""What the Nuke plug-in takes from memory, checked by name in a real Nuke.

    nuke -t tests/host_smoke/nuke_smoke.py [FOLDER]

needs a licence that runs scripts, and neither a display nor a network. FOLDER is for its files (a
temporary one by default). Every check prints one line; the last line counts them, and the exit
code is 1 where one failed. See docs/nuke-smoke-test.md for what each failure means.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from pathlib import Path

import nuke

PLUGIN = Path(__file__).resolve().parents[2] / "nuke_plugin"
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def must(condition, text):
    if not condition:
        raise AssertionError(text)


def raises(action):
    try:
        action()
    except RuntimeError as error:
        return str(error) or "it raised"
    raise AssertionError("nothing was raised")


def exr_write(folder, name, source, channels="all"):
    """Return a Write of ours, its file set."""
    from vimatte_nuke import graph

    write = graph._export(name, source, channels)
    write["file"].setValue((folder / name / "f.%04d.exr").as_posix())
    write["disable"].setValue(False)
    return write


def exr_read(write, last=1):
    read = nuke.nodes.Read(file=write["file"].value(), first=1, last=last, raw=True)
    read["on_error"].setValue("error")
    return read


def layered(folder, name="alpha_layer"):
    """Return a node with a layer `smoke01`, made of the red of a checkerboard."""
    if "smoke01" not in nuke.layers():
        nuke.Layer("smoke01", ["smoke01.alpha"])
    board = nuke.nodes.CheckerBoard2()
    copy = nuke.nodes.Copy(inputs=[board, board])
    copy["from0"].setValue("rgba.red")
    copy["to0"].setValue("smoke01.alpha")
    return copy


@check
def session_is_a_terminal(folder):
    must(not nuke.GUI, "run it with nuke -t")


@check
def group_is_built(folder):
    """The group, its knobs, flags and expressions can be made as `node.create` does."""
    from vimatte_nuke import commands

    node = commands.create()
    must(node.node("read_strict") is not None, "the group is empty")
    must(node["frames"].value(), "no default range")


@check
def group_opens_without_the_plug_in(folder):
    """nodeCopy and nodePaste keep every knob that is to be kept, and its values."""
    from vimatte_nuke import commands

    node = commands.create()
    node["names"].setValue("anna,ben")
    for other in nuke.allNodes():
        other.setSelected(False)
    node.setSelected(True)
    path = (folder / "group.nk").as_posix()
    nuke.nodeCopy(path)
    text = Path(path).read_text(encoding="utf-8")
    must("anna,ben" in text and "$gui" in text, "the script lacks knobs or expressions")
    pasted = nuke.nodePaste(path)
    must(pasted["names"].value() == "anna,ben", "a value is lost")
    must(pasted.node("read_strict")["raw"].value(), "raw is lost")
    must(pasted["run_token"].value() == "", "a knob that is not to be written was")


@check
def gui_variable_is_zero(folder):
    """The TCL variable gui is 0 in a terminal and with -x: a Switch on it takes input 0."""
    switch = nuke.nodes.Switch()
    switch["which"].setExpression("$gui")
    must(switch["which"].value() == 0, "gui is not 0")


@check
def parent_expressions(folder):
    """A knob inside of the group sees the group's; an enumeration counts from 0."""
    from vimatte_nuke import commands

    node = commands.create()
    must(node.node("use_mattes")["which"].value() == 1, "max(parent.matted, 1-$gui) is not 1")
    node["matte_view"].setValue("overlay")
    must(node.node("view")["which"].value() == 2, "parent.matte_view is not 2")


@check
def exr_write_knobs(folder):
    """After file_type exr a Write has datatype, compression and metadata with our values."""
    write = exr_write(folder, "knobs", nuke.nodes.CheckerBoard2())
    must(write["datatype"].value() == "16 bit half", "datatype")
    must(write["metadata"].value() == "all metadata except input/*", "metadata")
    must(write["raw"].value(), "raw")


@check
def layer_comes_back(folder):
    """A layer's alpha, written as EXR, is read back under the same name."""
    write = exr_write(folder, "layer", layered(folder))
    nuke.execute(write, 1, 1, 1)
    must("smoke01.alpha" in exr_read(write).channels(), "smoke01.alpha is not there")


@check
def copy_keeps_the_plates_rgba(folder):
    """Copy(all) of what Remove(rgba) leaves brings layers and no rgba."""
    write = exr_write(folder, "copied", layered(folder))
    nuke.execute(write, 1, 1, 1)
    remove = nuke.nodes.Remove(inputs=[exr_read(write)], operation="remove")
    remove["channels"].setValue("rgba")
    must(not any(c.startswith("rgba.") for c in remove.channels()), "rgba is still there")
    copy = nuke.nodes.Copy(inputs=[nuke.nodes.CheckerBoard2(), remove])
    copy["from0"].setValue("none")
    copy["to0"].setValue("none")
    copy["channels"].setValue("all")
    must({"rgba.red", "smoke01.alpha"} <= set(copy.channels()), "a channel is missing")


@check
def missing_files(folder):
    """A Read raises for a missing frame, however wide its range; on_error black does not."""
    write = exr_write(folder, "missing", nuke.nodes.CheckerBoard2())
    nuke.execute(write, 1, 1, 1)
    read = exr_read(write)
    read["first"].setValue(-1000000)
    read["last"].setValue(1000000)
    again = exr_write(folder, "missing_again", read)
    nuke.execute(again, 1, 1, 1)
    raises(lambda: nuke.execute(again, 2, 2, 1))
    read["on_error"].setValue("black")
    nuke.execute(again, 2, 2, 1)


@check
def overscan_is_exported(folder):
    """A Write keeps a bounding box that is larger than the format, and raw pixels."""
    grown = nuke.nodes.AdjBBox(inputs=[nuke.nodes.CheckerBoard2()])
    grown["numpixels"].setValue(20)
    write = exr_write(folder, "overscan", grown, "rgb")
    nuke.execute(write, 1, 1, 1)
    before, after = grown.bbox(), exr_read(write).bbox()
    must(before.w() == after.w() and before.h() == after.h(), "the box was cut")


@check
def frame_range_node(folder):
    """A FrameRange tells the range and passes every frame."""
    limits = nuke.nodes.FrameRange(inputs=[nuke.nodes.CheckerBoard2()])
    limits["first_frame"].setValue(7)
    limits["last_frame"].setValue(9)
    must((limits.firstFrame(), limits.lastFrame()) == (7, 9), "another range")


@check
def unmatted_node_fails_a_render(folder):
    """A node without mattes stops a render instead of passing a plate without layers."""
    from vimatte_nuke import commands

    node = commands.create()
    node.setInput(0, nuke.nodes.CheckerBoard2())
    write = exr_write(folder, "unmatted", node)
    raises(lambda: nuke.execute(write, 1, 1, 1))


@check
def internal_writes_are_off(folder):
    """A Write that is disabled cannot be executed, so -x leaves it out."""
    from vimatte_nuke import commands

    node = commands.create()
    must(node.node("export_plate")["disable"].value(), "it is on")


@check
def project_knobs(folder):
    """The root's knobs for colour, proxy and range are called as we call them."""
    names = ["proxy", "format", "first_frame", "last_frame", "colorManagement"]
    names += ["OCIO_config", "customOCIOConfigPath", "workingSpaceLUT"]
    gone = [name for name in names if name not in nuke.root().knobs()]
    must(not gone, f"no such knobs: {gone}")
    must(nuke.root()["colorManagement"].value() in ("Nuke", "OCIO"), "colorManagement")


@check
def working_space_can_be_named(folder):
    """The worker can be given the project's colour space and config."""
    from vimatte_nuke import colour, commands

    fields = colour.request_fields(commands.create())
    must(fields["colorspace"], "no colour space")
    nuke.tprint("    colour space %s of %s" % (fields["colorspace"], fields["ocio"]))


@check
def read_knobs(folder):
    """A Read has the knobs that decide whether its files are read directly."""
    names = ["file", "first", "last", "before", "after", "raw", "premultiplied", "frame"]
    names += ["colorspace", "on_error", "reload"]
    gone = [name for name in names if name not in nuke.nodes.Read().knobs()]
    must(not gone, f"no such knobs: {gone}")


@check
def upstream_digest(folder):
    """It is the same twice, changes with a knob, and not with a label."""
    from vimatte_nuke import upstream

    read = nuke.nodes.Read()
    first = upstream.digest(read)
    must(upstream.digest(read) == first, "it changes by itself")
    read["label"].setValue("a note")
    must(upstream.digest(read) == first, "it changes with a label")
    read["premultiplied"].setValue(True)
    must(upstream.digest(read) != first, "it does not change")


@check
def undo_can_be_held(folder):
    """Undo.disable and Undo.enable are class methods."""
    nuke.Undo.disable()
    nuke.Undo.enable()


@check
def groups_are_found(folder):
    """allNodes with recurseGroups finds our node."""
    from vimatte_nuke import commands, group

    made = commands.create()
    found = nuke.allNodes("Group", recurseGroups=True)
    must(any(n.name() == made.name() for n in found if group.is_ours(n)), "not found")


def main(folder):
    """Run every check; return how many failed."""
    if str(PLUGIN) not in sys.path:
        sys.path.insert(0, str(PLUGIN))
    failed = 0
    for function in CHECKS:
        try:
            function(folder)
        except Exception as error:  # noqa: BLE001 - every check gets its line
            failed += 1
            nuke.tprint("FAIL %s: %s" % (function.__name__, error))
            nuke.tprint(traceback.format_exc())
        else:
            nuke.tprint("ok   %s" % function.__name__)
    nuke.tprint("%d checks, %d failed" % (len(CHECKS), failed))
    return failed


if __name__ == "__main__":
    given = [a for a in sys.argv[1:] if not a.endswith(".py")]
    if given:
        code = main(Path(given[0]))
    else:
        with contextlib.ExitStack() as stack:
            code = main(Path(stack.enter_context(tempfile.TemporaryDirectory())))
    sys.stdout.flush()
    os._exit(1 if code else 0)  # Nuke swallows SystemExit in some versions
