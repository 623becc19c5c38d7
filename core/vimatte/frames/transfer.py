"""Transfer curves that files name by number (ISO/IEC 23091-4), and what to do about each."""

from __future__ import annotations

from collections.abc import Callable

PQ, HLG = 16, 18
#: Near enough to sRGB to be shown as it: BT.709, gamma 2.2 and 2.8, SMPTE 170M and 240M, xvYCC,
#: BT.1361, sRGB, BT.2020 at 10 and 12 bits.
DISPLAY_CURVES = frozenset({1, 4, 5, 6, 7, 11, 12, 13, 14, 15})
#: A config of OpenColorIO's own that knows more spaces than the one that is built in here.
STUDIO = "ocio://studio-config-latest"

_NAMES = {
    8: "linear", 9: "logarithmic (100:1)", 10: "logarithmic (316:1)",
    PQ: "PQ", 17: "SMPTE 428", HLG: "HLG",
}  # fmt: skip
# Colour spaces that hold each curve, by the names that OCIO configs give them; first STUDIO's own.
_SPACES = {
    PQ: ("Rec.2100-PQ - Display", "Rec.2100-PQ", "rec2100_pq_display", "Rec.2100 PQ", "ST2084"),
    HLG: ("Rec.2100-HLG - Display", "Rec.2100-HLG", "rec2100_hlg_display", "Rec.2100 HLG", "HLG"),
    8: ("Linear Rec.709 (sRGB)", "lin_rec709_scene", "lin_rec709", "Utility - Linear - Rec.709"),
}


def curve_name(number: int) -> str:
    """Return what a transfer curve is called, e.g. ``HLG``."""
    return _NAMES.get(number, f"transfer curve {number}")


def options_for(number: int, has: Callable[[str], bool]) -> str | None:
    """Return the options by which a plate of a curve is read; None where there are none to name.

    Parameters
    ----------
    number : int
    has : callable
        Whether the config in use knows a colour space.
    """
    names = _SPACES.get(number, ())
    if not names:
        return None
    known = next((name for name in names if has(name)), None)
    if known is not None:
        return f'--colorspace "{known}"'
    return f'--ocio {STUDIO} --colorspace "{names[0]}"'
