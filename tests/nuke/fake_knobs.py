"""Knobs of the fake: they take the types Nuke's take, and nothing else."""

from __future__ import annotations

import re
import threading
from typing import Any

FLAGS = {
    "DISABLED": 1 << 7,
    "NO_ANIMATION": 1 << 8,
    "DO_NOT_WRITE": 1 << 9,
    "INVISIBLE": 1 << 10,
    "ALWAYS_SAVE": 1 << 11,
    "STARTLINE": 1 << 12,
}
_ALLOWED = set(FLAGS.values())
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def on_main() -> None:
    """Nuke's nodes and knobs may only be touched on the main thread."""
    assert threading.current_thread() is threading.main_thread(), "Nuke touched from a thread"


class Knob:
    code = 0
    default: Any = None

    def __init__(self, name: str, label: str = "") -> None:
        on_main()
        assert isinstance(name, str) and _NAME.fullmatch(name), f"not a knob's name: {name!r}"
        assert isinstance(label, str)
        self._name, self._label, self._value = name, label, self.default
        self._flags, self._tip, self._expression = 0, "", ""
        self._each: dict[int, str] = {}
        self._node: Any = None

    def name(self) -> str:
        return self._name

    def label(self) -> str:
        return self._label

    def node(self) -> Any:
        return self._node

    def Class(self) -> str:
        return type(self).__name__

    def setTooltip(self, text: str) -> None:
        assert isinstance(text, str)
        self._tip = text

    def setFlag(self, flag: int) -> None:
        assert flag in _ALLOWED, f"no such flag: {flag!r}"
        self._flags |= flag

    def clearFlag(self, flag: int) -> None:
        assert flag in _ALLOWED, f"no such flag: {flag!r}"
        self._flags &= ~flag

    def getFlag(self, flag: int) -> bool:
        assert flag in _ALLOWED
        return bool(self._flags & flag)

    def value(self) -> Any:
        on_main()
        if self._each:
            own = {n: self._node.evaluate(text) for n, text in self._each.items()}
            return [own.get(n, value) for n, value in enumerate(self._value)]
        return self._node.evaluate(self._expression) if self._expression else self._value

    def setValue(self, value: Any) -> bool:
        on_main()
        self._value = self._checked(value)
        self._expression, self._each = "", {}
        if self._node is not None:
            self._node.knob_changed(self)
        return True

    def _checked(self, value: Any) -> Any:
        raise TypeError(f"{self.Class()} {self._name} takes no value")

    def toScript(self) -> str:
        if self._each:
            return str(self._each)
        return f"{{{{{self._expression}}}}}" if self._expression else str(self._value)

    def hasExpression(self) -> bool:
        return bool(self._expression or self._each)


class Array_Knob(Knob):
    parts = 1

    def setExpression(self, text: str, channel: int = -1) -> bool:
        on_main()
        assert isinstance(text, str) and text
        assert not self.getFlag(FLAGS["NO_ANIMATION"])
        if channel == -1:
            self._expression = text
        else:
            assert 0 <= channel < self.parts and isinstance(self._value, list), "one value"
            self._each = {**self._each, channel: text}
        return True

    def setSingleValue(self, single: bool) -> None:
        assert self.parts > 1 and single is False, "the plug-in only spreads values"
        if not isinstance(self._value, list):
            self._value = [self._value] * self.parts


class Int_Knob(Array_Knob):
    code, default = 3, 0

    def _checked(self, value: Any) -> Any:
        if type(value) is not int or not -(1 << 31) <= value < 1 << 32:
            raise TypeError(f"{self._name} takes an int, not {value!r}")
        return value


class Unsigned_Knob(Int_Knob):
    def _checked(self, value: Any) -> Any:
        if super()._checked(value) < 0:
            raise TypeError(f"{self._name} is unsigned")
        return value


class Double_Knob(Array_Knob):
    code, default = 7, 0.0

    def _checked(self, value: Any) -> Any:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise TypeError(f"{self._name} takes a number, not {value!r}")
        return float(value)


class Boolean_Knob(Array_Knob):
    code, default = 6, False

    def __init__(self, name: str, label: str = "", value: bool = False) -> None:
        super().__init__(name, label)
        self._value = self._checked(value)
        self._flags |= FLAGS["STARTLINE"]

    def _checked(self, value: Any) -> Any:
        if value not in (0, 1):
            raise TypeError(f"{self._name} takes a bool, not {value!r}")
        return bool(value)


class Color_Knob(Array_Knob):
    code, default, parts = 18, 0.0, 4

    def _checked(self, value: Any) -> Any:
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        if not values or len(values) > 4 or not all(isinstance(v, float) for v in values):
            raise TypeError(f"{self._name} takes floats, not {value!r}")
        return values if len(values) > 1 else values[0]


class Enumeration_Knob(Array_Knob):
    code = 4

    def __init__(self, name: str, label: str, values: list[str]) -> None:
        super().__init__(name, label)
        assert isinstance(values, list) and all(isinstance(v, str) for v in values) and values
        self.choices, self._value = values, values[0]

    def _checked(self, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return self.choices[value]
        if value not in self.choices:
            raise ValueError(f"{self._name} has no {value!r}: {self.choices}")
        return value

    def index(self) -> int:
        return self.choices.index(self._value)

    def values(self) -> list[str]:
        return list(self.choices)


class String_Knob(Knob):
    code, default = 1, ""

    def _checked(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise TypeError(f"{self._name} takes a text, not {value!r}")
        return value


class File_Knob(String_Knob):
    code = 2


class ChannelMask_Knob(String_Knob):
    """Layers or channels the script knows; the node's fake checks which."""


class Metadata_Text(String_Knob):
    """What a ModifyMetaData does: ``{set key value}``, a line each."""

    def fromScript(self, text: str) -> None:
        assert re.fullmatch(r"(\{set [\w/]+ [\w./-]+\}\n?)*", text), f"not understood: {text!r}"
        self.setValue(text)

    def entries(self) -> dict[str, str]:
        return dict(re.findall(r"\{set ([\w/]+) ([\w./-]+)\}", self._value))


class BBox_Knob(Color_Knob):
    """x, y, right and top, from below."""


class Text_Knob(String_Knob):
    code = 26

    def __init__(self, name: str, label: str = "", text: str = "") -> None:
        super().__init__(name, label)
        self._value = self._checked(text)


class Tab_Knob(Knob):
    code = 20

    def toScript(self) -> str:
        return ""


class PyScript_Knob(Knob):
    code = 22

    def __init__(self, name: str, label: str = "", command: str = "") -> None:
        super().__init__(name, label)
        compile(command, name, "exec")
        self._value = command

    def command(self) -> str:
        return str(self._value)

    def execute(self) -> None:
        on_main()
        if self._node is None:
            raise RuntimeError("the knob is on no node")
        self._node.run_script(self._value)
