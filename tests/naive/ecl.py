"""What an expression selects, found concept by concept over plain dictionaries of the records of a release.

Written from the guide, not from the evaluator; slow. https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from terminology.ecl import syntax as s
from terminology.records import Concept, Member, Parent, Property, Record, Term

IS_A = "116680003"
TYPES = {"fsn": "900000000000003001", "syn": "900000000000013009", "def": "900000000000550004"}
STATUSES = {"primitive": "900000000000074008", "defined": "900000000000073002"}
ACCEPTABILITIES = {"prefer": "900000000000548007", "accept": "900000000000549004"}
DIALECTS = {"en-us": "900000000000509007", "en-gb": "900000000000508004"}
HISTORY = {
    "MIN": {"900000000000527005"},
    "MOD": {"900000000000527005", "900000000000526001", "900000000000528000", "1186924009"},
}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}

Pair = tuple[str, str, bool]  # name, value, whether it is a concept


class Closure(dict[str, set[str]]):
    """Of each code that is asked for all that can be reached."""

    def __init__(self, edges: dict[str, set[str]]) -> None:
        self._edges = edges

    def __missing__(self, code: str) -> set[str]:
        found: set[str] = set()
        ahead = list(self._edges.get(code, ()))
        while ahead:
            one = ahead.pop()
            if one not in found:
                found.add(one)
                ahead += self._edges[one]
        self[code] = found
        return found


class Edition:
    """The records of a release."""

    def __init__(self, records: Iterable[Record], language: str = "en") -> None:
        """language: of displays."""
        records, self.language = list(records), language
        self.concepts = {one.code: one for one in records if isinstance(one, Concept)}
        self.up: dict[str, set[str]] = {code: set() for code in self.concepts}
        self.attributes: dict[str, list[tuple[int, Pair]]] = {code: [] for code in self.concepts}
        self.facts: dict[str, dict[str, str]] = {code: {} for code in self.concepts}
        self.terms: dict[str, list[Term]] = {code: [] for code in self.concepts}
        self.sets: dict[str, list[tuple[str, dict[str, str]]]] = {}
        for one in records:
            match one:
                case Parent(code, parent):
                    self.up[code].add(parent)
                case Property(code=code, name=name, value=value, type=kind, group=group):
                    if name.isdecimal():
                        self.attributes[code].append((group, (name, value, kind == "concept")))
                    else:
                        self.facts[code][name] = value
                case Term(code=code):
                    self.terms[code].append(one)
                case Member(which, code, fields):
                    self.sets.setdefault(which, []).append((code, dict(fields)))
        self.down: dict[str, set[str]] = {code: set() for code in self.concepts}
        for code, above in self.up.items():
            for parent in above:
                self.down[parent].add(code)
        self.above, self.below = Closure(self.up), Closure(self.down)
        self.names = {IS_A} | {pair[0] for some in self.attributes.values() for _, pair in some}
        self._known: dict[s.SubExpression, set[str]] = {}

    # expressions

    def select(self, one: s.Expression) -> set[str]:
        match one:
            case s.SubExpression():
                return self._sub(one)
            case s.Compound(operator, operands):
                sets = [self._sub(each) for each in operands]
                if operator == "AND":
                    return set.intersection(*sets)
                return set.union(*sets) if operator == "OR" else sets[0] - sets[1]
            case s.Dotted(of, attributes):
                found = self._sub(of)
                for name in attributes:
                    names = self._names(name)
                    found = {
                        value
                        for code in found
                        for _, (at, value, concept) in self._attributes(code)
                        if at in names and concept
                    }
                return found
            case s.Refined(of, refinement):
                return {code for code in self._sub(of) if self._meets(code, refinement)}

    def _sub(self, one: s.SubExpression) -> set[str]:
        if one not in self._known:
            self._known[one] = self._found_by(one)
        return self._known[one]

    def _found_by(self, one: s.SubExpression) -> set[str]:
        found = self._members(one) if one.member_of is not None else self._focus(one.focus)
        operators: dict[str, Callable[[set[str]], set[str]]] = {
            "": lambda some: some,
            "<": lambda some: self._union(self.below, some),
            "<<": lambda some: some | self._union(self.below, some),
            "<!": lambda some: self._union(self.down, some),
            "<<!": lambda some: some | self._union(self.down, some),
            ">": lambda some: self._union(self.above, some),
            ">>": lambda some: some | self._union(self.above, some),
            ">!": lambda some: self._union(self.up, some),
            ">>!": lambda some: some | self._union(self.up, some),
            "!!>": lambda some: {code for code in some if not self.above[code] & some},
            "!!<": lambda some: {code for code in some if not self.below[code] & some},
        }
        found = operators[one.operator](found)
        for filters in one.filters:
            if filters.kind == "C":
                found = {code for code in found if all(self._concept_meets(code, each) for each in filters.all_of)}
            if filters.kind == "D":
                found = {code for code in found if self._described(code, filters.all_of)}
        if one.history:
            refsets = self._history(one.history)
            found = found | {
                code
                for which in refsets
                for code, fields in self.sets.get(which, ())
                if fields.get("targetComponentId") in found
            }
        return found

    @staticmethod
    def _union(of: dict[str, set[str]], some: set[str]) -> set[str]:
        return set[str]().union(*(of[code] for code in some))

    def _focus(self, focus: s.Concept | s.Wildcard | s.AlternateIdentifier | s.Expression) -> set[str]:
        match focus:
            case s.Concept(code):
                return {code} & self.concepts.keys()
            case s.Wildcard():
                return set(self.concepts)
            case s.AlternateIdentifier(scheme, code):
                assert scheme == "LOINC"
                name = "alternateIdentifier:30051010000102"
                return {one for one, facts in self.facts.items() if facts.get(name) == code}
            case _:
                return self.select(focus)

    def _codes(self, value: s.SubExpression | s.Concepts) -> set[str]:
        if isinstance(value, s.Concepts):
            return {one.code for one in value.any_of}
        if value == s.SubExpression(value.focus) and isinstance(value.focus, s.Concept):
            return {value.focus.code}
        return self._sub(value)

    def _members(self, one: s.SubExpression) -> set[str]:
        assert one.member_of is not None
        which = (
            set(self.sets)
            if one.focus == s.Wildcard()
            else ({one.focus.code} if isinstance(one.focus, s.Concept) else self._focus(one.focus))
        )
        field = one.member_of.fields[0] if one.member_of.fields else "referencedComponentId"
        found = set()
        for each in which:
            for code, fields in self.sets.get(each, ()):
                row = {**fields, "referencedComponentId": code, "active": "1"}
                filters = [each for some in one.filters if some.kind == "M" for each in some.all_of]
                if all(self._row_meets(row, each) for each in filters) and row.get(field) in self.concepts:
                    found.add(row[field])
        return found

    def _row_meets(self, row: dict[str, str], one: s.Filter) -> bool:
        value = row.get(one.keyword, "")
        if isinstance(one.value, s.SubExpression | s.Concepts):
            return bool(value) and (value in self._codes(one.value)) == (one.comparison == "=")
        if one.keyword not in row and one.keyword != "effectiveTime":
            return False
        return self._value_meets(value, one.comparison, one.value, exact=False)

    def _history(self, history: s.History) -> set[str]:
        everything = self.below["900000000000522004"] | HISTORY["MOD"] | {"900000000000523009"}
        if history.subset is None:
            return HISTORY.get(history.profile, everything)
        if history.subset == s.SubExpression(s.Wildcard()):
            return everything
        if isinstance(history.subset, s.SubExpression):
            return self._codes(history.subset)
        return self.select(history.subset)

    # refinements

    def _attributes(self, code: str) -> list[tuple[int, Pair]]:
        return self.attributes[code] + [(0, (IS_A, parent, True)) for parent in self.up[code]]

    def _names(self, name: s.SubExpression) -> set[str]:
        if name == s.SubExpression(s.Wildcard()):
            return self.names - {IS_A}
        if isinstance(name.focus, s.Concept) and name == s.SubExpression(name.focus):
            return {name.focus.code}
        return self._sub(name) & self.names - {IS_A}

    def _meets(self, code: str, one: s.Refinement) -> bool:
        match one:
            case s.Junction(operator, parts):
                return (all if operator == "AND" else any)(self._meets(code, part) for part in parts)
            case s.Attribute():
                return self._attribute(code, [pair for _, pair in self._attributes(code)], one)
            case s.Group(attributes, cardinality):
                groups: dict[int, set[Pair]] = {}
                for number, pair in self.attributes[code]:
                    if number:
                        groups.setdefault(number, set()).add(pair)
                meeting = {frozenset(pairs) for pairs in groups.values() if self._group_meets(code, pairs, attributes)}
                kept: list[frozenset[Pair]] = []
                for each in meeting:
                    if not any(self._group_implied(each, other) for other in kept):
                        kept = [other for other in kept if not self._group_implied(other, each)] + [each]
                count = len(kept)
                return self._in_bounds(count, cardinality)

    def _group_meets(self, code: str, pairs: set[Pair], one: s.Refinement) -> bool:
        match one:
            case s.Junction(operator, parts):
                return (all if operator == "AND" else any)(self._group_meets(code, pairs, part) for part in parts)
            case s.Attribute():
                return self._attribute(code, pairs, one)
            case _:
                raise AssertionError

    @staticmethod
    def _in_bounds(count: int, cardinality: s.Cardinality | None) -> bool:
        least, most = (cardinality.least, cardinality.most) if cardinality else (1, None)
        return least <= count and (most is None or count <= most)

    def _attribute(self, code: str, pairs: Iterable[Pair], one: s.Attribute) -> bool:
        names = self._names(one.name)
        if one.reverse:
            sources = {
                other
                for other in self.concepts
                for _, (name, value, concept) in self._attributes(other)
                if name in names and concept and value == code and self._fits((name, other, True), one)
            }
            return self._in_bounds(len(sources), one.cardinality)
        matching = {pair for pair in pairs if pair[0] in names and self._fits(pair, one)}
        count = sum(not any(pair != other and self._implied(pair, other) for other in matching) for pair in matching)
        return self._in_bounds(count, one.cardinality)

    def _group_implied(self, one: Iterable[Pair], other: Iterable[Pair]) -> bool:
        return all(any(self._implied(pair, more) for more in other) for pair in one)

    def _implied(self, one: Pair, other: Pair) -> bool:
        """Whether a pair follows from another one."""
        (name, value, concept), (below, narrower, narrow) = one, other
        if value != narrower and not (concept and narrow and value in self.above[narrower]):
            return False
        return name == below or name in self.above[below]

    def _fits(self, pair: Pair, one: s.Attribute) -> bool:
        _, value, concept = pair
        if isinstance(one.value, s.SubExpression):
            if one.value == s.SubExpression(s.Wildcard()):
                return one.comparison == "="
            return concept and (value in self._sub(one.value)) == (one.comparison == "=")
        return not concept and self._value_meets(value, one.comparison, one.value, exact=True)

    # values

    def _value_meets(self, value: str, comparison: str, wanted: Any, *, exact: bool) -> bool:
        match wanted:
            case s.Number(text):
                try:
                    return COMPARE[comparison](Decimal(value), Decimal(text))
                except InvalidOperation:
                    return False
            case s.Terms(any_of):
                return any(self._found(value, one, exact) for one in any_of) == (comparison == "=")
            case s.Truth(truth):
                known = {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
                return known is not None and (known == truth) == (comparison == "=")
            case s.Times(any_of):
                if comparison in ("=", "!="):
                    return (value in any_of) == (comparison == "=")
                return value != "" and any(one and COMPARE[comparison](value, one) for one in any_of)
        raise AssertionError(wanted)

    @staticmethod
    def _found(text: str, one: s.SearchTerm, exact: bool) -> bool:
        if exact and not one.kind:
            return text == re.sub(r"\\(.)", r"\1", one.text)
        if one.kind == "wild":
            wanted = re.sub(
                r"\\.|[\[?]", lambda found: {"\\*": "[*]", "[": "[[]", "?": "[?]"}.get(found[0], found[0][1:]), one.text
            )
            fold = _plain if _plain(wanted) == wanted.casefold() else str.casefold
            return fnmatch.fnmatchcase(fold(text), wanted.casefold())
        starts = [text.casefold()[at:] for at in range(len(text)) if at == 0 or not text[at - 1].isalnum()]
        for word in re.sub(r"\\(.)", r"\1", one.text).casefold().split():
            fold = _plain if _plain(word) == word else lambda plain: plain
            if not any(fold(start).startswith(word) for start in starts):
                return False
        return True

    # filters

    def _concept_meets(self, code: str, one: s.Filter) -> bool:
        facts, equal = self.facts[code], one.comparison == "="
        match one.keyword, one.value:
            case "active", s.Truth(truth):
                return (self.concepts[code].inactive != truth) == equal
            case "effectiveTime", value:
                return self._value_meets(facts.get("effectiveTime", ""), one.comparison, value, exact=False)
            case "definitionStatus", s.Words(words):
                return (facts["definitionStatusId"] in {STATUSES[word] for word in words}) == equal
            case keyword, (s.SubExpression() | s.Concepts()) as value:
                return (facts[keyword] in self._codes(value)) == equal
        raise AssertionError(one)

    def _described(self, code: str, filters: tuple[s.Filter, ...]) -> bool:
        terms = list(self.terms[code])
        display = self.concepts[code].display
        if display not in {one.value for one in terms}:
            terms.append(Term(code, display, self.language))
        return any(
            all(self._description_meets(term, one) for one in filters)
            for term in terms
            if not term.inactive or any(one.keyword == "active" for one in filters)
        )

    def _description_meets(self, term: Term, one: s.Filter) -> bool:
        equal = one.comparison == "="
        match one.keyword, one.value:
            case "term", value:
                return self._value_meets(term.value, one.comparison, value, exact=False)
            case "active", s.Truth(truth):
                return (term.inactive != truth) == equal
            case "effectiveTime", value:
                return self._value_meets(term.fields.get("effectiveTime", ""), one.comparison, value, exact=False)
            case "language", s.Words(words):
                return (term.language in words) == equal
            case "id", s.Words(words):
                return (term.id in words) == equal
            case "type", s.Words(words):
                return (term.use[1] in {TYPES[word] for word in words}) == equal
            case "typeId", (s.SubExpression() | s.Concepts()) as value:
                return (term.use[1] in self._codes(value)) == equal
            case "moduleId", (s.SubExpression() | s.Concepts()) as value:
                return (term.fields.get("moduleId", "") in self._codes(value)) == equal
            case _, s.DialectConcepts(expression, acceptability):
                wanted = [(code, acceptability) for code in self._codes(expression)]
            case _, s.Dialects(any_of, acceptability):
                wanted = [
                    (
                        DIALECTS[one.name] if isinstance(one.name, str) else one.name.code,
                        one.acceptability or acceptability,
                    )
                    for one in any_of
                ]
            case _:
                raise AssertionError(one)
        return any(self._accepted(term, *each) for each in wanted) == equal

    @staticmethod
    def _accepted(term: Term, dialect: str, acceptability: s.Acceptability | None) -> bool:
        ways = set(ACCEPTABILITIES.values())
        if acceptability:
            ways = {ACCEPTABILITIES[word] for word in acceptability.words} | {
                one.code for one in acceptability.concepts
            }
        return (dialect in term.preferred and ACCEPTABILITIES["prefer"] in ways) or (
            dialect in term.acceptable and ACCEPTABILITIES["accept"] in ways
        )


def _plain(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))
