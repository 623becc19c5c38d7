"""Settings that cannot be meant are refused where they are made."""

from __future__ import annotations

import math

import pytest

from vimatte.errors import ConfigError
from vimatte.session.settings import Settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"quality": "best"},
        {"segment": -1},
        {"preroll": -1},
        {"keep_state": 0},
        {"coupling": -1.0},
        {"coupling": math.nan},
        {"coupling": math.inf},
        {"steadiness": -0.1},
        {"steadiness": 0.9},
        {"steadiness": math.nan},
    ],
    ids=str,
)
def test_wrong_values(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Settings(**wrong)


def test_the_limits_are_allowed() -> None:
    assert Settings(coupling=0, steadiness=0.7, segment=0, preroll=0).steadiness == 0.7
