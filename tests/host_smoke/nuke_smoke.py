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
# Every class of node the plug-in makes, the knobs it sets, and what it sets them to.
CLASSES = {
    "CheckerBoard2": {},
    "Copy": {"from0": None, "to0": None, "channels": None},
    "CopyMetaData": {},
    "Expression": {"expr3": None, "disable": None},
    "FrameRange": {"first_frame": None, "last_frame": None},
    "Input": {},
    "Merge2": {"operation": ["plus", "minus", "over"], "output": None, "bbox": ["B"]},
    "ModifyMetaData": {"metadata": None},
    "Multiply": {"channels": None, "value": None},
    "NoOp": {},
    "Output": {},
    "Premult": {},
    "Read": {
        "file": None,
        "first": None,
        "last": None,
        "before": ["black"],
        "after": ["black"],
        "raw": None,
        "reload": None,
        "on_error": ["error", "black", "checkerboard"],
    },
    "Remove": {
        "operation": ["remove", "keep"],
        "channels": None,
        "channels2": None,
        "channels3": None,
        "disable": None,
    },
    "Shuffle": {
        "in": None,
        **{c: ["alpha"] for c in ("red", "green", "blue", "alpha")},
    },
    "Switch": {"which": None},
    "Write": {
        "file": None,
        "channels": None,
        "file_type": ["exr"],
        "datatype": ["16 bit half"],
        "compression": ["Zip (1 scanline)"],
        "metadata": ["all metadata except input/*"],
        "raw": None,
        "create_directories": None,
        "disable": None,
    },
}


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
def classes_and_knobs(folder):
    """Every class can be made, has the knobs that are set, and they take our values."""
    wrong = []
    for name, knobs in CLASSES.items():
        node = getattr(nuke.nodes, name)()
        if name == "Write":
            node["file_type"].setValue("exr")
        for knob, values in knobs.items():
            if knob not in node.knobs():
                wrong.append("%s has no %s" % (name, knob))
            elif values is not None:
                there = node[knob].values()
                wrong += ["%s.%s: no %r" % (name, knob, v) for v in values if v not in there]
    must(not wrong, "; ".join(wrong))


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
    """Undo.disable, enable, begin and end are class methods."""
    nuke.Undo.disable()
    nuke.Undo.enable()
    nuke.Undo.begin("a step")
    nuke.Undo.end()


@check
def layers_can_be_extended(folder):
    """Layer, called for a layer that is there, adds channels to it and keeps the others."""
    nuke.Layer("smoke02", ["smoke02.alpha"])
    nuke.Layer("smoke02", ["smoke02.red"])
    must({"smoke02.alpha", "smoke02.red"} <= set(nuke.channels()), "a channel is missing")


@check
def single_channels_are_removed(folder):
    """A Remove takes a single channel in channels, channels2 and channels3."""
    copy = layered(folder)
    remove = nuke.nodes.Remove(inputs=[copy], operation="remove")
    for knob, channel in (("channels", "red"), ("channels2", "green"), ("channels3", "blue")):
        remove[knob].setValue("rgba." + channel)
    there = set(remove.channels())
    must(not there & {"rgba.red", "rgba.green", "rgba.blue"}, "one is still there")
    must("smoke01.alpha" in there, "another layer went, too")


@check
def exports_are_stamped(folder):
    """What ModifyMetaData sets as exr/vimatte/upstream is in the file, and read as that again."""
    write = exr_write(folder, "stamped", nuke.nodes.CheckerBoard2())
    write.input(0)["metadata"].fromScript("{set exr/vimatte/upstream 0123456789abcdef}")
    nuke.execute(write, 1, 1, 1)
    read = exr_read(write)
    must(read.metadata("exr/vimatte/upstream") == "0123456789abcdef", "it is not there")


@check
def copied_metadata_is_merged(folder):
    """A CopyMetaData, as it is made, adds the metadata of its second input to the first's."""
    nodes = []
    for name in ("one", "two"):
        node = nuke.nodes.ModifyMetaData(inputs=[nuke.nodes.CheckerBoard2()])
        node["metadata"].fromScript("{set exr/vimatte/%s 1}" % name)
        nodes.append(node)
    both = nuke.nodes.CopyMetaData(inputs=nodes)
    gone = [n for n in ("one", "two") if both.metadata("exr/vimatte/" + n) is None]
    must(not gone, "lost: %s" % gone)


@check
def an_object_of_a_cryptomatte_is_picked(folder):
    """An Expression's expr3 is the alpha; a float of twelve digits equals the channel's 32 bits."""
    copy = layered(folder)
    pick = nuke.nodes.Expression(inputs=[copy])
    pick["expr3"].setValue("((smoke01.alpha == 2.07262543558e+26) ? smoke01.alpha : 0)")
    must(pick.sample("rgba.alpha", 4, 4, 4, 4) == 0, "an id is found that is not there")
    value = copy.sample("smoke01.alpha", 4, 4)
    pick["expr3"].setValue("((smoke01.alpha == %.12g) ? smoke01.alpha : 0)" % value)
    must(abs(pick.sample("rgba.alpha", 4, 4) - value) < 1e-6 and value > 0, "it is not found")


@check
def missing_mattes_are_marked(folder):
    """A missing file is a checkerboard with on_error checkerboard: minus black, it is not black."""
    reads = []
    for on_error in ("black", "checkerboard"):
        read = nuke.nodes.Read(first=1, last=9, on_error=on_error)
        read["file"].setValue((folder / "nowhere" / "f.%04d.exr").as_posix())
        reads.append(read)
    from vimatte_nuke import graph

    difference = graph.merge("smoke_missing", reads[0], reads[1], "minus", "rgb")
    must(difference.sample("rgba.green", 256, 256, 512, 512) > 0, "it is black")


@check
def rows_are_connected(folder):
    """Expressions on rows: one a component of a colour, and a sum of the group's own knobs."""
    from vimatte_nuke import commands, rows

    node = commands.create()
    found = [{"id": n, "name": "smoke1%d" % n, "colour": [0.5, 0.25, 0.0]} for n in (1, 2)]
    rows.set_rows(node, found)
    rows.make_layers({row["name"]: ("alpha",) for row in found})
    rows.connect(node, {row["id"]: row["name"] for row in found}, colour=False)
    node["solo_2"].setValue(True)
    must(node["any_solo"].value() == 1, "any_solo does not follow solo_2")
    shown = [node.node("seen_%d" % n)["value"].value() for n in (1, 2)]
    first = [value[0] if isinstance(value, (list, tuple)) else value for value in shown]
    must(first == [0, 1], "solo does not hide the others: %s" % first)
    tint = list(node.node("tint_1")["value"].value())
    must(abs(tint[1] - 0.125) < 1e-6, "the tint does not follow the colour: %s" % tint)


@check
def copies_leave_the_folder(folder):
    """OnCreate is called for a pasted node when its knobs and its inside are there."""
    from vimatte_nuke import callbacks, commands

    callbacks.register()
    node = commands.create()
    node["out"].setValue((folder / "shared").as_posix())
    for other in nuke.allNodes():
        other.setSelected(False)
    node.setSelected(True)
    path = (folder / "copy.nk").as_posix()
    nuke.nodeCopy(path)
    pasted = nuke.nodePaste(path)
    must(pasted["out"].value() != node["out"].value(), "both have one folder")


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
