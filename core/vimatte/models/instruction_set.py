"""Which vector instructions of the processor compute mattes: chosen before anything is loaded.

The same network gives other last bits on processors with other vector instructions, since sums are
added up in another order (`docs/decisions/0009-threads-and-bits.md`). A process can be told to do
without the better ones. Every library has its own word for it, and reads it when it is loaded: so
it must stand in the environment before NumPy, OpenCV and torch are. Standard library alone.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import MutableMapping, Sequence
from importlib import metadata

from vimatte.errors import ConfigError

#: What `VARIABLE` and ``--cpu-isa`` may say.
CHOICES = ("native", "avx2", "sse4")
VARIABLE = "VIMATTE_CPU_ISA"
OPTION = "--cpu-isa"
# For torch, oneDNN, MKL and OpenCV.
_WORDS: dict[str, dict[str, str]] = {
    "native": {},
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENCV_CPU_DISABLE": "AVX512-SKX",
    },
    "sse4": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,FMA3,FP16,AVX",
    },
}
# For NumPy, which gave its groups of instructions new names with 2.4.
_NUMPY_BEFORE_2_4 = {
    "native": "",
    "avx2": "AVX512F AVX512CD AVX512_SKX",
    "sse4": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX",
}
_NUMPY = {
    "native": "",
    "avx2": "X86_V4 AVX512_ICL AVX512_SPR",
    "sse4": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
}


def environment_for(isa: str) -> dict[str, str]:
    """Return the environment variables that make a new process compute with an instruction set.

    Parameters
    ----------
    isa : {"native", "avx2", "sse4"}
        The best there is; at most AVX2 with fused multiply-add; at most SSE 4.

    Raises
    ------
    ConfigError
        When it is none of these.
    """
    if isa not in CHOICES:
        raise ConfigError(f"no instruction set is called {isa!r}", hint=f"use {', '.join(CHOICES)}")
    words = {**_WORDS[isa], VARIABLE: isa}
    old = tuple(int(part) for part in metadata.version("numpy").split(".")[:2]) < (2, 4)
    features = (_NUMPY_BEFORE_2_4 if old else _NUMPY)[isa]
    return {**words, "NPY_DISABLE_CPU_FEATURES": features} if features else words


def settle_instruction_set(argv: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """Put into the environment what ``--cpu-isa`` or `VARIABLE` says, before anything is loaded.

    What a user set for one of the libraries by hand is left alone where neither says anything.

    Raises
    ------
    ConfigError
        When there is no such instruction set, or NumPy has been loaded already.
    """
    isa = _asked_for(argv) or environment.get(VARIABLE, "")
    if not isa or isa == "native":
        return
    words = environment_for(isa)
    if all(environment.get(name) == word for name, word in words.items()):
        return
    if "numpy" in sys.modules:
        raise ConfigError(
            "the instruction set must be chosen before NumPy and torch are loaded",
            hint=f"set {VARIABLE}={isa} in the environment of the process",
        )
    environment.update(words)


def settle_by_environment() -> None:
    """Do what `VARIABLE` says when the package is imported; warn where that is impossible.

    A program that imported NumPy or torch before has libraries that made their choice already. A
    name that is none is an error where a network is loaded, not here.
    """
    if (os.environ.get(VARIABLE) or "native") not in CHOICES:
        return
    try:
        settle_instruction_set((), os.environ)
    except ConfigError as error:
        warnings.warn(
            f"${VARIABLE} is not followed: {error}; mattes are right, but their last bits may "
            "not be those of other machines",
            stacklevel=3,
        )


def _asked_for(argv: Sequence[str]) -> str:
    """Return what a command line says, before it is parsed."""
    for index, word in enumerate(argv):
        if word == OPTION:
            return argv[index + 1] if index + 1 < len(argv) else ""
        if word.startswith(f"{OPTION}="):
            return word.partition("=")[2]
        if word == "--":
            break
    return ""
