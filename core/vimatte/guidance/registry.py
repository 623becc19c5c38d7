"""The table of guidance providers. Listing it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from vimatte.errors import UnknownModelError
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
    """

    name: str
    target: str
    summary: str
    extra: str | None = None


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
    ),
)


def create(name: str, **options: Any) -> GuidanceProvider:
    """Make a provider.

    Raises
    ------
    UnknownModelError
        When no provider has this name; the message lists the known ones.
    """
    for spec in PROVIDERS:
        if spec.name == name:
            module, kind = spec.target.split(":")
            return cast(GuidanceProvider, getattr(import_module(module), kind)(**options))
    known = ", ".join(spec.name for spec in PROVIDERS)
    raise UnknownModelError(f"no guidance is called {name!r}", hint=f"known: {known}")
