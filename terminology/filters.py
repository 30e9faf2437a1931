"""Filters: which concepts of a code system meet a condition of a value set. Pure.

The general ones hold for every code system; those of SNOMED CT, LOINC and RxNorm stand in OF_KIND.
https://hl7.org/fhir/R4/valueset-filter-operator.html, https://hl7.org/fhir/R4/terminologies-systems.html
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from threading import Lock
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import re2
from pyroaring import BitMap

from resources.outcome import BadRequest, Unprocessable

from . import ecl
from .budget import Budget
from .findings import finding
from .system import System

KEPT: Final = 256  # sets of concepts that are kept of each code system: at most 45 kB each
LONGEST: Final = 1_000  # characters of a regular expression
LARGEST: Final = 3_000  # instructions that one is translated into: at worst each is tried on each byte of a text
_MATCH: Final = 10  # steps of a Budget that a match takes at least …
_A_STEP: Final = 400  # … and instructions on a byte that take as long as one at worst
_VALUE: Final = 4  # steps of finding the concepts with a value
_TEXT: Final = 2  # steps of reading a text
_CODES: Final = frozenset({"code", "concept"})  # names of the code itself
_FLAGS: Final = frozenset({"true", "false"})
_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 4 << 20


class Filter(NamedTuple):
    """A condition on concepts. https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.filter"""

    property: str
    op: str
    value: str


Select = Callable[[System, Filter, Budget], BitMap]


class _Sets:
    """The sets of one code system that were asked for lately. For several threads."""

    def __init__(self) -> None:
        self._all: OrderedDict[Filter, BitMap] = OrderedDict()
        self._lock = Lock()

    def get(self, wanted: Filter) -> BitMap | None:
        with self._lock:
            found = self._all.get(wanted)
            if found is not None:
                self._all.move_to_end(wanted)
            return found

    def put(self, wanted: Filter, found: BitMap) -> None:
        if sum(map(len, wanted)) > LONGEST:
            return
        with self._lock:
            self._all[wanted] = found
            if len(self._all) > KEPT:
                self._all.popitem(last=False)


_kept: Final[WeakKeyDictionary[Any, _Sets]] = WeakKeyDictionary()


def select(system: System, wanted: Filter, budget: Budget) -> BitMap:
    """The concepts that meet a filter; not to be changed.

    Raises BadRequest for a filter that is not understood, never an empty set; Unprocessable for a hierarchy or an
    expression that names what is not there; TooCostly."""
    kept = _kept.get(system)
    if kept is None:
        kept = _kept[system] = _Sets()
    found = kept.get(wanted)
    if found is None:
        found = _selected(system, wanted, budget)
        kept.put(wanted, found)
    return found


def meets(system: System, ordinal: int, wanted: Filter, budget: Budget) -> bool:
    """Whether one concept meets a filter; of an infinite system, too. Raises as select does."""
    if system.infinite:
        return bool(system.meets(ordinal, wanted))  # type: ignore[attr-defined]
    if wanted.op == "is-a" and wanted.property in _CODES:
        return system.subsumes(_named(system, wanted), ordinal)
    return ordinal in select(system, wanted, budget)


def _selected(system: System, wanted: Filter, budget: Budget) -> BitMap:
    if system.infinite:
        raise _refused(system, wanted, "nobody can list the codes of a grammar")
    if not wanted.value and wanted.op != "exists":
        text = f"The filter {wanted.property} {wanted.op} on {system.about.url} has no value."
        issue = finding("error", "invalid", "vs-invalid", "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE", text)
        raise BadRequest(issues=[issue])
    special = OF_KIND.get(system.about.kind, {}).get((wanted.property, wanted.op))
    if special is not None:
        return special(system, wanted, budget)
    general = OPERATORS.get(wanted.op)
    if general is None:
        raise _refused(system, wanted, f"there is no operator {wanted.op}")
    budget.spend(len(system) // 1000)
    return general(system, wanted, budget)


def _refused(system: System, wanted: Filter, why: str) -> BadRequest:
    text = (
        f"The filter {wanted.property} {wanted.op} {wanted.value[:100]} on {system.about.url} is not supported: {why}."
    )
    return BadRequest(issues=[finding("error", "not-supported", "vs-invalid", "FILTER_NOT_UNDERSTOOD", text)])


def _unknown(system: System, wanted: Filter, code: str) -> Unprocessable:
    text = (
        f"The filter {wanted.property} {wanted.op} names the code '{code[:100]}', "
        f"which the code system {system.about.url} does not have."
    )
    return Unprocessable(issues=[finding("error", "not-found", "vs-invalid", "FILTER_CODE_NOT_FOUND", text)])


def _named(system: System, wanted: Filter) -> int:
    """The concept that a filter names."""
    found = system.find(wanted.value)
    if found is None:
        raise _unknown(system, wanted, wanted.value)
    return found


# The general operators.


def _hierarchical(relation: Callable[[System, int], BitMap]) -> Select:
    def selected(system: System, wanted: Filter, budget: Budget) -> BitMap:
        if wanted.property not in _CODES and not any(one.code == wanted.property for one in system.about.filters):
            raise _refused(system, wanted, f"{wanted.property} has no hierarchy")
        found = relation(system, _named(system, wanted))
        budget.spend(len(found) // 1000)
        return found

    return selected


def _is_a(system: System, ordinal: int) -> BitMap:
    found = BitMap(system.descendants(ordinal))
    found.add(ordinal)
    return found


def _generalizes(system: System, ordinal: int) -> BitMap:
    found = BitMap(system.ancestors(ordinal))
    found.add(ordinal)
    return found


def _equals(system: System, wanted: Filter, budget: Budget) -> BitMap:
    return _having(system, wanted, (wanted.value,), budget)


def _in(system: System, wanted: Filter, budget: Budget) -> BitMap:
    return _having(system, wanted, _listed(wanted), budget)


def _listed(wanted: Filter) -> Collection[str]:
    return dict.fromkeys(one.strip() for one in wanted.value.split(","))


def _not_in(system: System, wanted: Filter, budget: Budget) -> BitMap:
    return system.all - _in(system, wanted, budget)


def _having(system: System, wanted: Filter, values: Collection[str], budget: Budget) -> BitMap:
    name = wanted.property
    if name in _TEXTS:
        budget.spend(_TEXT * len(system))
        return BitMap(ordinal for ordinal in system.all if _TEXTS[name](system, ordinal) in values)
    found = BitMap()
    for value in values:
        budget.spend(_VALUE)
        if name in _CODES:
            if (ordinal := system.find(value)) is not None:
                found.add(ordinal)
        elif name in _LINKS:
            if (ordinal := system.find(value)) is not None:
                found |= _LINKS[name](system, ordinal)
        elif name in _MARKS and value in _FLAGS:
            marked = _MARKS[name](system)
            # Where it is said of some that they are not, it holds of these; else of all that are not marked.
            found |= marked if value == "true" else system.having(name, value) or system.all - marked
        else:
            _known(system, wanted)
            found |= system.having(name, value)
    return found


def _known(system: System, wanted: Filter) -> None:
    name = wanted.property
    if not any(name == one for one in system.property_names()):
        raise _refused(system, wanted, f"there is no property {name}")


def _regex(system: System, wanted: Filter, budget: Budget) -> BitMap:
    """The whole of a value is matched, in linear time whatever the expression."""
    if len(wanted.value) > LONGEST:
        raise _refused(system, wanted, f"an expression has at most {LONGEST} characters")
    try:
        expression = re2.compile(wanted.value, options=_OPTIONS)
    except re2.error as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        text = (
            f"The regular expression '{wanted.value[:200]}' of a filter on {system.about.url} cannot be read: {said}."
        )
        raise Unprocessable(issues=[finding("error", "invalid", "vs-invalid", "REGEX_NOT_READABLE", text)]) from None
    if expression.programsize > LARGEST:
        raise _refused(system, wanted, f"the expression is longer than {LARGEST} instructions once it is translated")
    found = BitMap()
    matches, size = expression.fullmatch, expression.programsize
    for value, ordinals in _values(system, wanted):
        encoded = value.encode()  # of which matching takes less time
        budget.spend(_MATCH + len(encoded) * size // _A_STEP)
        if matches(encoded):
            found.update(ordinals)
    return found


def _values(system: System, wanted: Filter) -> Iterator[tuple[str, Iterable[int]]]:
    name = wanted.property
    if name in _CODES:
        return ((system.code(ordinal), (ordinal,)) for ordinal in system.all)
    if name in _TEXTS:
        return ((_TEXTS[name](system, ordinal), (ordinal,)) for ordinal in system.all)
    if name in _LINKS or name in _MARKS:
        raise _refused(system, wanted, f"{name} is no text")
    _known(system, wanted)
    return system.values(name)


def _exists(system: System, wanted: Filter, budget: Budget) -> BitMap:
    if wanted.value not in _FLAGS:
        raise _refused(system, wanted, "the value of exists is true or false")
    name = wanted.property
    if name in _CODES:
        found = system.all
    elif name in _TEXTS:
        budget.spend(_TEXT * len(system))
        found = BitMap(ordinal for ordinal in system.all if _TEXTS[name](system, ordinal))
    elif name == "parent":
        found = system.all - system.roots
    elif name == "child":
        found = system.all - system.leaves
    else:
        _known(system, wanted)
        found = system.with_property(name)
    return found if wanted.value == "true" else system.all - found


_LINKS: Final[Mapping[str, Callable[[System, int], BitMap]]] = {  # what a filter on the hierarchy asks of a concept
    "parent": lambda system, ordinal: BitMap(system.children(ordinal)),
    "child": lambda system, ordinal: BitMap(system.parents(ordinal)),
    "ancestor": lambda system, ordinal: system.descendants(ordinal),
    "descendant": lambda system, ordinal: system.ancestors(ordinal),
}
_MARKS: Final[Mapping[str, Callable[[System], BitMap]]] = {
    "inactive": lambda system: system.inactive,
    "notSelectable": lambda system: system.abstract,
    "abstract": lambda system: system.abstract,
}
_TEXTS: Final[Mapping[str, Callable[[System, int], str]]] = {
    "display": lambda system, ordinal: system.display(ordinal),
    "definition": lambda system, ordinal: system.definition(ordinal),
    "status": lambda system, ordinal: system.status(ordinal),
}
OPERATORS: Final[Mapping[str, Select]] = {
    "=": _equals,
    "is-a": _hierarchical(_is_a),
    "descendent-of": _hierarchical(lambda system, ordinal: system.descendants(ordinal)),
    "is-not-a": _hierarchical(lambda system, ordinal: system.all - _is_a(system, ordinal)),
    "generalizes": _hierarchical(_generalizes),
    "child-of": _hierarchical(lambda system, ordinal: BitMap(system.children(ordinal))),  # R5
    "descendent-leaf": _hierarchical(lambda system, ordinal: system.descendants(ordinal) & system.leaves),  # R5
    "regex": _regex,
    "in": _in,
    "not-in": _not_in,
    "exists": _exists,
}


# Those of single code systems.


def _in_set(system: System, wanted: Filter, budget: Budget) -> BitMap:
    """https://hl7.org/fhir/R4/snomedct.html: `concept in` a reference set; of LOINC the answers of a list."""
    found = system.members(wanted.value)
    if found is None:
        raise _unknown(system, wanted, wanted.value)
    return found


def _sets(system: System, wanted: Filter, budget: Budget) -> BitMap:
    """The reference sets that there are."""
    found = (system.find(one) for one in system.sets())
    return BitMap(one for one in found if one is not None)


def _constraint(system: System, wanted: Filter, budget: Budget) -> BitMap:
    return ecl.select(system, wanted.value, budget)


def _expressions(system: System, wanted: Filter, budget: Budget) -> BitMap:
    """Expressions are not listed, so that with them there is no more than without."""
    if wanted.value not in _FLAGS:
        raise _refused(system, wanted, "the value is true or false")
    return system.all


def _answers_for(system: System, wanted: Filter, budget: Budget) -> BitMap:
    """https://hl7.org/fhir/R4/loinc.html: the answers of a question, those of all its lists."""
    question = _named(system, wanted)
    found = BitMap()
    for one in system.properties(question):
        if one.name == "AnswerList":
            found |= system.members(one.value) or BitMap()
    return found


def _copyright(system: System, wanted: Filter, budget: Budget) -> BitMap:
    """https://hl7.org/fhir/R4/loinc.html: `LOINC` or `3rdParty`."""
    if wanted.value not in ("LOINC", "3rdParty"):
        raise _refused(system, wanted, "the value is LOINC or 3rdParty")
    others = system.with_property("EXTERNAL_COPYRIGHT_NOTICE")
    return others if wanted.value == "3rdParty" else system.all - others


def _related(system: System, wanted: Filter, budget: Budget) -> BitMap:
    """https://hl7.org/fhir/R4/rxnorm.html: a relation to `CUI:nnn`."""
    values = _listed(wanted) if wanted.op == "in" else (wanted.value,)
    return _having(system, wanted, [one.removeprefix("CUI:") for one in values], budget)


class _Relations(Mapping[tuple[str, str], Select]):
    """Of RxNorm every relation (REL, RELA) is a property; the rest is general."""

    def __getitem__(self, key: tuple[str, str]) -> Select:
        if key[0] in _CODES or key[1] not in ("=", "in"):
            raise KeyError(key)
        return _related

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(())

    def __len__(self) -> int:
        return 0


OF_KIND: Final[Mapping[str, Mapping[tuple[str, str], Select]]] = {
    "snomed": {
        ("concept", "in"): _in_set,
        ("constraint", "="): _constraint,
        ("expression", "="): _constraint,
        ("expressions", "="): _expressions,
        ("refset", "exists"): _sets,
    },
    "loinc": {
        ("LIST", "="): _in_set,
        ("concept", "in"): _in_set,
        ("answers-for", "="): _answers_for,
        ("copyright", "="): _copyright,
    },
    "rxnorm": _Relations(),
}
