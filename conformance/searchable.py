"""What a search may ask of a resource type, found by asking: a modifier or comparator works if a value with it is
understood. So what is stated cannot differ from what is done. Pure.

https://hl7.org/fhir/R4/search.html#modifiers, https://hl7.org/fhir/R4/search.html#prefix
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from resources.definitions import SearchParameter
from resources.outcome import FhirError
from search import build
from search.criteria import Clause
from search.escapes import PREFIXES
from search.indexer import Indexer
from search.names import Names, Unknown
from search.parameters import module_of

_NO_COMPARATOR: Final = "xx"  # letters before a value that is understood all the same: there they are part of it
_TYPE: Final = "[type]"  # stands for the name of a resource type
# One value of each form that some type of parameter or modifier reads.
_VALUES: Final = (
    "a", "1", "2020", "true", "http://a.example/b", "Patient/1", "a|b", "http://a.example|b|c", "1|1|1|km",
    "a$a", "a$1", "a$2020", "a$1$1", "Patient/1$a", "a$Patient/1",
)  # fmt: skip


class Searchable(Struct, frozen=True):
    """A search parameter of a resource type, with what works for it."""

    code: str
    url: str
    type: str
    modifiers: tuple[str, ...] = ()
    comparators: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()  # of a reference: the resource types it may point to

    @property
    def documentation(self) -> str:
        parts = []
        if self.modifiers:
            parts.append("Modifiers: " + " ".join(f":{one}" for one in self.modifiers))
        if self.comparators:
            parts.append("Comparators: " + " ".join(self.comparators))
        return "; ".join(parts)


def searchable(indexer: Indexer, resource_type: str) -> tuple[Searchable, ...]:
    """The parameters that a search over the type may use now, in the order of their codes."""
    names, found = Names(indexer.definitions), []
    for code, definition in sorted(names.parameters((resource_type,)).items()):
        asking = _Asking(indexer, names, resource_type, definition)
        if not definition.unready and (plain := asking.understood(None)):
            modifiers, comparators = asking.modifiers(), asking.comparators(plain)
            targets = names.pointed(definition) if definition.type == "reference" else ()
            found.append(Searchable(code, definition.url, definition.type, modifiers, comparators, targets))
    return tuple(found)


class _Asking:
    """Asks one parameter what it understands."""

    def __init__(self, indexer: Indexer, names: Names, resource_type: str, definition: SearchParameter) -> None:
        self._indexer = indexer
        self._names = names
        self._resource_type = resource_type
        self._definition = definition

    def understood(self, modifier: str | None) -> str | None:
        """A value that is understood with the modifier."""
        if not self._is_known(modifier):
            return None
        return next((value for value in _VALUES if self._understands(modifier, value)), None)

    def modifiers(self) -> tuple[str, ...]:
        found = []
        for modifier in ("missing", *sorted(module_of(self._definition).MODIFIERS)):
            name = self._names.pointed(self._definition)[0] if modifier == _TYPE else modifier
            if self.understood(name):
                found.append(modifier)
        return tuple(found)

    def comparators(self, plain: str) -> tuple[str, ...]:
        """Those that are understood before a value where other letters are not."""
        if self._understands(None, _NO_COMPARATOR + plain):
            return ()
        return tuple(one for one in PREFIXES if self._understands(None, one + plain))

    def _is_known(self, modifier: str | None) -> bool:
        try:
            self._names.check((self._resource_type,), Clause(self._definition.code, modifier, ("true",)))
        except (FhirError, Unknown):
            return False
        return True

    def _understands(self, modifier: str | None, value: str) -> bool:
        clause = Clause(self._definition.code, modifier, (value,))
        try:
            build.of_clause(self._indexer, self._resource_type, clause, "")
        except FhirError:
            return False
        return True
