"""R4's own StructureDefinitions as profiles: types, and the profiles and extensions that the specification brings.

https://hl7.org/fhir/R4/profilelist.html, https://hl7.org/fhir/R4/extensibility-registry.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from ..definitions import Definitions
from ..elements import CANONICAL
from .definition import Profile
from .reading import read

VERSION: Final = "4.0.1"
MOST_KEPT: Final = 256  # profiles in memory, of some 650; what is compiled of them is kept with them


def official(definitions: Definitions, canonical: str) -> Profile | None:
    """The Profile of R4's own StructureDefinition of that URL, perhaps with |4.0.1; None if there is none.

    The same object for all tenants as long as it is in use."""
    try:
        return _read(_Source(definitions.structures, definitions), canonical.removesuffix(f"|{VERSION}"))
    except LookupError:  # which is not kept: nobody can fill the memory with names of nothing
        return None


def official_tree(definitions: Definitions, canonical: str) -> dict[str, Any] | None:
    """R4's own StructureDefinition of that URL, with snapshot, as an exact tree made for the caller."""
    url, _, version = canonical.partition("|")
    if version not in ("", VERSION):
        return None
    own = definitions.definition(url.removeprefix(CANONICAL)) if url.startswith(CANONICAL) else None
    return own or definitions.canonical("StructureDefinition", url)


@dataclass(frozen=True)
class _Source:
    """Definitions that are the same if they are R4's: those of a tenant, with search parameters of its own, share
    their structures."""

    structures: object
    definitions: Definitions = field(compare=False)


@lru_cache(maxsize=MOST_KEPT)
def _read(source: _Source, url: str) -> Profile:
    tree = official_tree(source.definitions, url)
    if tree is None:
        raise LookupError(url)
    return read(tree)
