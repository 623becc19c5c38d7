from __future__ import annotations

from fractions import Fraction

import pytest

from vimatte.frames.timecode import packed_timecode

NTSC = Fraction(30000, 1001)


def text(start: str, rate: Fraction, index: int) -> str | None:
    packed = packed_timecode(start, rate, index)
    if packed is None:
        return None
    assert packed[1] == 0
    hours, minutes, seconds, frames = ((packed[0] >> shift) & 0xFF for shift in (24, 16, 8, 0))
    mark = ";" if frames & 0x40 else ":"
    return f"{hours:02x}:{minutes:02x}:{seconds:02x}{mark}{frames & 0x3F:02x}"


@pytest.mark.parametrize(
    ("start", "rate", "index", "expected"),
    [
        ("01:00:00:00", Fraction(24), 0, "01:00:00:00"),
        ("01:00:00:00", Fraction(24), 25, "01:00:01:01"),
        ("23:59:59:24", Fraction(25), 1, "00:00:00:00"),
        ("10:09:59:29", NTSC, 1, "10:10:00:00"),
        ("10:08:59;29", NTSC, 1, "10:09:00;02"),
        ("10:09:59;29", NTSC, 1, "10:10:00;00"),
        ("00:00:00;00", NTSC, 1799, "00:00:59;29"),
        ("00:00:00;00", NTSC, 1800, "00:01:00;02"),
        ("00:00:00;00", NTSC, 17982, "00:10:00;00"),
        ("00:00:00;00", NTSC, 107892, "01:00:00;00"),
        ("nonsense", Fraction(24), 0, None),
        ("", Fraction(24), 0, None),
        ("01:00:00:24", Fraction(24), 0, None),
        ("01:61:00:00", Fraction(24), 0, None),
        ("01:00:00:00", Fraction(60), 0, None),
    ],
)
def test_packed_timecode(start: str, rate: Fraction, index: int, expected: str | None) -> None:
    assert text(start, rate, index) == expected
