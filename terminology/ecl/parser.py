"""Expressions read from text: a recursive descent through the grammar of ECL 2.2, brief and long syntax.

Where the grammar leaves two readings one is taken: `= "A#b"` names a concept by an alternate identifier; `(` before an
attribute opens its name if a comparison follows the closing bracket. AND and OR do not mix on one level of a refinement
either, as the guide has it. https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

from .filter_parser import FilterParser
from .syntax import (
    OPERATORS,
    AlternateIdentifier,
    Attribute,
    Cardinality,
    Compound,
    Concept,
    Dotted,
    Expression,
    Filters,
    Group,
    History,
    Junction,
    MemberOf,
    Refined,
    Refinement,
    SubExpression,
    Times,
    Wildcard,
)

KEPT: Final = 256  # parsed expressions that are kept …
SHORT: Final = 4_000  # … if they have at most so many characters

T = TypeVar("T")

_WORDS: Final = {  # of the long syntax
    "descendantof": "<", "descendantorselfof": "<<", "childof": "<!", "childorselfof": "<<!", "ancestorof": ">",
    "ancestororselfof": ">>", "parentof": ">!", "parentorselfof": ">>!", "top": "!!>", "bottom": "!!<",
}  # fmt: skip
_JOINT: Final = re.compile(r"(,)|(and|or|minus)(?![A-Za-z0-9#-])", re.IGNORECASE)
_CARDINALITY: Final = re.compile(
    r"\[(0|[1-9][0-9]{0,8})(?:\.\.|(?:[ \t\r\n]|/\*.*?\*/)+to(?:[ \t\r\n]|/\*.*?\*/)+)(\*|many|0|[1-9][0-9]{0,8})\]",
    re.IGNORECASE | re.DOTALL,
)
_FIELD: Final = re.compile(r"[A-Za-z]+")


def parse(text: str) -> Expression:
    """The expression that a text writes. Raises BadRequest: the line and column of a fault, and what was expected there."""
    return _parsed(text) if len(text) <= SHORT else _Parser(text).whole()


@lru_cache(maxsize=KEPT)
def _parsed(text: str) -> Expression:
    return _Parser(text).whole()


class _Parser(FilterParser):
    def whole(self) -> Expression:
        self.gap()
        found = self.expression()
        if self.at < len(self.text):
            self.fail("the end, or brackets around what stands before")
        return found

    # expressions

    def expression(self) -> Expression:
        """An expression and the white space behind it."""
        first = self.sub_expression()
        self.gap()
        if self.take(":"):
            self.gap()
            return Refined(first, self._refinement(grouped=False))
        if self.sees("."):
            return Dotted(first, self._dotted())
        operator, operands = self._joined(first, self.sub_expression, ("AND", "OR", "MINUS"))
        return Compound(operator, operands) if operator else first

    def _dotted(self) -> tuple[SubExpression, ...]:
        found = []
        while self.take("."):
            self.gap()
            found.append(self.sub_expression())
            self.gap()
        return tuple(found)

    def _joined(self, first: T, read: Callable[[], T], allowed: tuple[str, ...]) -> tuple[str, tuple[T, ...]]:
        """What follows the first part, joined to it by one operator, which is "" if nothing does."""
        operator, parts = "", [first]
        while True:
            self.gap()
            start = self.at
            found = self.taken(_JOINT)
            if found is None:
                return operator, tuple(parts)
            joint = "AND" if found.group(1) else found.group(2).upper()
            if joint not in allowed:
                self.fail(f"one of {', '.join(allowed)}", start)
            if operator and (joint != operator or joint == "MINUS"):
                self.fail("brackets around what is joined first", start)
            if not self.gap() and not found.group(1):
                self.fail(f"white space after {joint}")
            operator = joint
            parts.append(read())

    def sub_expression(self) -> SubExpression:
        self.deeper()
        operator = self._operator()
        member_of = self._member_of()
        focus = self._focus()
        filters: list[Filters] = []
        history: History | None = None
        while history is None:
            start = self.at
            self.gap()
            if not self.take("{{"):
                self.at = start
                break
            self.gap()
            if self.take("+"):
                history = self.history()
            else:
                filters.append(self.filters(member_of is not None, filters[-1].kind if filters else ""))
        self.depth -= 1
        return SubExpression(focus, operator, member_of, tuple(filters), history)

    def _operator(self) -> str:
        operator = next((one for one in OPERATORS if self.take(one)), "")
        word = "" if operator else self.word()
        if word.lower() in _WORDS and not self.sees_identifier():
            operator = _WORDS[word.lower()]
            self.at += len(word)
            if not self.gap():
                self.fail(f"white space after {word}")
        self.gap()
        return operator

    def _member_of(self) -> MemberOf | None:
        word = self.word()
        if word.lower() == "memberof" and not self.sees_identifier():
            self.at += len(word)
        elif not self.take("^"):
            return None
        self.gap()
        fields: list[str] = []
        if self.take("["):
            self.gap()
            if self.take("*"):
                fields = ["*"]
            else:
                fields = [self._field()]
                while self.gap() or self.sees(","):
                    if not self.take(","):
                        break
                    self.gap()
                    fields.append(self._field())
                if [one.lower() for one in fields] == ["any"]:
                    fields = ["*"]
            self.gap()
            self.expect("]")
            self.gap()
        return MemberOf(tuple(fields))

    def _field(self) -> str:
        found = self.taken(_FIELD)
        if found is None:
            self.fail("the field of a reference set, or *")
        return found.group()

    def _focus(self) -> Concept | Wildcard | AlternateIdentifier | Expression:
        if self.text[self.at : self.at + 1].isdigit():
            return self.concept()
        if self.take("*"):
            return Wildcard()
        if self.take("("):
            self.gap()
            found = self.expression()
            self.expect(")")
            return found
        identifier = self.alternate_identifier()
        if identifier is not None:
            return identifier
        if self.word().lower() == "any":
            self.at += len("any")
            return Wildcard()
        self.fail("a concept, '*', '(' or an alternate identifier")

    # refinements

    def _refinement(self, *, grouped: bool) -> Refinement:
        def read() -> Refinement:
            return self._part(grouped=grouped)

        operator, parts = self._joined(read(), read, ("AND", "OR"))
        return Junction(operator, parts) if operator else parts[0]

    def _part(self, *, grouped: bool) -> Refinement:
        if self.sees("(") and not self._opens_name():
            self.deeper()
            self.at += 1
            self.gap()
            found = self._refinement(grouped=grouped)
            self.expect(")")
            self.depth -= 1
            return found
        start = self.at
        cardinality = self._cardinality()
        if not self.sees("{"):
            return self._attribute(cardinality)
        if grouped:
            self.fail("no group within a group", start)
        self.at += 1
        self.gap()
        attributes = self._refinement(grouped=True)
        self.expect("}")
        if isinstance(attributes, Group):
            raise AssertionError("a group holds no groups")
        return Group(attributes, cardinality)

    def _opens_name(self) -> bool:
        """Whether the bracket here opens the name of an attribute, not a refinement."""
        start, behind = self.at, self.after_bracket()
        if behind is None:
            return False
        self.at = behind
        self.gap()
        found = self.sees("{{") or self.sees_comparison(self.at)
        self.at = start
        return found

    def _cardinality(self) -> Cardinality | None:
        if not self.sees("["):
            return None
        start = self.at
        found = self.taken(_CARDINALITY)
        if found is None:
            self.fail("a cardinality such as [0..1] or [1..*]")
        least = int(found.group(1))
        most = None if found.group(2).lower() in ("*", "many") else int(found.group(2))
        if most is not None and least > most:
            self.fail("a cardinality whose first number is not above the second", start)
        self.gap()
        return Cardinality(least, most)

    def _attribute(self, cardinality: Cardinality | None) -> Attribute:
        reverse = self._reverse()
        name = self.sub_expression()
        self.gap()
        comparison = self.comparison()
        self.gap()
        value = self.compared(comparison, times=False)
        if isinstance(value, Times):
            raise AssertionError("attributes have no dates")
        return Attribute(name, comparison, value, cardinality, reverse)

    def _reverse(self) -> bool:
        word = self.word()
        if self.sees_identifier() or not (word == "R" or word.lower() == "reverseof"):
            return False
        self.at += len(word)
        self.gap()
        return True
