"""The frozen table: legal names for whatever masks are called, and who was given which."""

from __future__ import annotations

import pytest

from vimatte.errors import ConfigError, GuidanceError
from vimatte.guidance.types import InstanceInfo
from vimatte.session.instances import freeze, naming_notices
from vimatte.session.session_file import Instance

Rows = tuple[Instance, ...]


def found(*names: str) -> tuple[InstanceInfo, ...]:
    return tuple(InstanceInfo(k, name, 1, 9, 9, (0, 0, 0)) for k, name in enumerate(names, 1))


def names_of(rows: Rows) -> list[str]:
    return [row.name for row in rows]


def test_names_become_legal_once_and_stay() -> None:
    table = freeze((), found("1", "person 1"))
    assert names_of(table) == ["object01", "person_1"]
    assert names_of(freeze(table, found("0", "person 2", "object01"))) == [
        "object01",
        "person_1",
        "object01_2",
    ]


@pytest.mark.parametrize(
    ("names", "table"),
    [((), ["object01", "object_left"]), (("a",), ["a", "object_left"]), (("a", "b"), ["a", "b"])],
)
def test_given_names_count_before_the_masks(names: tuple[str, ...], table: list[str]) -> None:
    rows = freeze((), found("1", "left"), names)
    assert names_of(rows) == table
    said = " ".join(map(str, naming_notices((), rows, found("1", "left"), names)))
    assert ("'1' is called object01" in said) is (not names)
    assert ("'left' is called object_left" in said) is (len(names) < 2)
    assert ("1 name for 2 instances: object_left kept theirs" in said) is (len(names) == 1)
    assert naming_notices(rows, rows, found("1", "left"), ()) == ()


@pytest.mark.parametrize("names", [("rgb",), ("a", "A"), ("a", "b", "c"), ("1",), ("x y",)])
def test_bad_names_are_a_wrong_setting(names: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as info:
        freeze((), found("anna", "bert"), names)
    assert info.value.exit_code == 4
    assert info.value.hint


def test_too_many_names_say_who_has_no_pixel() -> None:
    with pytest.raises(ConfigError, match=r"2 names were given for 1 instance \(anna\)") as info:
        freeze((), found("anna"), ("a", "b"), ("bert",))
    assert info.value.hint == "no name is needed for bert: their masks are empty in the shot"


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (("bert", "zoe"), "its bert was made from 'bert', where 'zoe' is now"),
        (("aaron", "anna", "bert"), "its anna was made from 'anna', where 'aaron' is now"),
        (("bert",), "its bert was made from 'bert', where 'nobody' is now"),
    ],
)
def test_masks_that_changed_places_give_nobody_anothers_name(
    now: tuple[str, ...], said: str
) -> None:
    table = freeze((), found("anna", "bert"))
    with pytest.raises(GuidanceError, match=said):
        freeze(table, found(*now))
    # Renamed at its place, or added behind: the ids are those they were.
    assert names_of(freeze(table, found("anna_v2", "bert", "carl"))) == ["anna", "bert", "carl"]


def test_names_that_were_exchanged_on_purpose_stay() -> None:
    table = freeze((), found("anna", "bert"), ("bert", "anna"))
    assert names_of(freeze(table, found("anna", "bert"))) == ["bert", "anna"]
