"""``.nk`` text as Nuke writes it: a stack of nodes, knobs a line, groups with an end_group."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_knobs as k

_BARE = re.compile(r"[A-Za-z0-9_./:%#,+-]+")
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|\{((?:[^{}]|\{[^{}]*\})*)\}|([^\s{}"]+)')
_BY_CODE = {
    cls.code: cls for cls in vars(k).values() if isinstance(cls, type) and vars(cls).get("code")
}
_FLAG_NAMES = ("INVISIBLE", "DO_NOT_WRITE", "NO_ANIMATION", "STARTLINE")


def quote(text: str) -> str:
    if _BARE.fullmatch(text):
        return text
    for sign in '\\"[$':
        text = text.replace(sign, "\\" + sign)
    return '"' + text.replace("\n", "\\n") + '"'


def unquote(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text)


def save(path: str, nodes: list[Any]) -> None:
    Path(path).write_text("\n".join(_nodes(nodes, "")) + "\n", encoding="utf-8")


def _nodes(nodes: list[Any], indent: str) -> Iterator[str]:
    """Yield nodes, every one after what it is connected to."""
    done: list[Any] = []

    def visit(node: Any) -> None:
        if node not in done:
            for index in range(node.inputs()):
                if node.input(index) in nodes:
                    visit(node.input(index))
            done.append(node)

    for node in nodes:
        visit(node)
    for node in done:
        for index in reversed(range(node.inputs())):
            source = node.input(index)
            yield f"{indent}push {'$N' + source.name() if source in nodes else 0}"
        yield f"{indent}{node.Class()} {{"
        yield f"{indent} inputs {node.inputs()}"
        yield from (f"{indent} {line}" for line in _knobs(node))
        yield f"{indent}}}"
        if node.Class() == "Group":
            yield from _nodes(node.nodes(), indent + " ")
            yield f"{indent}end_group"
        yield f"{indent}set N{node.name()} [stack 0]"


def _knobs(node: Any) -> Iterator[str]:
    yield f"name {node.name()}"
    fresh = _fresh(node)
    for name, knob in node.knobs().items():
        if name in node._user:
            yield "addUserKnob {" + _definition(knob) + "}"
        elif isinstance(knob, k.PyScript_Knob):
            continue
        if isinstance(knob, (k.Tab_Knob, k.PyScript_Knob)) or knob.getFlag(k.FLAGS["DO_NOT_WRITE"]):
            continue
        same = name in fresh and fresh[name]._value == knob._value
        if knob._each:
            own = [knob._each.get(n) for n in range(len(knob._value))]
            parts = [
                f"{value:g}" if text is None else f'{{"{text}"}}'
                for text, value in zip(own, knob._value, strict=True)
            ]
            yield f"{name} {{{' '.join(parts)}}}"
        elif isinstance(knob, k.Metadata_Text):
            if knob._value:
                yield f"{name} {{{knob._value}}}"
        elif knob._expression:
            yield f'{name} {{{{"{knob._expression}"}}}}'
        elif not same and knob._value != knob.default:
            yield f"{name} {_value(knob)}"


def _fresh(node: Any) -> dict[str, Any]:
    import fake_classes

    return {knob.name(): knob for knob in fake_classes.knobs_of(node.Class())[1]}


def _value(knob: Any) -> str:
    value = knob._value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "{" + " ".join(f"{v:g}" for v in value) + "}"
    if isinstance(knob, k.Unsigned_Knob):
        return hex(value)
    return quote(str(value))


def _definition(knob: Any) -> str:
    parts = [str(knob.code), knob.name()]
    if knob.label():
        parts += ["l", quote(knob.label())]
    if isinstance(knob, k.PyScript_Knob):
        parts += ["T", quote(knob.command())]
    if isinstance(knob, k.Enumeration_Knob):
        parts += ["M", "{" + " ".join(quote(c) for c in knob.choices) + "}"]
    parts += ["+" + name for name in _FLAG_NAMES if knob.getFlag(k.FLAGS[name])]
    return " ".join(parts)


def load(host: Any, path: str) -> Any:
    """Read a script into the session, and return its last node."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    stack: list[list[Any]] = [[]]
    named: list[dict[str, Any]] = [{}]
    made: list[Any] = []
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        if line.startswith("push "):
            stack[-1].append(named[-1].get(line[6:]))
        elif line.startswith("set N"):
            named[-1][line[4:].split()[0]] = stack[-1][-1]
        elif line == "end_group":
            host.inside.pop()
            stack.pop()
            named.pop()
        elif line.endswith("{"):
            node = host.make(line.split()[0])
            at = _fill(node, lines, at + 1, stack[-1])
            made.append(node)
            stack[-1].append(node)
            if node.Class() == "Group":
                host.inside.append(node)
                stack.append([])
                named.append({})
        else:
            raise ValueError(f"not understood: {line}")
        at += 1
    for node in made:
        host.fire("OnCreate", node)
    return stack[0][-1] if made else None


def _fill(node: Any, lines: list[str], at: int, stack: list[Any]) -> int:
    while lines[at].strip() != "}":
        key, _, rest = lines[at].strip().partition(" ")
        if key == "inputs":
            sources = [stack.pop() for _ in range(int(rest))]
            for index, source in enumerate(sources):
                node.setInput(index, source)
        elif key == "name":
            node.setName(rest)
        elif key == "addUserKnob":
            node.addKnob(_user_knob(rest[1:-1]))
        else:
            _set(node[key], rest)
        at += 1
    return at


def tokens(text: str) -> list[str]:
    return [
        unquote(m[1]) if m[1] is not None else m[2] if m[2] is not None else m[3]
        for m in _TOKEN.finditer(text)
    ]


def _user_knob(text: str) -> Any:
    parts = tokens(text)
    cls, name, options, flags = _BY_CODE[int(parts[0])], parts[1], {}, []
    rest = iter(parts[2:])
    for part in rest:
        if part[0] == "+" and len(part) > 1:
            flags.append(k.FLAGS[part[1:]])
        else:
            options[part] = next(rest)
    label = options.get("l", "")
    if cls is k.Enumeration_Knob:
        knob = cls(name, label, tokens(options["M"]))
    elif cls is k.PyScript_Knob:
        knob = cls(name, label, options["T"])
    else:
        knob = cls(name, label)
    knob._flags = sum(flags)
    return knob


def _set(knob: Any, text: str) -> None:
    if isinstance(knob, k.Metadata_Text):
        knob.fromScript(text[1:-1])
        return
    if isinstance(knob, k.Color_Knob) and text.startswith("{") and '"' in text:
        parts = tokens(text[1:-1])
        if len(parts) > 1:
            knob.setValue([1.0 if part[0] == '"' else float(part) for part in parts])
            for index, part in enumerate(parts):
                if part[0] == '"':
                    knob.setExpression(part.strip('"'), index)
            return
    if text.startswith("{{"):
        knob.setExpression(text.strip('{}"'))
        return
    value = tokens(text)[0] if text else ""
    if isinstance(knob, k.Boolean_Knob):
        knob.setValue(value == "true")
    elif isinstance(knob, k.Color_Knob):
        values = [float(v) for v in value.split()]
        knob.setValue(values if len(values) > 1 else values[0])
    elif isinstance(knob, k.Int_Knob):
        knob.setValue(int(value, 0))
    elif isinstance(knob, k.Double_Knob):
        knob.setValue(float(value))
    else:
        knob.setValue(value)
