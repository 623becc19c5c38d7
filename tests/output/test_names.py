from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimatte.errors import ConfigError
from vimatte.output.names import (
    NUKE_LAYERS,
    WINDOWS_NAMES,
    check_names,
    is_legal,
    legal_names,
    safe_stem,
)


@pytest.mark.parametrize("names", [[], ["person01", "Car_2"], ["a"], ["A" * 24], ["B_", "b"]])
def test_good_names(names: list[str]) -> None:
    check_names(names, views=["cam1"])


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["1person"], "not allowed"), ([""], "not allowed"), (["a b"], "not allowed"),
        (["a.b"], "not allowed"), (["../x"], "not allowed"), (["A" * 25], "not allowed"),
        (["é"], "not allowed"), (["a\n"], "not allowed"), (["_a"], "not allowed"),
        (["RGBA"], "Nuke"), (["Depth"], "Nuke"), (["Red"], "Nuke"),
        (["con"], "reserved"), (["LPT1"], "reserved"), (["VideoInstanceMatte00"], "reserved"),
        (["ok", "Cam1"], "view"), (["left"], "view"), (["bob", "Bob"], "but for case"),
    ],
)  # fmt: skip
def test_bad_names_and_why(names: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as info:
        check_names(names, views=["cam1"])
    assert info.value.hint


@given(st.lists(st.text(max_size=30), max_size=4))
def test_what_is_allowed_is_safe_everywhere(names: list[str]) -> None:
    try:
        check_names(names)
    except ConfigError:
        return
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert name.isascii()
        assert name.isidentifier()
        assert len(name) <= 24
        assert name.lower() not in NUKE_LAYERS | WINDOWS_NAMES


@given(st.text(max_size=150))
def test_stems_are_safe(text: str) -> None:
    stem = safe_stem(text)
    assert stem
    assert Path(stem).name == stem
    assert not set(stem) & set('./\\:*?"<>| \0\n')
    assert stem[0] not in "-_"
    assert stem.lower() not in WINDOWS_NAMES
    assert safe_stem(stem) == stem


@pytest.mark.parametrize(
    ("text", "stem"),
    [("sh010", "sh010"), ("sh.010 v2", "sh_010_v2"), ("../..", "shot"), ("NUL", "shot_NUL")],
)
def test_stems(text: str, stem: str) -> None:
    assert safe_stem(text) == stem


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (["anna", "bert"], ["anna", "bert"]),
        (["1", "2", "10"], ["object01", "object02", "object10"]),
        (["000", "001"], ["object00", "object01"]),
        (["person 1", "Anna-2", "a.b"], ["person_1", "Anna_2", "a_b"]),
        (["2nd", "_xy", "_x", "__"], ["object_2nd", "xy", "object_x", "object04"]),
        (["über", "Zoë", "Søren", "Strauß"], ["uber", "Zoe", "Soren", "Strauss"]),
        (["人物", "張"], ["object01", "object02"]),
        (["left", "mask", "con", "VideoInstanceMatte"],
         ["object_left", "object_mask", "object_con", "object_VideoInstanceMatt"]),
        (["x" * 40, "x" * 41], ["x" * 24, "x" * 22 + "_2"]),
        (["anna", "Anna", "anna "], ["anna", "Anna_2", "anna_3"]),
        (["1", "object01"], ["object01_2", "object01"]),
        (["person 1", "person_1", "person-1"], ["person_1_2", "person_1", "person_1_3"]),
    ],
)  # fmt: skip
def test_names_that_tools_write_become_legal(found: list[str], names: list[str]) -> None:
    assert legal_names(found) == names


@given(st.lists(st.text(max_size=40), max_size=6), st.lists(st.sampled_from(["a", "object01"])))
def test_every_name_becomes_a_legal_one_of_its_own(found: list[str], taken: list[str]) -> None:
    names = legal_names(found, taken)
    check_names([*set(taken), *names])
    assert legal_names(names, taken) == names
    # A legal one stays, unless somebody before has it.
    for at, (text, name) in enumerate(zip(found, names, strict=True)):
        others = {*taken, *(other.casefold() for other in found[:at])}
        if is_legal(text) and text.casefold() not in others:
            assert name == text
