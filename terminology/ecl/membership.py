"""Members of reference sets, filters of them, and history supplements.

https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language (6.1, 6.10, 6.11)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from pyroaring import BitMap

from resources.outcome import BadRequest, NotSupported

from .asking import EDGE, ROW, Asking, lone
from .comparing import compares
from .syntax import (
    AlternateIdentifier,
    Concept,
    Concepts,
    Expression,
    Filter,
    Filters,
    History,
    MemberOf,
    Number,
    SubExpression,
    Terms,
    Times,
    Truth,
    Wildcard,
)
from .texts import weight

Row = tuple[int, Mapping[str, str]]
Test = Callable[[int, Mapping[str, str]], bool]

COMPONENT: Final = "referencedComponentId"
TARGET: Final = "targetComponentId"
ASSOCIATIONS: Final = "900000000000522004"  # Historical association reference set
_SAME_AS: Final = "900000000000527005"
_MODERATE: Final = (_SAME_AS, "900000000000526001", "900000000000528000", "1186924009")
_ALL: Final = (  # where the system does not have the concepts of the reference sets themselves
    *_MODERATE, "900000000000523009", "900000000000524003", "900000000000525002", "900000000000529008",
    "900000000000530003", "900000000000531004", "1186921001",
)  # fmt: skip
_FEW: Final = 1_000  # concepts whose rows are looked up one by one


def members(
    asking: Asking,
    member_of: MemberOf,
    focus: Concept | Wildcard | AlternateIdentifier | Expression,
    filters: Sequence[Filters],
) -> BitMap:
    """What the rows of reference sets name: concepts that are members, or those in another field."""
    if len(member_of.fields) > 1 or member_of.fields == ("*",):
        raise NotSupported("An ECL expression that selects several fields of a reference set makes rows, not concepts.")
    field = member_of.fields[0] if member_of.fields else COMPONENT
    sets = _sets(asking, focus)
    found = BitMap()
    if field == COMPONENT and not filters:
        for one in sets:
            found |= asking.weigh(asking.system.members(one) or BitMap())
        return found
    tests = [_test(asking, one) for some in filters for one in some.all_of]
    components = _components(asking, filters)
    named: set[str] = set()
    values: set[str] = set()
    empty = True
    cost = sum(weight(one.value) for some in filters for one in some.all_of if isinstance(one.value, Terms))
    for ordinal, fields in _rows(asking, sets, components):
        asking.budget.spend(cost)
        empty = False
        named.update(fields)
        if all(test(ordinal, fields) for test in tests):
            if field == COMPONENT:
                found.add(ordinal)
            else:
                values.add(fields.get(field, ""))
    if not empty:
        _known(named, [field, *(one.keyword for some in filters for one in some.all_of)])
    return found if field == COMPONENT else found | _concepts(asking, values)


def _sets(asking: Asking, focus: Concept | Wildcard | AlternateIdentifier | Expression) -> list[str]:
    there = asking.system.sets()
    if isinstance(focus, Wildcard):
        return list(there)
    if isinstance(focus, Concept):
        if focus.code not in {*there}:
            asking.concept(focus)  # a concept that has no members, or an unknown one
            return []
        return [focus.code]
    selected = asking.expression(SubExpression(focus) if isinstance(focus, AlternateIdentifier) else focus)
    return _selected(asking, selected)


def _selected(asking: Asking, some: BitMap) -> list[str]:
    """Those reference sets whose concepts were selected."""
    find = asking.system.find
    return [one for one in asking.system.sets() if (ordinal := find(one)) is not None and ordinal in some]


def _rows(asking: Asking, sets: Iterable[str], components: BitMap | None) -> Iterator[Row]:
    for one in sets:
        if components is None:
            for row in asking.system.member_rows(one):
                asking.budget.spend(ROW)
                yield row
        else:
            for ordinal in asking.each(components, ROW):
                yield from asking.system.member_rows(one, ordinal)


def _components(asking: Asking, filters: Sequence[Filters]) -> BitMap | None:
    """The few concepts of which the rows are asked; None if it is all."""
    for one in (one for some in filters for one in some.all_of):
        if one.keyword == COMPONENT and one.comparison == "=" and isinstance(one.value, SubExpression):
            found = asking.expression(one.value)
            if len(found) <= _FEW:
                return found
    return None


def _known(named: set[str], fields: Iterable[str]) -> None:
    for one in fields:
        if one not in named and one not in (COMPONENT, "active", "moduleId", "effectiveTime"):
            raise BadRequest(f"The ECL expression names the field {one[:100]}, which the reference set does not have.")


def _concepts(asking: Asking, codes: Iterable[str]) -> BitMap:
    found = BitMap()
    for one in codes:
        asking.budget.spend(EDGE)
        if one and (ordinal := asking.system.find(one)) is not None:
            found.add(ordinal)
    return found


def _test(asking: Asking, one: Filter) -> Test:
    """Whether a row meets a filter. A row without the field does not; rows that are not active are not there."""
    name, equal = one.keyword, one.comparison == "="
    match one.value:
        case SubExpression() | Concepts() if name == COMPONENT and isinstance(one.value, SubExpression):
            among = asking.expression(one.value)
            return lambda ordinal, fields: (ordinal in among) == equal
        case SubExpression() | Concepts():
            selected = _among(asking, one.value)
            return lambda ordinal, fields: bool(fields.get(name)) and selected(fields[name]) == equal
        case Truth() if name == "active":
            active = compares(one.comparison, one.value, exact=False)
            return lambda ordinal, fields: active(fields.get("active", "1"))
        case Number() | Terms() | Times() | Truth():
            fits = compares(one.comparison, one.value, exact=False)
            if name == COMPONENT:
                return lambda ordinal, fields: fits(asking.system.code(ordinal))
            if name == "effectiveTime":
                return lambda ordinal, fields: fits(fields.get(name, ""))
            return lambda ordinal, fields: name in fields and fits(fields[name])
        case _:
            raise AssertionError(name)


def _among(asking: Asking, of: SubExpression | Concepts) -> Callable[[str], bool]:
    """Whether a code is selected."""
    if isinstance(of, Concepts) or (lone(of) and isinstance(of.focus, Concept)):
        return asking.codes(of).__contains__
    return _within(asking, asking.expression(of))


def _within(asking: Asking, some: BitMap) -> Callable[[str], bool]:
    known: dict[str, bool] = {}
    find = asking.system.find

    def within(code: str) -> bool:
        found = known.get(code)
        if found is None:
            asking.budget.spend(EDGE)
            ordinal = find(code)
            found = known[code] = ordinal is not None and ordinal in some
        return found

    return within


def with_history(asking: Asking, some: BitMap, history: History) -> BitMap:
    """A set with the concepts that associations lead from to it."""
    within = _within(asking, some)
    found = BitMap(some)
    for ordinal, fields in _rows(asking, _associations(asking, history), None):
        target = fields.get(TARGET)
        if target and within(target):
            found.add(ordinal)
    return found


def _associations(asking: Asking, history: History) -> Sequence[str]:
    subset = history.subset
    if subset is not None and not (isinstance(subset, SubExpression) and subset.focus == Wildcard() and lone(subset)):
        if isinstance(subset, SubExpression) and lone(subset) and isinstance(subset.focus, Concept):
            return [subset.focus.code]
        return _selected(asking, asking.expression(subset))
    if history.profile == "MIN":
        return [_SAME_AS]
    if history.profile == "MOD":
        return _MODERATE
    top = asking.system.find(ASSOCIATIONS)
    below = [] if top is None else _selected(asking, asking.system.descendants(top))
    return list(dict.fromkeys([*below, *_ALL]))
