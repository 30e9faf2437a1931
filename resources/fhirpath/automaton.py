"""A regular expression as an automaton that looks at each character of a text once, whatever the pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from re import _constants as ops  # type: ignore[attr-defined]
from typing import Any

_STATES = 3_000
_REMEMBERED = 10_000  # states of transitions
_LEVELS = 50

_BEGIN, _END, _SPLIT, _CHARACTER, _FOUND = range(5)
States = frozenset[int]
Spend = Callable[[int], None]


class Unsuited(Exception):
    """The pattern has what an automaton cannot do, or too much of it."""


class Automaton:
    """Made of what re parsed: the states after a character are all that any way of matching may be in."""

    def __init__(self, parsed: Iterable[tuple[Any, Any]]) -> None:
        self._kinds: list[int] = []
        self._tests: list[Any] = []
        self._next: list[list[int]] = []
        found = self._state(_FOUND)
        self._start = self._sequence(list(parsed), found, 0)
        self._remembered = 0
        self._steps: dict[tuple[States, str], States] = {}
        self._first = self._reached([self._start], begin=True)
        self._again = self._reached([self._start], begin=False)

    def occurs_in(self, text: str, whole: bool, spend: Spend) -> bool:
        """Whether a part of the text matches, or the whole text; `spend` is told of the work."""
        states, steps = self._first, self._steps
        again = frozenset[int]() if whole else self._again
        for character in text:
            if not whole and 0 in states:
                return True
            after = steps.get((states, character))
            if after is None:
                spend(len(states) + 1)
                moved = [self._next[one][0] for one in states if self._accepts(one, character)]
                after = self._reached(moved, begin=False)
                spend(len(after))
                if self._remembered < _REMEMBERED:
                    self._remembered += len(states) + len(after) + 1
                    steps[(states, character)] = after
            states = after | again if again else after
        return 0 in states or 0 in self._reached(list(states), begin=not text, end=True)

    def _state(self, kind: int, following: list[int] | None = None, test: Any = None) -> int:
        if len(self._kinds) >= _STATES:
            raise Unsuited
        self._kinds.append(kind)
        self._next.append(following or [])
        self._tests.append(test)
        return len(self._kinds) - 1

    def _sequence(self, parsed: list[tuple[Any, Any]], then: int, level: int) -> int:
        """The state that begins what was parsed and goes on to `then`."""
        if level > _LEVELS:
            raise Unsuited
        for operation, argument in reversed(parsed):
            then = self._part(operation, argument, then, level)
        return then

    def _part(self, operation: Any, argument: Any, then: int, level: int) -> int:
        if operation in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN):
            return self._state(_CHARACTER, [then], (operation, argument))
        if operation is ops.SUBPATTERN and not (argument[1] or argument[2]):  # flags of its own
            return self._sequence(list(argument[-1]), then, level + 1)
        if operation is ops.BRANCH:
            return self._state(_SPLIT, [self._sequence(list(one), then, level + 1) for one in argument[1]])
        if operation in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            least, most, body = argument
            return self._repeat(least, most, body, then, level)
        if operation is ops.AT and argument in (ops.AT_BEGINNING, ops.AT_BEGINNING_STRING):
            return self._state(_BEGIN, [then])
        if operation is ops.AT and argument in (ops.AT_END, ops.AT_END_STRING):
            return self._state(_END, [then])
        raise Unsuited

    def _repeat(self, least: int, most: int, body: Any, then: int, level: int) -> int:
        parsed = list(body)
        if most is ops.MAXREPEAT:
            loop = self._state(_SPLIT)
            self._next[loop] = [self._sequence(parsed, loop, level + 1), then]
            begin = loop
        else:
            begin = then
            for _ in range(most - least):
                begin = self._state(_SPLIT, [self._sequence(parsed, begin, level + 1), then])
        for _ in range(least):
            begin = self._sequence(parsed, begin, level + 1)
        return begin

    def _reached(self, states: list[int], begin: bool, end: bool = False) -> States:
        """All states that are reached without a character."""
        reached, waiting = set(), states
        known = set(states)
        while waiting:
            state = waiting.pop()
            kind = self._kinds[state]
            if kind in (_CHARACTER, _FOUND) or (kind == _END and not end):
                reached.add(state)
            if kind == _SPLIT or (kind == _BEGIN and begin) or (kind == _END and end):
                for one in self._next[state]:
                    if one not in known:
                        known.add(one)
                        waiting.append(one)
        return frozenset(reached)

    def _accepts(self, state: int, character: str) -> bool:
        if self._kinds[state] != _CHARACTER:
            return False
        operation, argument = self._tests[state]
        if operation is ops.ANY:
            return True
        if operation is ops.LITERAL:
            return bool(ord(character) == argument)
        if operation is ops.NOT_LITERAL:
            return bool(ord(character) != argument)
        return _is_in(character, argument)


def _is_in(character: str, among: list[tuple[Any, Any]]) -> bool:
    negated, found, code = False, False, ord(character)
    for operation, argument in among:
        if operation is ops.NEGATE:
            negated = True
        elif operation is ops.LITERAL:
            found = found or code == argument
        elif operation is ops.RANGE:
            found = found or argument[0] <= code <= argument[1]
        elif operation is ops.CATEGORY:
            found = found or _CATEGORIES[argument](character)
    return found is not negated


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    ops.CATEGORY_DIGIT: str.isdecimal,
    ops.CATEGORY_NOT_DIGIT: lambda character: not character.isdecimal(),
    ops.CATEGORY_SPACE: str.isspace,
    ops.CATEGORY_NOT_SPACE: lambda character: not character.isspace(),
    ops.CATEGORY_WORD: _is_word,
    ops.CATEGORY_NOT_WORD: lambda character: not _is_word(character),
}
