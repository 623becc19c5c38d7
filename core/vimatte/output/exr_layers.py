"""The layers of a published frame: the same channels in every file of a shot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import OutputError
from vimatte.output.half import (
    UNITS_IN_ONE,
    finite_half,
    half_units,
    to_half_floor,
    units_to_half_floor,
)

# How far alphas may leave [0, 1], or their sum exceed 1, before it is not a matter of rounding.
SLACK = 1e-3

Plane = NDArray[np.float32]
Half = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class RoundedAlphas:
    """The alphas of a frame as they are written.

    Attributes
    ----------
    total : ndarray of float16, shape (height, width)
        The sum of the alphas below, rounded towards zero.
    alphas : mapping of str to ndarray of float16, shape (height, width)
        At every pixel their sum, taken exactly, is at most 1. An absent instance is not in it.
    """

    total: Half
    alphas: Mapping[str, Half]


def channel_names(instances: Sequence[str], foreground: bool = False) -> list[str]:
    """Return the channels of every file of a shot, in order.

    Parameters
    ----------
    instances : sequence of str
        Names, as `vimatte.output.names.check_names` allows.
    foreground : bool
        Whether each instance also has R, G and B.
    """
    names = ["R", "G", "B", "A"]
    for instance in instances:
        if foreground:
            names += [f"{instance}.{c}" for c in "RGB"]
        names.append(f"{instance}.A")
    return names


def round_alphas(
    shape: tuple[int, int], alphas: Mapping[str, Plane], frame: int | None = None
) -> RoundedAlphas:
    """Round alphas to half floats so that their sum stays at most 1.

    Every alpha is rounded towards zero. Where 32-bit floats hid that the sum was a trifle above 1,
    the largest of them is lowered by that trifle.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the data window.
    alphas : mapping of str to ndarray of float32, shape (height, width), in [0, 1]
    frame : int, optional
        For error messages.

    Raises
    ------
    OutputError
        When an alpha has another shape, is not a number or far outside [0, 1], or the sum is far
        above 1: then what computed them is wrong.
    """
    rounded: dict[str, Half] = {}
    units = np.zeros(shape, np.int32)
    for name, alpha in alphas.items():
        if alpha.shape != shape:
            raise OutputError(
                f"the matte of {name} is {alpha.shape[1]}x{alpha.shape[0]}, "
                f"not {shape[1]}x{shape[0]} like its frame",
                frame=frame,
            )
        if alpha.size:
            low, high = float(alpha.min()), float(alpha.max())
            if not (low >= -SLACK and high <= 1 + SLACK):  # so that NaN is refused too
                raise OutputError(
                    f"the matte of {name} has values from {low:g} to {high:g}", frame=frame
                )
            if low < 0 or high > 1:
                alpha = np.clip(alpha, 0, 1)  # noqa: PLW2901 - the same matte
        box = _occupied(alpha)  # most of a frame is empty
        half = to_half_floor(alpha[box])
        half.view(np.uint16)[...] &= 0x7FFF  # a zero with a sign is a zero
        rounded[name] = np.zeros(shape, np.float16)
        rounded[name][box] = half
        units[box] += half_units(half)
    most = int(units.max(initial=0))
    if most > UNITS_IN_ONE * (1 + SLACK):
        most_alpha = most / UNITS_IN_ONE
        raise OutputError(f"the alphas of a pixel sum to {most_alpha:.4f}", frame=frame)
    if most > UNITS_IN_ONE:
        over = np.nonzero(units > UNITS_IN_ONE)
        _lower_the_largest(rounded, over, units[over] - UNITS_IN_ONE)
        units = sum((half_units(h) for h in rounded.values()), np.zeros(shape, np.int32))
    total = np.zeros(shape, np.float16)
    box = _occupied(units)
    total[box] = units_to_half_floor(units[box])
    return RoundedAlphas(total, rounded)


def stack_layers(
    rounded: RoundedAlphas,
    instances: Sequence[str],
    foregrounds: Mapping[str, Plane] | None = None,
) -> Half:
    """Return the pixels of a file, channels as `channel_names` has them.

    R, G, B and A are the sum of the alphas.

    Parameters
    ----------
    rounded : RoundedAlphas
    instances : sequence of str
        One that has no alpha is absent: zeros.
    foregrounds : mapping of str to ndarray of float32, shape (height, width, 3), optional
        Premultiplied colour, scene-linear. Without it there are no colour channels.

    Returns
    -------
    ndarray of float16, shape (height, width, channels)
    """
    names = channel_names(instances, foregrounds is not None)
    pixels = np.zeros((*rounded.total.shape, len(names)), np.float16)
    for channel in range(4):
        pixels[..., channel] = rounded.total
    at = 4
    for name in instances:
        if foregrounds is not None:
            if name in foregrounds:
                pixels[..., at : at + 3] = finite_half(foregrounds[name])
            at += 3
        if name in rounded.alphas:
            pixels[..., at] = rounded.alphas[name]
        at += 1
    return pixels


def _occupied(plane: NDArray[np.generic]) -> tuple[slice, slice]:
    """Return the rows and columns that hold everything that is not zero."""
    rows, columns = np.any(plane != 0, axis=1), np.any(plane != 0, axis=0)
    return _span(rows), _span(columns)


def _span(flags: NDArray[np.bool_]) -> slice:
    at = np.flatnonzero(flags)
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0)


def _lower_the_largest(
    rounded: Mapping[str, Half],
    at: tuple[NDArray[np.intp], ...],
    excess: NDArray[np.int32],
) -> None:
    """Take `excess` off the largest alpha of each pixel of `at`, in place."""
    names = list(rounded)
    there = np.stack([half_units(rounded[name][at]) for name in names])
    largest = there.argmax(axis=0)
    for index, name in enumerate(names):
        chosen = largest == index
        where = tuple(axis[chosen] for axis in at)
        rounded[name][where] = units_to_half_floor(there[index][chosen] - excess[chosen])
