"""Records of a release → the bytes of its index: one structure for a CodeSystem resource of ten codes and for an edition of
hundreds of thousands. TX-142, TX-143

A code that is defined twice is what its last definition says. An edge that closes a circle of parents is left out, and told
of in the `faults` of the index, as is a concept below itself. What is said of a code that no record defines is dropped.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from resources.exact import encode

from ..records import About, Concept, Record
from . import contents, hierarchy, vocabulary
from .container import Buffer, pack, write
from .gathering import Gathered, Ordered

KIND: Final = "code-system"
_TOLD: Final = 20  # edges left out that are told one by one


def build(about: About, records: Iterable[Record]) -> bytes:
    """The index of a code system version, to be opened with `system.Indexed`. Raises TooCostly for an absurd hierarchy."""
    return pack(KIND, encode(about), _sections(about, records, None))


def build_file(
    about: About, records: Iterable[Record], path: Path, progress: Callable[[int], None] | None = None
) -> None:
    """The same as a file, which is there whole or not at all. progress is called with the number of records now and then."""
    write(path, KIND, encode(about), _sections(about, records, progress))


def _sections(about: About, records: Iterable[Record], progress: Callable[[int], None] | None) -> dict[str, Buffer]:
    gathered = Gathered()
    gathered.add(records, progress)
    ordered = Ordered(gathered, about.case_sensitive)
    found = hierarchy.sections(ordered.hierarchy, about.hierarchy_meaning in ("", "is-a"))
    found |= contents.concepts(ordered, folded=not about.case_sensitive)
    found |= contents.terms(ordered)
    found |= _ranks(ordered)
    found |= contents.properties(ordered)
    found |= contents.sets_of_release(ordered)
    found["faults"] = encode(list(_faults(ordered)))
    return found


def _ranks(ordered: Ordered) -> dict[str, Buffer]:
    """Words, and the concepts by rank: active ones first, those with a short display first, then by code."""
    ranked = sorted(range(len(ordered.concepts)), key=lambda at: _relevance(ordered.concepts[at]))
    ranks = array("I", bytes(4 * len(ranked)))
    for rank, ordinal in enumerate(ranked):
        ranks[ordinal] = rank
    return {"ranked": array("I", ranked).tobytes(), "ranks": ranks.tobytes()} | vocabulary.sections(
        contents.texts_of(ordered, ranked)
    )


def _relevance(concept: Concept) -> tuple[bool, int, str]:
    return concept.inactive, len(concept.display or concept.code), concept.code


def _faults(ordered: Ordered) -> Iterator[str]:
    if ordered.gathered.duplicates:
        yield f"{ordered.gathered.duplicates} codes are defined more than once; the last definition counts."
    broken, concepts = ordered.hierarchy.broken, ordered.concepts
    for child, parent in broken[:_TOLD]:
        yield f"{concepts[child].code} is above its parent {concepts[parent].code}: the edge is left out."
    if len(broken) > _TOLD:
        yield f"{len(broken) - _TOLD} more edges that close a circle are left out."
