"""A strict fake of the parts of ``nuke`` the plug-in uses: what Nuke would refuse raises here."""

from __future__ import annotations

import queue
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import fake_evaluate
import fake_knobs
import fake_script
from fake_knobs import on_main
from fake_nodes import EXPRESSIONS, HIDDEN_INPUTS, INPUTS, Group, Node, Root

BUILT_IN = {
    "rgba": ["rgba.red", "rgba.green", "rgba.blue", "rgba.alpha"],
    "depth": ["depth.Z"],
    "forward": ["forward.u", "forward.v"],
    "backward": ["backward.u", "backward.v"],
    "mask": ["mask.a"],
}
MOST_CHANNELS = 1023


class _Nodes:
    def __init__(self, host: Nuke) -> None:
        self._host = host

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        def make(inputs: Any = (), name: str = "", **values: Any) -> Any:
            node = self._host.make(kind)
            for index, source in enumerate(inputs):
                node.setInput(index, source)
            for key, value in values.items():
                node[key].setValue(value)
            if name:
                node.setName(name, uncollide=False)
            return node

        return make


class _Menu:
    def __init__(self) -> None:
        self.commands: dict[str, str] = {}

    def addMenu(self, name: str) -> _Menu:
        assert isinstance(name, str)
        return self

    def addCommand(self, name: str, command: str) -> None:
        compile(command, name, "exec")
        self.commands[name] = command


class Nuke:
    """A Nuke session; `module` is what ``import nuke`` gives."""

    def __init__(self, gui: bool = True) -> None:
        self.GUI, self.frame, self.open_undo = gui, 1, 0
        self.view_names = ["main"]
        self.open_step, self.undo_steps = "", list[str]()
        self.recorded: list[str] = []  # knobs set while undo was on, and in no step
        self.layer_table = {name: list(channels) for name, channels in BUILT_IN.items()}
        self.panels: set[Any] = set()
        self.callbacks: dict[str, list[tuple[Any, str]]] = {}
        self.messages: list[str] = []
        self.printed: list[str] = []
        self.plugin_paths: list[str] = []
        self.executed: list[tuple[str, int, int, bool]] = []
        self.tasks: list[Any] = []
        self.cancel_tasks = False
        self.cancel_export = False
        self.menus = {"Nodes": _Menu()}
        self.selected: Any = None
        self._queue: queue.Queue[Any] = queue.Queue()
        self._this: list[Any] = []
        self.script = ""
        self._root = Root(self)
        self.inside: list[Any] = [self._root]
        self.module = self._module()

    def _module(self) -> ModuleType:
        module = ModuleType("nuke")
        names = "root execute createNode toNode allNodes delete views layers channels message"
        names += " tprint pluginAddPath thisNode thisKnob menu nodeCopy nodePaste"
        names += " executeInMainThread executeInMainThreadWithResult"
        for name in names.split():
            setattr(module, name, getattr(self, name))
        for name in ("OnCreate", "KnobChanged", "OnScriptLoad"):
            setattr(module, "add" + name, self._adder(name))
        for name in vars(fake_knobs):
            if name.endswith("_Knob"):
                setattr(module, name, getattr(fake_knobs, name))
        flags = {**fake_knobs.FLAGS, "INPUTS": INPUTS, "HIDDEN_INPUTS": HIDDEN_INPUTS}
        for name, value in {**flags, "EXPRESSIONS": EXPRESSIONS}.items():
            setattr(module, name, value)
        module.__dict__.update(GUI=self.GUI, EXE_PATH="/opt/Nuke/Nuke", nodes=_Nodes(self))
        module.__dict__.update(Node=Node, Group=Group, Knob=fake_knobs.Knob, Layer=self._layer())
        module.__dict__.update(Undo=self._undo(), ProgressTask=self._task())
        return module

    def _layer(self) -> type:
        host = self

        class Layer:
            def __init__(self, name: str, channels: list[str]) -> None:
                on_main()
                assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name), f"no layer's name: {name!r}"
                assert name not in BUILT_IN, f"{name} is built in: what is added is not saved"
                assert all(c.startswith(name + ".") for c in channels), channels
                there = host.layer_table.get(name, [])
                assert not set(channels) & set(there), f"{channels} are there already"
                assert len(host.channels()) + len(channels) <= MOST_CHANNELS
                host.layer_table[name] = [*there, *channels]

        return Layer

    def _undo(self) -> type:
        host = self

        class Undo:
            @classmethod
            def disable(cls) -> None:
                on_main()
                host.open_undo += 1

            @classmethod
            def enable(cls) -> None:
                on_main()
                assert host.open_undo > 0
                host.open_undo -= 1

            @classmethod
            def begin(cls, name: str = "") -> None:
                on_main()
                assert isinstance(name, str) and host.open_step == "", "one step at a time"
                host.open_step = name

            @classmethod
            def end(cls) -> None:
                on_main()
                host.undo_steps.append(host.open_step)
                host.open_step = ""

        return Undo

    def _task(self) -> type:
        host = self

        class ProgressTask:
            def __init__(self, title: str) -> None:
                assert isinstance(title, str) and host.GUI
                self.progress, self.message = 0, ""
                host.tasks.append(self)

            def setProgress(self, percent: int) -> None:
                assert type(percent) is int and 0 <= percent <= 100
                self.progress = percent

            def setMessage(self, text: str) -> None:
                assert isinstance(text, str)
                self.message = text

            def isCancelled(self) -> bool:
                return host.cancel_tasks

        return ProgressTask

    def _adder(self, event: str) -> Callable[..., None]:
        def add(call: Any, args: Any = (), kwargs: Any = None, nodeClass: str = "*") -> None:
            assert callable(call)
            self.callbacks.setdefault(event, []).append((call, nodeClass))

        return add

    # The functions of the module.

    def root(self) -> Root:
        on_main()
        self._root._name = self.script or "Root"
        return self._root

    def make(self, kind: str, parent: Any = None) -> Node:
        parent = parent or self.inside[-1]
        cls = Group if kind == "Group" else Node
        node = cls(self, "", kind, parent)
        node.setName(kind + "1")
        return node

    def createNode(self, kind: str, knobs: str = "", inpanel: bool = True) -> Node:
        on_main()
        node = self.make(kind)
        if self.selected is not None and self.selected._parent is node._parent:
            node.setInput(0, self.selected)
        if inpanel:
            self.panels.add(node)
        self.fire("OnCreate", node)
        return node

    def toNode(self, name: str) -> Any:
        on_main()
        node: Any = self.inside[-1]
        for part in name.split("."):
            node = node.node(part) if isinstance(node, Group) else None
        return node

    def allNodes(self, kind: str = "", group: Any = None, recurseGroups: bool = False) -> list[Any]:
        on_main()
        found = []
        for node in (group or self.inside[-1]).children:
            found += [node] if kind in ("", node._class) else []
            if recurseGroups and isinstance(node, Group):
                found += self.allNodes(kind, node, True)
        return found

    def delete(self, node: Node) -> None:
        on_main()
        node._check()
        node.remove()

    def execute(
        self, node: Node, start: int, end: int, incr: int = 1, views: list[str] | None = None
    ) -> None:
        on_main()
        assert type(start) is int and type(end) is int and start <= end and incr >= 1
        assert node.Class() == "Write", f"{node.Class()} is not executable"
        if node["disable"].value():
            raise RuntimeError(f"{node.name()} is disabled")
        self.executed.append((node.name(), start, end, self._root["proxy"].value()))
        for view in views or self.view_names:
            assert view in self.view_names, f"no view {view}"
            for frame in range(start, end + 1, incr):
                if self.cancel_export:
                    raise RuntimeError("Cancelled")
                fake_evaluate.write(node, self.context(frame, view))

    def views(self) -> list[str]:
        return list(self.view_names)

    def layers(self) -> list[str]:
        on_main()
        return list(self.layer_table)

    def channels(self) -> list[str]:
        on_main()
        return [name for channels in self.layer_table.values() for name in channels]

    def message(self, text: str) -> None:
        on_main()
        assert self.GUI, "a dialog without a user interface"
        self.messages.append(text)

    def tprint(self, text: str) -> None:
        self.printed.append(text)

    def pluginAddPath(self, path: str) -> None:
        assert isinstance(path, str) and Path(path).is_dir()
        self.plugin_paths.append(path)

    def thisNode(self) -> Any:
        return self._this[-1][0]

    def thisKnob(self) -> Any:
        return self._this[-1][1]

    def menu(self, name: str) -> _Menu:
        assert self.GUI, "menus exist with a user interface only"
        return self.menus[name]

    def nodeCopy(self, path: str) -> None:
        chosen = [n for n in self.inside[-1].children if n.is_selected]
        if not chosen:
            raise RuntimeError("nothing is selected")
        fake_script.save(path, chosen)

    def nodePaste(self, path: str) -> Any:
        return fake_script.load(self, path)

    def executeInMainThread(self, call: Any, args: Any = (), kwargs: Any = None) -> None:
        assert threading.current_thread() is not threading.main_thread(), "this would hang Nuke"
        self._queue.put((call, args if isinstance(args, tuple) else (args,), kwargs or {}))

    def executeInMainThreadWithResult(self, call: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert threading.current_thread() is not threading.main_thread(), "this would hang Nuke"
        raise NotImplementedError("the plug-in never waits for the main thread")

    # What a user and Nuke's own loop do.

    def pump(self, until: Callable[[], bool], seconds: float = 120.0) -> None:
        """Run what threads asked of the main one, until something is true."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, "nothing happens any more"
            try:
                call, args, kwargs = self._queue.get(timeout=0.02)
            except queue.Empty:
                continue
            call(*args, **kwargs)
        assert self.open_undo == 0 and not self.open_step, "undo was left disabled"

    def fire(self, event: str, node: Any, knob: Any = None) -> None:
        if any(entry[0] is node for entry in self._this):
            return  # Nuke guards against callbacks of callbacks too
        for call, kind in self.callbacks.get(event, []):
            if node is None or kind in ("*", node._class):
                with self.this(node, knob):
                    call()

    def this(self, node: Any, knob: Any = None) -> Any:
        host = self

        class This:
            def __enter__(self) -> None:
                host._this.append((node, knob))

            def __exit__(self, *error: object) -> None:
                host._this.pop()

        return This()

    def context(self, frame: int, view: str = "") -> fake_evaluate.Context:
        return fake_evaluate.Context(frame, view or self.view_names[0], self)

    def check_mask(self, value: str) -> None:
        known = {"none", "all", "rgb", "alpha", *self.layer_table, *self.channels()}
        assert value in known, f"no layer or channel {value!r}"

    def see(self, node: Node, frame: int, view: str = "") -> fake_evaluate.Image:
        """Return what a viewer shows of a node."""
        return fake_evaluate.evaluate(node, self.context(frame, view))

    def copy_all(self, path: str) -> None:
        """Select everything and copy it."""
        for node in self.allNodes():
            node.setSelected(True)
        self.nodeCopy(path)

    def install(self) -> ModuleType:
        for name in [n for n in sys.modules if n.partition(".")[0] == "vimatte_nuke"]:
            del sys.modules[name]
        sys.modules["nuke"] = self.module
        return self.module
