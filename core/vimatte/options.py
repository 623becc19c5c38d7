"""Every option of a shot, declared once: what it is called, takes and means, and who may set it.

The command line's flags and their help, the worker's fields, the session file's settings, the
identity of the cache and `docs/options.md` are made from these rows. Standard library alone, Python
3.9: hosts have a copy of this file beside the worker's client.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Where an option can be set.
DOORS = ("python", "command line", "session", "worker", "farm", "nuke", "blender")

# From here on a bound only keeps numbers sane, and is not worth a word.
_HUGE = 1e6
_TAKES = {
    "text": "a text",
    "path": "a path",
    "whole": "a whole number",
    "number": "a number",
    "switch": "true or false",
    "names": "a list of names",
    "window": "four whole numbers: left, top, width and height",
}


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes
    ----------
    name : str
        In Python, in ``session.json`` and for the worker; the flag has hyphens.
    kind : str
        ``text``, ``path``, ``whole``, ``number``, ``switch``, ``names`` or ``window``.
    help : str
        One sentence, without the default and without a full stop.
    default : object
        None where it is unset by default.
    metavar : str
        What the command line's help calls the value.
    choices : tuple of str
    low, high : float, optional
        Bounds, both included.
    unit : str
    usually : str
        The default in words, where the value itself does not say it.
    decides : bool
        Whether pixels depend on it.
    without : mapping of str to str
        The doors at which it cannot be set, and why.
    """

    name: str
    kind: str
    help: str
    default: Any = None
    metavar: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    usually: str = ""
    decides: bool = False
    without: Mapping[str, str] = field(default_factory=dict)

    @property
    def flag(self) -> str:
        """The command line's spelling, e.g. ``--start-frame``."""
        return "--" + self.name.replace("_", "-")

    @property
    def default_text(self) -> str:
        """The default in words; empty for switches, which are off."""
        if self.usually or self.kind == "switch" or self.default is None:
            return self.usually
        return f"{self.default:g}" if self.kind == "number" else str(self.default)

    def sentence(self) -> str:
        """Return the help with unit, bounds and default."""
        said = [self.help]
        if self.bounds:
            said.append(f"; {self.bounds}")
        if self.unit:
            said.append(f", in {self.unit}")
        if self.default_text:
            said.append(f" (default: {self.default_text})")
        return "".join(said)

    @property
    def bounds(self) -> str:
        """The bounds in words; empty where there are none but those of sane numbers."""
        if self.low is None or self.low <= -_HUGE:
            return ""
        if self.high is None or self.high >= _HUGE:
            return f"{self.low:g} or more"
        return f"{self.low:g} to {self.high:g}"

    def wrong(self, value: Any) -> str | None:
        """Return what is wrong with a value, as one clause; None where nothing is."""
        if value is None and self.default is None:
            return None
        if not self._is_kind(value):
            return f"{self.name} is {_TAKES[self.kind]}, not {_short(value)}"
        if self.choices and value not in self.choices:
            return f"no {self.name} is called {_short(value)}"
        if self.kind in ("whole", "number"):
            above = self.low is None or value >= self.low
            below = self.high is None or value <= self.high
            # A whole number may be too large for the question, which is one of floats alone.
            finite = not isinstance(value, float) or math.isfinite(value)
            if not (finite and above and below):
                return f"{self.name} is {self.bounds or 'a sane number'}, not {_short(value)}"
        return None

    def _is_kind(self, value: Any) -> bool:
        if self.kind == "switch":
            return isinstance(value, bool)
        if self.kind == "whole":
            return isinstance(value, int) and not isinstance(value, bool)
        if self.kind == "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        if self.kind == "names":
            return isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)
        return True


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


_PANEL = "its panel does not have it; a session that has it keeps it"
_HOSTS = {"nuke": _PANEL, "blender": _PANEL}
_SESSION = "it belongs to a run on one machine, not to the shot"
_MOST_OFFSET = 10**9

#: What is matted, and how its colour is read.
SHOT = (
    Option(
        "frames", "text", "only these frames, e.g. 1001-1100, 1-100x2, 7,9,20-30 or -5--1",
        metavar="R", usually="all of them",
    ),
    Option(
        "colorspace", "text", "the plate's colour space, as OCIO calls it", metavar="NAME",
        usually="by the OCIO config's file rules, else scene-linear for EXR and sRGB for 8 bits",
        decides=True,
    ),
    Option(
        "ocio", "text", "the OCIO config: a file, or ocio:// and the name of a built-in one",
        metavar="CONFIG", usually="$OCIO, else the built-in ACES config", decides=True,
        without={"blender": "strips are read in the scene's own display space"},
    ),
    Option(
        "exposure", "number", "added before the network sees the plate, one value for the shot",
        0.0, metavar="STOPS", low=-1e6, high=1e6, unit="stops", decides=True, without=_HOSTS,
    ),
    Option(
        "view", "text", "the view of a stereo plate, e.g. left", metavar="NAME",
        usually="the file's first", decides=True,
        without={"nuke": "each view of the script is a shot of its own", "blender": _PANEL},
    ),
    Option(
        "layer", "text", "the layer or part of an EXR that is the picture", metavar="NAME",
        usually="the beauty, by its name", decides=True,
        without={"nuke": "the node exports the layer it is given", "blender": _PANEL},
    ),
    Option(
        "roi", "window", "only this part of the plate: left, top, width and height, in square "
        "pixels of its display window", metavar="X,Y,W,H", usually="all of it", decides=True,
        without=_HOSTS,
    ),
    Option(
        "start_frame", "whole", "the number of a movie's first frame", 1, metavar="N",
        without={"nuke": "the node numbers frames as its script does", "blender": _PANEL},
    ),
)  # fmt: skip

#: Where the instances come from, and what bounds their mattes.
GUIDANCE = (
    Option(
        "guidance", "text", "where instances come from: people are detected, masks are read from "
        "files (docs/guidance.md)", "people", metavar="people|masks:PATH", decides=True,
    ),
    Option(
        "names", "names", "names for the instances, in the order that vimatte guide lists them: "
        "letters, digits and underscores", (), metavar="a,b,c",
        usually="what the folders or layers of the masks are called",
        without={"blender": "names are edited in the list of instances"},
    ),
    Option(
        "mask_offset", "whole", "added to the frame numbers of the masks' files, e.g. 1001 for "
        "masks that start at 0; 0 takes numbers that look shifted as they are", metavar="N",
        low=-_MOST_OFFSET, high=_MOST_OFFSET, decides=True, without=_HOSTS,
    ),
    Option(
        "garbage", "path", "garbage mattes: where one is black alpha is 0. "
        "DIR/NAME/garbage.####.png is for the instance NAME (or whose masks' folder is NAME), "
        "DIR/garbage.####.png for every other", metavar="DIR", decides=True, without=_HOSTS,
    ),
    Option(
        "garbage_offset", "whole", "added to the frame numbers of the garbage mattes' files",
        metavar="N", low=-_MOST_OFFSET, high=_MOST_OFFSET, usually="0", decides=True,
        without=_HOSTS,
    ),
    Option(
        "core", "path", "core mattes: where one is white alpha is 1; files as for --garbage",
        metavar="DIR", decides=True, without=_HOSTS,
    ),
    Option(
        "core_offset", "whole", "added to the frame numbers of the core mattes' files",
        metavar="N", low=-_MOST_OFFSET, high=_MOST_OFFSET, usually="0", decides=True,
        without=_HOSTS,
    ),
)  # fmt: skip

#: How mattes are made.
SETTINGS = (
    Option(
        "model", "text", "the matting network; vimatte models lists them", "msgvim-lite",
        metavar="NAME", decides=True,
    ),
    Option(
        "quality", "text", "draft computes large regions at a smaller scale, which is faster and "
        "softer", "final", choices=("draft", "final"), decides=True,
    ),
    Option(
        "segment", "whole", "frames of a segment, after which the recurrent state starts again; 0 "
        "makes one segment of every scene", 96, metavar="S", low=0, decides=True, without=_HOSTS,
    ),
    Option(
        "preroll", "whole", "frames computed before a segment and thrown away", 8, metavar="P",
        low=0, decides=True, without=_HOSTS,
    ),
    Option(
        "keep_state", "whole", "frames between two states that are kept, from which any frame can "
        "start", 12, metavar="K", low=1, without=_HOSTS,
    ),
    Option(
        "coupling", "number", "how much what an instance's network says of the others counts in "
        "their mattes; 0 only bounds the sum", 0.5, metavar="WEIGHT", low=0, high=1e6,
        decides=True, without=_HOSTS,
    ),
    # At most 0.7: what is left of a frame after the preroll's eight is that to the eighth, 0.06.
    Option(
        "steadiness", "number", "how much of the frame before a matte keeps, moved along with the "
        "plate; 0 keeps nothing", 0.6, metavar="0-0.7", low=0, high=0.7, decides=True,
        without=_HOSTS,
    ),
    Option(
        "order", "names", "instances from front to back, for masks that overlap; those not "
        "named are behind them", (),
        metavar="a,b,c", usually="who is in front is told from the plate", decides=True,
        without=_HOSTS,
    ),
)  # fmt: skip

#: Which files are published.
OUTPUTS = (
    Option(
        "compression", "text", "the compression of the EXR files", "zip", metavar="NAME",
        without={**_HOSTS, "session": "a session is published in any form, any number of times"},
    ),
    *(
        Option(
            name, "switch", text, False,
            without={
                **{host: _PANEL for host in ("nuke", "blender") if host not in hosts},
                "session": "a session is published in any form, any number of times",
            },
        )
        for name, text, hosts in (
            ("foreground", "also every instance's colour times its alpha, as layers", ("nuke",)),
            (
                "cutout", "also one RGBA sequence per instance: its colour times its alpha",
                ("blender",),
            ),
            ("cryptomatte", "also a Cryptomatte of all instances", ("nuke",)),
            ("vse", "also one sequence per instance, for Blender's mask modifier", ("blender",)),
            ("preview", "also PNG previews", ()),
        )
    ),
)  # fmt: skip

#: What a run uses of a machine; the shot does not depend on it.
MACHINE = (
    Option(
        "cache", "path", "the cache folder", metavar="DIR", usually="OUT/cache",
        without={"session": _SESSION, "blender": _PANEL},
    ),
    Option(
        "device", "text", "the processor that computes", "auto", choices=("auto", "cpu", "cuda"),
        without={"session": _SESSION},
    ),
    Option(
        "weights", "path", "the network's weights", metavar="FILE", usually="the packaged ones",
        decides=True, without={"session": _SESSION, "blender": _PANEL},
    ),
)  # fmt: skip

#: All of them, by the title of their part of the reference page.
TABLES = {
    "The shot": SHOT,
    "Guidance": GUIDANCE,
    "The mattes": SETTINGS,
    "Published files": OUTPUTS,
    "The machine": MACHINE,
}


def option(name: str) -> Option:
    """Return a row by its name. Raises KeyError."""
    return _BY_NAME[name]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like another; empty where none is."""
    return next(iter(difflib.get_close_matches(name, list(known), 1, 0.6)), "")


_BY_NAME = {row.name: row for table in TABLES.values() for row in table}
