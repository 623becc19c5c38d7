"""Whatever a file, a line or a text holds, it is read or refused in one line."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from fuzz_targets import REQUEST, SESSION, SPOOL, TARGETS, VERSION, check, one_line, request, seeds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vimatte.errors import VimatteError

SEEDS = seeds()
# The same inputs in every run: looking for new ones is what scripts/fuzz is for.
QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# What Python's json reads beyond the standard, and what breaks naive code.
AWKWARD = st.sampled_from(
    [float("inf"), float("-inf"), float("nan"), 10**30, -(10**400), 2**63, "", "..", "../../x",
     "/etc/passwd", "a\nb", "\ud800", "\0", "S:\\x", "x" * 5000, "1-9999999999", True, None]
)  # fmt: skip
VALUES = st.recursive(
    AWKWARD | st.integers() | st.floats() | st.text(max_size=12) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
DOCUMENTS: dict[str, Any] = {
    "session": SESSION,
    "protocol": REQUEST,
    "spool": SPOOL,
    "version": VERSION,
    **{
        name: json.loads(SEEDS[name][0])
        for name in ("path-map", "task-state", "bundle-values", "record", "lease", "digests")
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value of a document, inner ones too."""
    found = [path] if path else []
    items = document.items() if isinstance(document, dict) else []
    items = enumerate(document) if isinstance(document, list) else items
    for key, value in items:
        found += places(value, (*path, key))
    return found


@st.composite
def edited(draw: st.DrawFn, name: str) -> bytes:
    """Draw a whole document with some of its values exchanged, removed or doubled."""
    document = copy.deepcopy(DOCUMENTS[name])
    for _ in range(draw(st.integers(1, 3))):
        ways = places(document)
        if not ways:
            break
        *way, last = draw(st.sampled_from(ways))
        holder = document
        for key in way:
            holder = holder[key]
        if draw(st.integers(0, 5)) == 0:
            del holder[last]
        else:
            holder[last] = draw(VALUES)
    return json.dumps(document).encode() + b"\n"


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """Draw a whole input with bytes changed, cut off or put in."""
    data = bytearray(draw(st.sampled_from(SEEDS[name])))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.integers(0, 2))
        if kind == 0 and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif kind == 1:
            data[at:at] = draw(st.binary(max_size=8))
        else:
            del data[at : at + draw(st.integers(1, 20))]
    return bytes(data)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
@QUICK
@given(data=st.data())
def test_edited_documents(folder: Path, name: str, data: st.DataObject) -> None:
    check(name, folder, data.draw(edited(name)))


@pytest.mark.parametrize("name", sorted(name for name in TARGETS if SEEDS[name]))
@QUICK
@given(data=st.data())
def test_damaged_bytes(folder: Path, name: str, data: st.DataObject) -> None:
    check(name, folder, data.draw(damaged(name)))


@pytest.mark.parametrize("name", sorted(TARGETS))
@QUICK
@given(data=st.binary(max_size=300))
def test_anything(folder: Path, name: str, data: bytes) -> None:
    check(name, folder, data)


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.parametrize(
    "data", [b"", b"[" * 200_000, b'{"a":' * 100_000, b"\xff\xfe\0", b"9" * 5000, b"\n" * 1000]
)
def test_what_is_built_to_break_parsers(folder: Path, name: str, data: bytes) -> None:
    check(name, folder, data)


@QUICK
@given(text=st.text(alphabet="0123456789-x, ", max_size=40))
def test_texts_like_frame_ranges(folder: Path, text: str) -> None:
    check("frame-range", folder, text.encode())


@pytest.mark.parametrize(
    ("name", "way", "value"),
    [
        ("session", ("start_frame",), float("inf")),
        ("session", ("exposure",), 10**400),
        ("session", ("roi", 0), float("-inf")),
        ("session", ("instances", 0, "id"), float("inf")),
        ("session", ("cuts", 0), float("inf")),
        ("version", ("instances", 0, "id"), float("inf")),
        ("spool", ("steps", 1, "name"), "../../Matte"),
        ("spool", ("steps", 1, "name"), "/etc/Matte"),
        ("spool", ("steps", 1, "tasks", 0), ["a"]),
        ("spool", ("steps", 1, "jobs"), ["1; reboot"]),
        ("spool", ("options",), [["--wrap"]]),
    ],
)
def test_documents_that_must_be_refused(
    folder: Path, name: str, way: tuple[Any, ...], value: Any
) -> None:
    document = copy.deepcopy(DOCUMENTS[name])
    *before, last = way
    holder = document
    for key in before:
        holder = holder[key]
    holder[last] = value
    with pytest.raises(VimatteError) as info:
        TARGETS[name](folder, json.dumps(document).encode())
    one_line(info.value)


@pytest.mark.parametrize(
    "fields",
    [{"out": "x" * 5000}, {"quality": "x" * 5000}, {"model": "x" * 5000},
     {"exposure": float("inf")}, {"exposure": 10**400}, {"exposure": True},
     {"instances": [{"id": float("inf"), "name": "a"}]}, {"segment": 1.5}, {"masks": "\0"}],
)  # fmt: skip
def test_requests_that_fuzzing_found(folder: Path, fields: dict[str, Any]) -> None:
    request(folder, {**REQUEST, **fields})


@QUICK
@given(fields=st.dictionaries(st.sampled_from(sorted(REQUEST)), VALUES, max_size=5))
def test_requests(folder: Path, fields: dict[str, Any]) -> None:
    request(folder, {**REQUEST, **fields})
