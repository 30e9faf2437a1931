"""What becomes of the search parameters of a package: which are indexed, which say what R4 says, which cannot be used. Pure.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from resources.definitions import Definitions, SearchParameter, read_parameter
from resources.outcome import FhirError
from search import own

INDEXED: Final = "indexed"  # new: every resource of its types is indexed by it
REPEATS: Final = "repeats"  # R4 has it: stored, and nothing is to be done
INACTIVE: Final = "inactive"  # a draft, or retired
UNUSABLE: Final = "unusable"  # stored, but nothing can be searched by it
_MOST: Final = 300  # search parameters of a package that are indexed
_TRIED: Final = 20_000  # numbers of parameters that have none yet


class Verdict(Struct, frozen=True):
    """What becomes of one search parameter."""

    url: str
    code: str
    types: tuple[str, ...]  # resource types it is on
    state: str
    why: str = ""  # it cannot be used


def verdicts(definitions: Definitions, trees: Iterable[Mapping[str, Any]]) -> tuple[list[Verdict], Definitions]:
    """For each SearchParameter, which has passed the base rules, what becomes of it; and the definitions with all that are
    indexed.

    Composites are judged after the others, which may be their components."""
    given = list(trees)
    found: dict[int, Verdict] = {}
    for number, tree in sorted(enumerate(given), key=lambda numbered: numbered[1]["type"] == "composite"):
        found[number], parameter = _verdict(definitions, tree, len(found))
        if parameter:
            others = [one for one in definitions.own_parameters if one.url != parameter.url]
            definitions = definitions.with_parameters([*others, parameter])
    return [found[number] for number in range(len(given))], definitions


def _verdict(definitions: Definitions, tree: Mapping[str, Any], ordinal: int) -> tuple[Verdict, SearchParameter | None]:
    parameter = read_parameter(tree)
    types = definitions.types_below(parameter.bases)
    verdict = Verdict(parameter.url, parameter.code, types, INDEXED)
    if tree["status"] != "active":
        return msgspec.structs.replace(verdict, state=INACTIVE), None
    if ordinal >= _MOST:
        return msgspec.structs.replace(verdict, state=UNUSABLE, why=f"There are more than {_MOST}."), None
    try:
        # No URL: it is none of what is kept with the row.
        _, url, *_ = own.row_of(definitions, 0, tree, "")
    except FhirError as error:
        why = " ".join(issue.diagnostics for issue in error.issues)
        return msgspec.structs.replace(verdict, state=UNUSABLE, why=why[:1000]), None
    if url is None:
        return msgspec.structs.replace(verdict, state=REPEATS), None
    return verdict, msgspec.structs.replace(parameter, number=_TRIED + ordinal)
