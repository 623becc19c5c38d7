"""An OCIO config, as far as vimatte needs one: names, file rules, linear Rec.709 and a digest."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vimatte.errors import ColorSpaceError
from vimatte.frames.transfer import STUDIO

BUILT_IN = "ocio://default"
_LINEAR_REC709 = (
    "lin_rec709_scene",
    "lin_rec709",
    "lin_srgb",
    "Linear Rec.709 (sRGB)",
    "Utility - Linear - Rec.709",
    "Utility - Linear - sRGB",
    "Linear Rec.709",
    "Linear BT.709",
)
_SRGB = "srgb_rec709_scene"
_LUT_FILE = re.compile(r"""\bsrc:\s*("[^"]*"|'[^']*'|[^,}\n]+)""")
_SEARCH_PATH = re.compile(r"^search_path:\s*(.*)$", re.MULTILINE)
_MAX_CONFIG = 1 << 28
#: ACES2065-1 to linear Rec.709, Bradford adapted from the ACES white to D65.
_AP0_TO_REC709 = np.array(
    [
        [2.52168618674388, -1.13413098823972, -0.38755519850416],
        [-0.27647991422992, 1.37271908766826, -0.09623917343834],
        [-0.01537806496603, -0.15297533586740, 1.16835340083343],
    ]
)


class OcioConfig:
    """A loaded OCIO config.

    Parameters
    ----------
    name : str, optional
        A file or ``ocio://...``; by default ``$OCIO``, then the built-in ACES config.

    Raises
    ------
    ColorSpaceError
        When the config cannot be read.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name or os.environ.get("OCIO") or BUILT_IN
        if not self.name.startswith("ocio://") and not Path(self.name).is_file():
            raise ColorSpaceError("there is no such OCIO config", path=self.name, hint=_HINT)
        #: Whether somebody chose it, or it is only what there is.
        self.chosen = self.name != BUILT_IN
        self._config = oiio.ColorConfig(self.name)
        trouble = self._config.geterror()
        if trouble:
            raise ColorSpaceError(
                f"the OCIO config cannot be read: {trouble.splitlines()[0]}",
                path=self.name,
                hint=_HINT,
            )

    def resolve(self, space: str) -> str:
        """Return the config's own name of a colour space, alias or role.

        Raises
        ------
        ColorSpaceError
            When there is none; its hint lists close names.
        """
        if self._config.getColorSpaceIndex(space) < 0:
            raise ColorSpaceError(f"unknown colour space {space!r}", hint=self._close_names(space))
        name = str(self._config.resolve(space))
        if self._config.isData(name):
            raise ColorSpaceError(f"colour space {name!r} is for data, not for pictures")
        return name

    def has(self, space: str) -> bool:
        """Whether the config knows a colour space, alias or role."""
        return bool(self._config.getColorSpaceIndex(space) >= 0)

    def from_file_rules(self, path: Path) -> str | None:
        """Return what a file rule other than Default says of a path, if it is a picture space."""
        text = str(path)
        if self._config.filepathOnlyMatchesDefaultRule(text):
            return None
        name = str(self._config.getColorSpaceFromFilepath(text))
        known = self.has(name) and not self._config.isData(name)
        return str(self._config.resolve(name)) if known else None

    def is_srgb(self, space: str) -> bool:
        """Whether a colour space is sRGB-encoded Rec.709 by another name."""
        return any(
            self._config.equivalent(space, name)
            for name in (_SRGB, "srgb_rec709_display")
            if self.has(name)
        )

    def to_linear_rec709(self, pixels: NDArray[np.float32], space: str) -> NDArray[np.float32]:
        """Convert to scene-linear Rec.709.

        Parameters
        ----------
        pixels : ndarray of float32, shape (h, w, 3)
        space : str

        Raises
        ------
        ColorSpaceError
            When the config has no linear Rec.709 space and no ACES interchange role.
        """
        target = next((name for name in _LINEAR_REC709 if self.has(name)), None)
        if target is not None:
            return self._convert(pixels, space, target)
        if not self.has("aces_interchange"):
            raise ColorSpaceError(
                "the OCIO config has neither a linear Rec.709 space nor the role aces_interchange",
                path=self.name,
                hint=_HINT,
            )
        aces = self._convert(pixels, space, "aces_interchange")
        return aces @ _AP0_TO_REC709.T.astype(np.float32)

    def to_scene_linear(self, pixels: NDArray[np.float32], space: str) -> NDArray[np.float32]:
        """Convert to the config's role ``scene_linear``.

        Parameters
        ----------
        pixels : ndarray of float32, shape (h, w, 3)
        space : str

        Raises
        ------
        ColorSpaceError
            When the config has no such role.
        """
        return self._convert(pixels, space, self.resolve("scene_linear"))

    def digest(self) -> str:
        """Return a digest of the config and of the LUT files it refers to; of no path or time."""
        made = hashlib.blake2b(digest_size=16)
        if self.name.startswith("ocio://"):
            # A built-in config is fixed by the OCIO release that carries it.
            made.update(f"{self.name} {oiio.get_string_attribute('opencolorio_version')}".encode())
            return made.hexdigest()
        path = Path(self.name)
        try:
            content = _read(path)
            made.update(content)
            if path.suffix.lower() != ".ocioz":
                for file in _lut_files(path, content.decode("utf-8", "replace")):
                    made.update(file.name.encode())
                    made.update(_read(file))
        except OSError as error:
            raise ColorSpaceError(
                f"cannot read the OCIO config: {error.strerror}", path=error.filename or path
            ) from None
        return made.hexdigest()

    def _convert(
        self, pixels: NDArray[np.float32], source: str, target: str
    ) -> NDArray[np.float32]:
        # One thread: read-ahead already keeps the cores busy.
        made = oiio.ImageBufAlgo.colorconvert(
            oiio.ImageBuf(pixels), source, target, False, "", "", self.name, oiio.ROI.All, 1
        )
        if made.has_error:
            raise ColorSpaceError(
                f"cannot convert from {source!r}: {made.geterror().splitlines()[0]}",
                path=self.name,
            )
        return np.asarray(made.get_pixels(oiio.FLOAT), np.float32)

    def _close_names(self, wanted: str) -> str:
        found = self._matches(wanted, 0.4)
        what = "close names" if found else "it has"
        names = [str(name) for name in self._config.getColorSpaceNames()]
        hint = f"{what} in {self.name}: {', '.join(found or names[:12])}"
        if self.name != STUDIO:
            # What a user means may be a space that the smaller config lacks; its close names then
            # mislead: PQ for HLG.
            better = [n for n in OcioConfig(STUDIO)._matches(wanted, 0.7) if n not in names]
            if better:
                hint += f"; with --ocio {STUDIO}: {', '.join(better[:3])}"
        return hint

    def _matches(self, wanted: str, cutoff: float) -> list[str]:
        names = [str(name) for name in self._config.getColorSpaceNames()]
        spellings = {name.lower(): name for name in names}
        for name in names:
            spellings.update({str(a).lower(): name for a in self._config.getAliases(name)})
        close = difflib.get_close_matches(wanted.lower(), spellings, n=5, cutoff=cutoff)
        within = [s for s in spellings if wanted.lower() in s]
        return list(dict.fromkeys(spellings[s] for s in [*close, *within]))[:5]


_HINT = "choose a config by --ocio or $OCIO"


def _lut_files(config: Path, text: str) -> list[Path]:
    match = _SEARCH_PATH.search(text)
    folders = [config.parent]
    if match is not None:
        folders += [config.parent / part.strip(" \"'") for part in match[1].split(":")]
    files = []
    for found in sorted({name.strip(" \"'") for name in _LUT_FILE.findall(text)}):
        files += [folder / found for folder in folders if (folder / found).is_file()][:1]
    return files


def _read(path: Path) -> bytes:
    if path.stat().st_size > _MAX_CONFIG:
        raise ColorSpaceError("the file is implausibly large for an OCIO config", path=path)
    return path.read_bytes()
