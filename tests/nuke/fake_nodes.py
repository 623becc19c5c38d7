"""Nodes of the fake: a knob, an input or a name Nuke would refuse raises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import fake_classes
import fake_evaluate
import fake_knobs
from fake_knobs import on_main

if TYPE_CHECKING:
    from fake_nuke import Nuke

INPUTS, HIDDEN_INPUTS, EXPRESSIONS = 1, 2, 4
_TERM = re.compile(r"parent\.(\w+)(?:\.([rgba]))?|\b([a-z]+_\d+)\b|\$gui")


class Info:
    """A rectangle, as Nuke gives one."""

    def __init__(self, box: tuple[int, int, int, int]) -> None:
        self._box = box

    def w(self) -> int:
        return self._box[2]

    def h(self) -> int:
        return self._box[3]


class Node:
    def __init__(self, host: Nuke, name: str, kind: str, parent: Any) -> None:
        on_main()
        self._host, self._class, self._parent = host, kind, parent
        self._name, self._alive, self.is_selected = name, True, False
        self._most, own = fake_classes.knobs_of(kind) if kind != "Root" else (0, [])
        self._inputs: list[Any] = []
        self._knobs: dict[str, Any] = {}
        self._user: list[str] = []
        for knob in own:
            self._attach(knob)
        if parent is not None:
            parent.children.append(self)

    def _attach(self, knob: Any) -> None:
        knob._node = self
        self._knobs[knob.name()] = knob

    def _check(self) -> None:
        on_main()
        if not self._alive:
            raise ValueError("A PythonObject is not attached to a node")

    def Class(self) -> str:
        self._check()
        return self._class

    def name(self) -> str:
        self._check()
        return self._name

    def fullName(self) -> str:
        self._check()
        above = self._parent
        return self._name if above._class == "Root" else f"{above.fullName()}.{self._name}"

    def setName(self, name: str, uncollide: bool = True) -> None:
        self._check()
        taken = {n._name for n in self._parent.children if n is not self}
        base, number, chosen = name.rstrip("0123456789"), 1, name
        while chosen in taken:
            assert uncollide, f"the name {name} is taken"
            chosen, number = f"{base}{number}", number + 1
        self._name = chosen

    def knobs(self) -> dict[str, Any]:
        self._check()
        return dict(self._knobs)

    def knob(self, name: str) -> Any:
        self._check()
        return self._knobs.get(name)

    def __getitem__(self, name: str) -> Any:
        self._check()
        if name not in self._knobs:
            raise NameError(f"knob {name} does not exist")
        return self._knobs[name]

    def addKnob(self, knob: Any) -> None:
        self._check()
        assert isinstance(knob, fake_knobs.Knob), f"not a knob: {knob!r}"
        assert knob.name() not in self._knobs, f"two knobs called {knob.name()}"
        assert knob.node() is None, "a knob belongs to one node"
        assert self._user or isinstance(knob, fake_knobs.Tab_Knob), "Nuke would add a tab User"
        self._attach(knob)
        self._user.append(knob.name())

    def input(self, index: int) -> Any:
        self._check()
        return self._inputs[index] if index < len(self._inputs) else None

    def inputs(self) -> int:
        self._check()
        return len(self._inputs)

    def setInput(self, index: int, node: Any) -> bool:
        self._check()
        assert 0 <= index < self._most, f"{self._class} has no input {index}"
        assert node is None or (isinstance(node, Node) and node._parent is self._parent)
        self._inputs += [None] * (index + 1 - len(self._inputs))
        self._inputs[index] = node
        while self._inputs and self._inputs[-1] is None:
            self._inputs.pop()
        return True

    def dependencies(self, mask: int) -> list[Any]:
        self._check()
        assert mask and not mask & ~(INPUTS | HIDDEN_INPUTS | EXPRESSIONS)
        found = [n for n in self._inputs if n is not None] if mask & INPUTS else []
        knobs = self._knobs.values() if mask & EXPRESSIONS else []
        texts = [text for knob in knobs for text in (knob._expression, *knob._each.values())]
        for text in texts:
            names = re.findall(r"([A-Za-z_]\w*)\.\w+", text)
            found += [n for n in self._parent.children if n._name in names] if names else []
        return found

    def setSelected(self, on: bool) -> None:
        self._check()
        self.is_selected = bool(on)

    def channels(self) -> list[str]:
        self._check()
        try:
            frame = self.firstFrame()
            return sorted(fake_evaluate.evaluate(self, self._host.context(frame)).channels)
        except RuntimeError:
            return []

    def bbox(self) -> Info:
        self._check()
        return Info(fake_evaluate.evaluate(self, self._host.context(self.firstFrame())).box)

    def metadata(self, key: str = "") -> Any:
        self._check()
        image = fake_evaluate.evaluate(self, self._host.context(self.firstFrame()))
        return image.metadata.get(key) if key else dict(image.metadata)

    def sample(self, channel: str, x: float, y: float, dx: float = 1, dy: float = 1) -> float:
        """Return the mean of a channel around a point, from the lower left corner."""
        self._check()
        image = fake_evaluate.evaluate(self, self._host.context(self.firstFrame()))
        left, top = int(x - dx / 2), int(image.format[3] - y - dy / 2)
        plane = image.over((left, top, int(dx), int(dy))).get(channel)
        return float(plane.mean())

    def _range(self) -> tuple[int, int]:
        if self._class in ("Read", "FrameRange"):
            names = ("first", "last") if self._class == "Read" else ("first_frame", "last_frame")
            return tuple(self._knobs[name].value() for name in names)
        source = self.input(0)
        root = self._host.root()
        if self._class == "TimeOffset" and source:
            shift = self._knobs["time_offset"].value()
            return tuple(frame + shift for frame in source._range())
        return (
            source._range() if source else (root["first_frame"].value(), root["last_frame"].value())
        )

    def firstFrame(self) -> int:
        self._check()
        return self._range()[0]

    def lastFrame(self) -> int:
        self._check()
        return self._range()[1]

    # What follows serves the fake only.

    def evaluate(self, text: str) -> float:
        """Return the value of an expression; only what the node is known to use."""

        def term(match: re.Match[str]) -> str:
            if match[0] == "$gui":
                return str(int(self._host.GUI))
            knob = self._parent[match[1]] if match[1] else self[match[3]]
            number = knob.index() if isinstance(knob, fake_knobs.Enumeration_Knob) else knob.value()
            if isinstance(number, list):
                number = number["rgba".index(match[2])]
            return repr(float(number))

        code = _TERM.sub(term, text)
        assert re.fullmatch(r"(max|min|[\d\s.,()+*-])+", code), f"no expression of ours: {text}"
        return float(eval(code, {"__builtins__": {}, "max": max, "min": min}))

    def run_script(self, code: str) -> None:
        with self._host.this(self):
            exec(code, {"nuke": self._host.module})

    def knob_changed(self, knob: Any) -> None:
        if not self._host.open_undo and not self._host.open_step:
            self._host.recorded.append(knob.name())
        if self._class == "Write" and knob.name() == "file_type" and knob.value() == "exr":
            for new in fake_classes.exr_options():
                if new.name() not in self._knobs:
                    self._attach(new)
        if knob.name() in fake_classes.MASKS and knob.name() not in self._user:
            self._host.check_mask(knob.value())
        if self in self._host.panels:
            self._host.fire("KnobChanged", self, knob)

    def remove(self) -> None:
        for child in list(getattr(self, "children", [])):
            child.remove()
        self._parent.children.remove(self)
        for other in self._parent.children:
            other._inputs = [None if n is self else n for n in other._inputs]
        self._alive = False


class Group(Node):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.children: list[Node] = []

    def __enter__(self) -> Group:
        self._check()
        self._host.inside.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        assert self._host.inside.pop() is self

    def node(self, name: str) -> Any:
        self._check()
        return next((n for n in self.children if n._name == name), None)

    def nodes(self) -> list[Any]:
        self._check()
        return list(self.children)


class Root(Group):
    def __init__(self, host: Nuke) -> None:
        super().__init__(host, "Root", "Root", None)
        for knob in fake_classes.root_knobs():
            self._attach(knob)

    def fullName(self) -> str:
        return "root"
