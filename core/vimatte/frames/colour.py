"""From a plate's colour space to what networks see: sRGB-encoded RGB in [0, 1].

The curve, version 1. Values become linear Rec.709, are multiplied by 2 ** exposure, and
sRGB-encoded (negative ones as 0, and beyond 1 by the same formula). Where a plate may hold more
than white, that is in scene-linear and log spaces, or with a positive exposure, encoded values
above 0.8 are rolled off::

    e <= 0.8:  e
    e >  0.8:  0.8 + 0.2 * t / sqrt(1 + t * t),  t = (e - 0.8) / 0.2

which has no corner, never wraps and never passes 1: diffuse white becomes 0.941, 16 times white
0.9994. Display-referred plates (sRGB, gamma and the like, whose 1.0 is white) are not rolled off,
so an 8-bit sRGB plate reaches the network bit for bit as it is.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import ColorSpaceError
from vimatte.frames.ocio_config import OcioConfig
from vimatte.frames.transfer import curve_name, options_for
from vimatte.frames.types import Plate

CURVE_VERSION = 1
KNEE = 0.8
_MAX_EXPOSURE = 32.0
_BLOCK_ROWS = 16
# Half floats end at 65504; far beyond it, a product must not become infinite.
_LARGEST = 1e9
_SRGB_NAME = "sRGB"
_PROBES = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [0.18, 0.5, 0.02], [-0.5, 2, 0.1], [40, 9, 300]],
    np.float32,
)


class NetworkColour:
    """Turns a plate's pixels into what networks see; one and the same for the whole shot.

    Parameters
    ----------
    colorspace : str or None
        The plate's colour space, an alias or a role. None: what the OCIO config's file rules say,
        then scene-linear for EXR and sRGB for 8 bits.
    plate : Plate
        Whose colour it is.
    ocio : str, optional
        An OCIO config; by default ``$OCIO``, then the built-in ACES config.
    exposure : float
        Stops.

    Raises
    ------
    ColorSpaceError
        When the colour space is unknown to the config, or must be given and is not.
    """

    def __init__(
        self,
        colorspace: str | None,
        *,
        plate: Plate,
        ocio: str | None = None,
        exposure: float = 0.0,
    ) -> None:
        if not abs(exposure) <= _MAX_EXPOSURE:
            raise ColorSpaceError(
                f"an exposure of {exposure} stops is not usable", hint="e.g. --exposure 1.5"
            )
        self._exposure = float(exposure)
        self._config = OcioConfig(ocio)
        self._space = self._choose(colorspace, plate)
        self._is_srgb = self._space == _SRGB_NAME or self._config.is_srgb(self._space)
        self._matrix: NDArray[np.float32] | None = None
        self._exceeds_white = False
        if not self._is_srgb:
            self._probe()
        self._beyond_white = self._exceeds_white or self._exposure > 0

    @property
    def colorspace(self) -> str:
        """The plate's colour space, by the config's own name."""
        return self._space

    def settings(self) -> dict[str, Any]:
        """Return what the conversion depends on, for fingerprints."""
        return {
            # One name for sRGB, found or given: a session opened again must find its mattes.
            "colorspace": _SRGB_NAME if self._is_srgb else self._space,
            "exposure": self._exposure,
            # sRGB is the same in every config.
            "ocio": "" if self._is_srgb else self._config.digest(),
            "curve": CURVE_VERSION,
        }

    def to_network(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert a picture.

        Parameters
        ----------
        pixels : ndarray of float32, shape (h, w, 3)
            In the plate's colour space, any values.

        Returns
        -------
        ndarray of float32, shape (h, w, 3)
            sRGB-encoded, in [0, 1], without NaN. Always a new array.
        """
        if pixels.size == 0:
            return np.zeros_like(pixels)
        if self._is_srgb and self._exposure == 0:
            return _into_unit(pixels)
        linear = self._matrix is not None or self._is_srgb
        source = pixels if linear else self._config.to_linear_rec709(pixels, self._space)
        gain = np.float32(2.0**self._exposure)
        out = np.empty(pixels.shape, np.float32)
        # Rows at a time, so that every step finds the last one's result in the processor's cache.
        for top in range(0, len(pixels), _BLOCK_ROWS):
            rows = slice(top, top + _BLOCK_ROWS)
            block = np.fmax(source[rows], np.float32(-_LARGEST))
            np.fmin(block, np.float32(_LARGEST), out=block)
            if self._is_srgb:
                block = _srgb_decode(block)
            elif self._matrix is not None:
                block = np.asarray(cv2.transform(block, self._matrix), np.float32)
            if self._exposure:
                block *= gain
            out[rows] = _encode(block, roll_off=self._beyond_white)
        return out

    @property
    def may_exceed_white(self) -> bool:
        """Whether the plate's own values may hold more than white: scene-linear and log ones."""
        return self._exceeds_white

    @property
    def exposure(self) -> float:
        """The stops that are added before networks see the plate."""
        return self._exposure

    def to_linear(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert a picture to linear Rec.709, without the exposure."""
        if self._is_srgb:
            return _srgb_decode(pixels)
        return self._config.to_linear_rec709(pixels, self._space)

    def to_scene_linear(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert a picture to the light that compositors work in.

        That is the role ``scene_linear`` of the config that was chosen, by ``--ocio`` or ``$OCIO``.
        Where none was, it is linear Rec.709, which hosts without a config of their own work in; a
        plate that is in ``scene_linear`` already stays as it is.

        Parameters
        ----------
        pixels : ndarray of float32, shape (h, w, 3)
            In the plate's colour space, any values. The exposure does not change them.

        Raises
        ------
        ColorSpaceError
            When the config cannot convert.
        """
        if pixels.size == 0 or self._in_scene_linear():
            return pixels
        if self._config.chosen and self._config.has(self._space):
            return self._config.to_scene_linear(pixels, self._space)
        if self._is_srgb:
            return _srgb_decode(pixels)
        return self._config.to_linear_rec709(pixels, self._space)

    def scene_linear_settings(self) -> dict[str, Any]:
        """Return what `to_scene_linear` depends on, for fingerprints."""
        kept = self._in_scene_linear() or not self._config.chosen
        return {
            "space": self._space,
            "scene_linear": "plate" if self._in_scene_linear() else "",
            "ocio": "" if kept else self._config.digest(),
        }

    def _in_scene_linear(self) -> bool:
        role = "scene_linear"
        return self._config.has(role) and self._config.resolve(role) == self._space

    def _choose(self, given: str | None, plate: Plate) -> str:
        if given is not None:
            if not self._config.has(given) and given.lower() == "srgb":
                return _SRGB_NAME
            return self._config.resolve(given)
        by_rule = self._config.from_file_rules(plate.path)
        if by_rule is not None:
            return by_rule
        if plate.encoding == "srgb":
            return _SRGB_NAME
        if plate.encoding == "scene-linear":
            return self._config.resolve("scene_linear")
        if plate.transfer is not None:
            options = options_for(plate.transfer, self._config.has)
            raise ColorSpaceError(
                f"the plate is tagged as {curve_name(plate.transfer)}: its colour space must be "
                "given",
                path=plate.path,
                hint=options or "e.g. --colorspace ACEScct or --colorspace sRGB",
            )
        raise ColorSpaceError(
            "the plate's colour space must be given: log, DPX, 16-bit and HDR values may mean "
            "many things",
            path=plate.path,
            hint="e.g. --colorspace ACEScct or --colorspace sRGB",
        )

    def _probe(self) -> None:
        """Find out whether the space is linear, and whether it holds more than white."""
        made = self._config.to_linear_rec709(_PROBES[None], self._space)[0].astype(np.float64)
        matrix = made[:3].T
        expected = _PROBES.astype(np.float64) @ matrix.T
        if np.allclose(made, expected, rtol=1e-4, atol=1e-4):
            self._matrix = matrix.astype(np.float32)
            self._exceeds_white = True
        elif made[3].max() > 1.001:
            self._exceeds_white = True


def _into_unit(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    # fmax and fmin take the number where the other is NaN; clip would keep NaN.
    clipped: NDArray[np.float32] = np.fmax(pixels, np.float32(0))
    return np.fmin(clipped, np.float32(1), out=clipped)


def _power(values: NDArray[np.float32], exponent: float) -> NDArray[np.float32]:
    # numpy's power is as fast on some processors only.
    return np.asarray(cv2.pow(values, exponent), np.float32)


def _srgb_decode(encoded: NDArray[np.float32]) -> NDArray[np.float32]:
    low = encoded <= 0.04045
    base = np.maximum(encoded, np.float32(0)) + np.float32(0.055)
    high = _power(base / np.float32(1.055), 2.4)
    np.copyto(high, encoded / np.float32(12.92), where=low)
    return high


def _encode(linear: NDArray[np.float32], *, roll_off: bool) -> NDArray[np.float32]:
    """sRGB-encode linear values of any size into [0, 1], by the curve in the module's text."""
    linear = np.fmax(linear, np.float32(0))
    encoded = _power(linear, 1 / 2.4)
    encoded *= np.float32(1.055)
    encoded -= np.float32(0.055)
    # The straight part near black, without a branch: within 1e-6 of choosing by 0.0031308.
    linear *= np.float32(12.92)
    np.minimum(linear, np.float32(0.04045), out=linear)
    np.maximum(encoded, linear, out=encoded)
    if not roll_off:
        return np.minimum(encoded, np.float32(1), out=encoded)
    above = encoded - np.float32(KNEE)
    np.maximum(above, np.float32(0), out=above)
    above *= np.float32(1 / (1 - KNEE))
    slope = np.square(above, out=linear)
    slope += np.float32(1)
    np.sqrt(slope, out=slope)
    above /= slope
    above *= np.float32(1 - KNEE)
    np.minimum(encoded, np.float32(KNEE), out=encoded)
    encoded += above
    return np.minimum(encoded, np.float32(1), out=encoded)
