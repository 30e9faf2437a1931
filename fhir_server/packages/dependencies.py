"""Dependencies of a package, resolved among those that are installed. Pure.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification#NPMPackageSpecification-Packagedependencies
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

# R4 itself is always there, under both names that it had.
_CORE: Final = {"hl7.fhir.r4.core": ("4.0.0", "4.0.1"), "hl7.fhir.core": ("4.0.0", "4.0.1")}
_ANY: Final = frozenset({"x", "X", "*"})


class Missing(Struct, frozen=True):
    """A dependency that no installed package meets."""

    name: str
    version: str  # as the package asks for it
    there: tuple[str, ...] = ()  # other versions of it that are installed

    @property
    def text(self) -> str:
        instead = f"; installed is {', '.join(self.there)}" if self.there else ""
        return f"{self.name}#{self.version} is not installed{instead}"


def fits(version: str, wanted: str) -> bool:
    """Whether a version is the one that is wanted: 5.0.x is met by 5.0.0 and 5.0.3, 5.x by both and by 5.1.0.

    What is built anew day by day (current, dev) is met by itself alone; latest by any."""
    if wanted in (version, "latest", "*"):
        return True
    asked, found = wanted.split("."), version.split(".")
    if not _ANY & {*asked}:
        return False
    if asked[-1] in _ANY:
        found = found[: len(asked)]
    return len(asked) == len(found) and all(a in _ANY or a == f for a, f in zip(asked, found, strict=True))


def missing(dependencies: Mapping[str, str], installed: Iterable[tuple[str, str]]) -> Sequence[Missing]:
    """The dependencies (name → version) that none of the installed packages (name, version) meets."""
    there = dict(_CORE)
    for name, version in installed:
        there[name] = (*there.get(name, ()), version)
    return [
        Missing(name, wanted, tuple(sorted(there.get(name, ()))))
        for name, wanted in dependencies.items()
        if not any(fits(version, wanted) for version in there.get(name, ()))
    ]
