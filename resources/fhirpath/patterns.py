"""Regular expressions that cost no more than their text allows: matches(), matchesFull(), replaceMatches().

Python's engine tries again and again, and a pattern such as `(a+)+b` makes it try forever. It is asked only where the
shape of the pattern bounds the work; every other pattern is run as an automaton, which reads each character once.
https://hl7.org/fhirpath/N1/#matchesregex-string-boolean
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from functools import lru_cache
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from .automaton import Automaton, Spend, Unsuited
from .evaluation import LONGEST
from .faults import Unevaluable

LONGEST_PATTERN = 1_000  # characters
LONGEST_TEXT = 100_000
_WORK = 16_000_000  # steps of Python's engine, at the very worst; a quarter of a second
_MOST_PARTS = 10_000  # of a pattern, with what is repeated a fixed number of times written out
_LEVELS = 20

_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)


class Pattern:
    """A regular expression; `.` is any character, case counts."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._parsed = _parser.parse(expression, re.DOTALL)
        self._parts = _parts(self._parsed)
        if self._parts > _MOST_PARTS:
            raise Unevaluable(f"The regular expression {expression[:100]!r} repeats a part too often.")
        self._python = re.compile(expression, re.DOTALL)
        self._repeats = _repeats(self._parsed, False, 0)
        self._automaton: Automaton | None = None

    def occurs_in(self, text: str, spend: Spend) -> bool:
        """Whether some part of the text matches; `spend` is told of the work."""
        if self._is_cheap(text, spend):
            return self._python.search(text) is not None
        return self._linear().occurs_in(text, False, spend)

    def is_all_of(self, text: str, spend: Spend) -> bool:
        """Whether the whole text matches."""
        if self._is_cheap(text, spend):
            return self._python.fullmatch(text) is not None
        return self._linear().occurs_in(text, True, spend)

    def replaced(self, text: str, new: str, spend: Spend) -> str:
        """The text with every part that matches replaced; $1 stands for what the first group matched."""
        if not self._is_cheap(text, spend):
            raise Unevaluable("replaceMatches() cannot use this pattern on this text: it might take too long.")
        template, made = _REFERENCE.sub(r"\\g<\1>", new.replace("\\", r"\\")), 0

        def filled(match: re.Match[str]) -> str:
            nonlocal made
            written = match.expand(template)
            made += len(written)
            if made > LONGEST:
                raise Unevaluable("replaceMatches() would make too long a string.")
            return written

        try:
            return self._python.sub(filled, text)
        except re.error:
            raise Unevaluable(f"replaceMatches() has no such group: {new[:100]!r}.") from None

    def _is_cheap(self, text: str, spend: Spend) -> bool:
        if len(text) > LONGEST_TEXT:
            raise Unevaluable(f"A regular expression is used on texts of up to {LONGEST_TEXT} characters only.")
        work = _WORK + 1 if self._repeats is None else self._parts * (len(text) + 1) ** (self._repeats + 1)
        spend(work >> 6 if work <= _WORK else len(text))
        return work <= _WORK

    def _linear(self) -> Automaton:
        if self._automaton is None:
            try:
                if self._python.flags != _FLAGS:
                    raise Unsuited
                self._automaton = Automaton(self._parsed)
            except Unsuited:
                reason = "too complex to be used safely"
                raise Unevaluable(f"The regular expression {self._expression[:100]!r} is {reason}.") from None
        return self._automaton


_FLAGS = re.DOTALL | re.UNICODE
_REFERENCE = re.compile(r"\$(\d{1,2})")


@lru_cache(maxsize=256)
def pattern(expression: str) -> Pattern:
    """The pattern of a regular expression; raises Unevaluable if it is none, or too long."""
    if len(expression) > LONGEST_PATTERN:
        raise Unevaluable(f"A regular expression has at most {LONGEST_PATTERN} characters.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets within sets
            return Pattern(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unevaluable(f"{expression[:100]!r} is no regular expression: {error}.") from None


def _parts(parsed: Iterable[tuple[Any, Any]]) -> int:
    """How many characters, sets and groups a pattern has; what repeats counts as often as it must occur."""
    count = 1
    for operation, argument in parsed:
        times = max(argument[0], 1) if operation in _REPEATS else 1
        count += times * (1 + sum(map(_parts, _inner(operation, argument))))
    return count


def _inner(operation: Any, argument: Any) -> list[Any]:
    """What a part is made of."""
    if operation is ops.BRANCH:
        return list(argument[1])
    if operation in (*_REPEATS, ops.SUBPATTERN):
        return [argument[-1]]
    if operation in (ops.ASSERT, ops.ASSERT_NOT):
        return [argument[1]]
    if operation is ops.GROUPREF_EXISTS:
        return [one for one in argument[1:] if one is not None]
    return [argument] if operation is ops.ATOMIC_GROUP else []


def _repeats(parsed: Iterable[tuple[Any, Any]], repeated: bool, level: int) -> int | None:
    """How many parts may repeat a varying number of times; None where one repeats within another, or refers back."""
    if level > _LEVELS:
        return None
    count = 0
    for operation, argument in parsed:
        within = repeated
        if operation in _REPEATS:
            least, most, _ = argument
            varies = most != least
            if varies and repeated:
                return None
            count += varies
            within = repeated or most > 1
        elif operation in (ops.GROUPREF, ops.GROUPREF_EXISTS) or (operation is ops.BRANCH and repeated):
            return None
        for part in _inner(operation, argument):
            below = _repeats(part, within, level + 1)
            if below is None:
                return None
            count += below
    return count
