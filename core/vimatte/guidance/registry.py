"""The table of guidance providers. Listing it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, cast

from vimatte.errors import ConfigError, UnknownModelError
from vimatte.guidance.types import GuidanceProvider


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """One way to get coarse instance masks.

    Attributes
    ----------
    name : str
    target : str
        ``module:class``, made with the provider's options.
    summary : str
    extra : str or None
        The optional extra of the package that it needs.
    options : tuple of str
        What it can be made with.
    """

    name: str
    target: str
    summary: str
    extra: str | None = None
    options: tuple[str, ...] = ()


PROVIDERS: tuple[ProviderSpec, ...] = (
    ProviderSpec(
        name="people",
        target="vimatte.guidance.people:PeopleGuidance",
        summary="finds people and follows them; no input needed",
        extra="people",
    ),
    ProviderSpec(
        name="masks",
        target="vimatte.guidance.mask_files:MaskFileGuidance",
        summary="reads masks: a folder per instance, palette PNGs, or EXR layers (masks:PATH)",
        options=("folder", "offset"),
    ),
)


# What options are called in messages.
_WORDS = {"folder": "files", "offset": "offset for files' numbers"}


def create(name: str, **options: Any) -> GuidanceProvider:
    """Make a provider.

    Raises
    ------
    UnknownModelError
        When no provider has this name; the message lists the known ones.
    ConfigError
        When it takes none of such options.
    """
    for spec in PROVIDERS:
        if spec.name == name:
            refused = [option for option in options if option not in spec.options]
            if refused:
                raise ConfigError(
                    f"the guidance {name} takes no {_WORDS.get(refused[0], refused[0])}",
                    hint=f"write --guidance {name}",
                )
            module, kind = spec.target.split(":")
            return cast(GuidanceProvider, getattr(import_module(module), kind)(**options))
    known = ", ".join(spec.name for spec in PROVIDERS)
    near = get_close_matches(name, [spec.name for spec in PROVIDERS], n=1)
    hint = f"did you mean {near[0]}? known: {known}" if near else f"known: {known}"
    raise UnknownModelError(f"no guidance is called {name!r}", hint=hint)
