"""Filters: what stands in `{{ … }}`. https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from .scanner import Scanner
from .syntax import (
    Acceptability,
    Concepts,
    Dialect,
    DialectConcepts,
    Dialects,
    Expression,
    Filter,
    Filters,
    History,
    Number,
    SubExpression,
    Terms,
    Times,
    Truth,
    Words,
)

Value = Terms | Times | Words | Concepts | Truth | Number | Dialects | DialectConcepts | SubExpression

_KEYWORDS: Final = {
    "D": ("term", "language", "typeId", "type", "dialectId", "dialect", "moduleId", "effectiveTime", "active", "id"),
    "C": ("definitionStatusId", "definitionStatus", "moduleId", "effectiveTime", "active"),
    "M": ("moduleId", "effectiveTime", "active"),
}
_BY_NAME: Final = {kind: {word.lower(): word for word in words} for kind, words in _KEYWORDS.items()}
_TYPES: Final = {
    "syn": "syn", "synonym": "syn", "fsn": "fsn", "fullyspecifiedname": "fsn", "def": "def", "definition": "def",
}  # fmt: skip
_STATUSES: Final = {"primitive": "primitive", "defined": "defined"}
_ACCEPTABILITIES: Final = {"accept": "accept", "acceptable": "accept", "prefer": "prefer", "preferred": "prefer"}
_TRUTH: Final = {"true": True, "false": False}
_PROFILES: Final = re.compile(r"[-_](MIN|MOD|MAX)(?![A-Za-z])", re.IGNORECASE)
_COMPARISON: Final = re.compile(r"!=|<>|<=|>=|=|<|>|not(?=[ \t\r\n=/])", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2}(?![A-Za-z])")
_TIME: Final = re.compile(r'"([1-9][0-9]{3}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])|)"')
_NUMBER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?![0-9.])")
_TRUE_OR_FALSE: Final = re.compile(r"(?:true|false)(?![A-Za-z0-9#-])", re.IGNORECASE)
_ACTIVE: Final = re.compile(r"1|0|true|false", re.IGNORECASE)


class FilterParser(Scanner, ABC):
    """Reads filters. Expressions in them are read by the class that extends it."""

    @abstractmethod
    def expression(self) -> Expression: ...

    @abstractmethod
    def sub_expression(self) -> SubExpression: ...

    def filters(self, members: bool, before: str) -> Filters:
        """The filters behind `{{`. members: whether it is members that are filtered; before: the kind of the filter before."""
        start = self.at
        kind, keyword = self._kind()
        if kind == "M" and (not members or before in ("C", "D")):
            self.fail("a filter of members only after '^', before other filters", start)
        found = [self._filter(kind, keyword)]
        while True:
            self.gap()
            if self.take("}}"):
                return Filters(kind, tuple(found))
            if not self.take(","):
                self.fail("',' or '}}'")
            self.gap()
            found.append(self._filter(kind, self._keyword(kind)))

    def _kind(self) -> tuple[str, str]:
        """D, C or M, and the first keyword, which may follow the letter at once."""
        word = self.word()
        kind = word[:1].upper()
        if word.lower() in _BY_NAME["D"]:
            return "D", self._keyword("D")
        if len(word) == 1 and kind in _BY_NAME:
            self.at += 1
            self.gap()
        elif word[1:].lower() in _BY_NAME.get(kind, ()) or (word[:1] == "M" and word[1:]):
            self.at += 1
        else:
            self.fail("D, C or M, the keyword of a filter of descriptions, or '+ HISTORY'")
        return kind, self._keyword(kind)

    def _keyword(self, kind: str) -> str:
        word = self.word()
        keyword = _BY_NAME[kind].get(word.lower(), word if kind == "M" else "")
        if not keyword:
            self.fail("the field of a reference set" if kind == "M" else f"one of {', '.join(_KEYWORDS[kind])}")
        self.at += len(word)
        return keyword

    def _filter(self, kind: str, keyword: str) -> Filter:
        self.gap()
        start = self.at
        comparison = self.comparison()
        self.gap()
        read = self._values().get(keyword)
        if read is None:
            return Filter(keyword, comparison, self.compared(comparison, times=True))
        if comparison not in ("=", "!=") and keyword != "effectiveTime":
            self.fail("= or !=", start)
        return Filter(keyword, comparison, read())

    def _values(self) -> dict[str, Callable[[], Value]]:
        return {
            "term": self.terms,
            "language": lambda: Words(self.listed(self._language)),
            "typeId": self._selected,
            "type": lambda: Words(self.listed(lambda: self.take_word(_TYPES, "syn, fsn or def"))),
            "dialectId": self._dialect_ids,
            "dialect": self._dialects,
            "moduleId": self._selected,
            "effectiveTime": self._times,
            "active": self._active,
            "id": lambda: Words(self.listed(self.sct_id)),
            "definitionStatusId": self._selected,
            "definitionStatus": lambda: Words(self.listed(self._status)),
        }

    def comparison(self) -> str:
        found = self.taken(_COMPARISON)
        if found is None:
            self.fail("a comparison such as =")
        sign = found.group()
        if sign.lower() == "not":
            self.gap()
            self.expect("=")
            return "!="
        return "!=" if sign == "<>" else sign

    def sees_comparison(self, at: int) -> bool:
        return bool(_COMPARISON.match(self.text, at))

    def compared(self, comparison: str, *, times: bool) -> SubExpression | Number | Terms | Truth | Times:
        """What a value is compared with. times: whether it may be a date."""
        if self.take("#"):
            found = self.taken(_NUMBER)
            if found is None:
                self.fail("a number")
            return Number(found.group())
        if comparison not in ("=", "!="):
            if not times:
                self.fail(f"'#' and a number after {comparison}")
            return self._times()
        truth = self.taken(_TRUE_OR_FALSE)
        if truth:
            return Truth(_TRUTH[truth.group().lower()])
        if times and self._sees_no_time():
            return self._times()
        return self.terms() if self.sees_texts() else self.sub_expression()

    def _sees_no_time(self) -> bool:
        """Whether an empty text comes next or is the first in brackets: no text that could be looked for, but no date."""
        start = self.at
        if self.take("("):
            self.gap()
        found = self.sees('""')
        self.at = start
        return found

    def terms(self) -> Terms:
        return Terms(self.listed(self.search_term))

    def _times(self) -> Times:
        return Times(self.listed(self._time))

    def _time(self) -> str:
        found = self.taken(_TIME)
        if found is None:
            self.fail('a date such as "20240131", or ""')
        return found.group(1)

    def _language(self) -> str:
        found = self.taken(_LANGUAGE)
        if found is None:
            self.fail("a language of two letters")
        return found.group().lower()

    def _status(self) -> str:
        return self.take_word(_STATUSES, "primitive or defined")

    def _active(self) -> Truth:
        found = self.taken(_ACTIVE)
        if found is None:
            self.fail("1, 0, true or false")
        return Truth(found.group().lower() in ("1", "true"))

    def _selected(self) -> SubExpression | Concepts:
        """An expression, or two or more concepts in brackets."""
        start = self.at
        if self.take("("):
            self.gap()
            if "1" <= self.text[self.at : self.at + 1] <= "9":
                self.concept()
                several = self.gap() and self.text[self.at : self.at + 1].isdigit()
                self.at = start
                if several:
                    return Concepts(self.listed(self.concept))
        self.at = start
        return self.sub_expression()

    def _dialects(self) -> Dialects:
        bracketed = self.sees("(")
        each = self.listed(self._dialect) if bracketed else (Dialect(self.alias()),)
        return Dialects(each, self._acceptability(), bracketed)

    def _dialect(self) -> Dialect:
        return Dialect(self.alias(), self._acceptability())

    def _dialect_ids(self) -> Dialects | DialectConcepts:
        start = self.at
        if self.take("("):
            self.gap()
            if "1" <= self.text[self.at : self.at + 1] <= "9":
                self.concept()
                self.gap()
                several = self.sees("(") or self.text[self.at : self.at + 1].isdigit()
                self.at = start
                if several:
                    return Dialects(self.listed(self._dialect_id), self._acceptability())
        self.at = start
        return DialectConcepts(self.sub_expression(), self._acceptability())

    def _dialect_id(self) -> Dialect:
        return Dialect(self.concept(), self._acceptability())

    def _acceptability(self) -> Acceptability | None:
        start = self.at
        self.gap()
        if not self.sees("("):
            self.at = start
            return None
        inside = self.at + 1
        self.at = inside
        self.gap()
        concepts = self.text[self.at : self.at + 1].isdigit()
        self.at = inside - 1
        if concepts:
            return Acceptability(concepts=self.listed(self.concept))
        return Acceptability(self.listed(lambda: self.take_word(_ACCEPTABILITIES, "accept, prefer or a concept")))

    def history(self) -> History:
        """The history supplement behind `{{ +`."""
        self.gap()
        if self.word().lower() != "history":
            self.fail("HISTORY")
        self.at += len("history")
        profile = self.taken(_PROFILES)
        subset = None
        self.gap()
        if profile is None and self.take("("):
            self.gap()
            subset = self.expression()
            self.expect(")")
            self.gap()
        self.expect("}}")
        return History(profile.group(1).upper() if profile else "", subset)
