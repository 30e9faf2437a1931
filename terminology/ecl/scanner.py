"""The text of an expression and the place in it that is read next: white space, words, texts, concepts, faults."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

from resources.outcome import BadRequest

from .syntax import AlternateIdentifier, Concept, SearchTerm

LONGEST: Final = 200_000  # characters of an expression
DEEPEST: Final = 50  # expressions within expressions

T = TypeVar("T")

_GAP: Final = re.compile(r"(?:[ \t\r\n]+|/\*.*?\*/)*", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z]+")
_DIGITS: Final = re.compile(r"[0-9]+")
_TERM: Final = re.compile(r"\|([^|]*)\|")
_ALIAS: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_IDENTIFIER: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]*)#")
_PLAIN_CODE: Final = re.compile(r"[A-Za-z0-9._-]+")
_QUOTED_IDENTIFIER: Final = re.compile(r'"([A-Za-z][A-Za-z0-9-]*)#([^"\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+)"')
_CODE_IN_QUOTES: Final = re.compile(r'"([^"\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+)"')
_STRING: Final = re.compile(r'"((?:[^"\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\\["\\])*)"')
_PATTERN: Final = re.compile(r'"((?:[^"\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\\["\\*])+)"')
_KIND: Final = re.compile(r"(match|wild)(?=[ \t\r\n:/])", re.IGNORECASE)
# What brackets are looked for outside of: texts, comments, terms.
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|/\*.*?\*/|\|[^|]*\||[()]', re.DOTALL)


class Scanner:
    """Reads a text from its beginning. What `take…` reads is gone; what it does not find is None or False, and still there."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise BadRequest(f"An ECL expression has at most {LONGEST} characters; this one has {len(text)}.")
        self.text = text
        self.at = 0
        self.depth = 0
        self._closings: dict[int, int] | None = None

    def fail(self, expected: str, at: int | None = None) -> NoReturn:
        """Says what was expected at a place, by default the present one."""
        at = self.at if at is None else at
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        rest = self.text[at : at + 20]
        found = f"'{rest}{'…' if len(self.text) > at + 20 else ''}'" if rest else "the end"
        where = f"line {line}, column {column}"
        said = f"The ECL expression has a fault at {where} (character {at + 1}): expected {expected}, found {found}."
        raise BadRequest(said, location=[where])

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"at most {DEEPEST} expressions within each other")

    def gap(self) -> bool:
        """Reads white space and comments; whether there were any."""
        start = self.at
        found = _GAP.match(self.text, start)
        self.at = found.end() if found else start
        return self.at > start

    def sees(self, sign: str) -> bool:
        return self.text.startswith(sign, self.at)

    def take(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            self.fail(f"'{sign}'")

    def taken(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def word(self) -> str:
        """The letters that come next, which are not yet read; "" for none."""
        found = _WORD.match(self.text, self.at)
        return found.group() if found else ""

    def take_word(self, words: dict[str, T], expected: str) -> T:
        """What one of these words stands for, written small or large."""
        word = self.word()
        if word.lower() not in words:
            self.fail(expected)
        self.at += len(word)
        return words[word.lower()]

    def after_bracket(self) -> int | None:
        """The place behind the bracket that closes the one at the present place."""
        if self._closings is None:
            self._closings = {}
            opened: list[int] = []
            for found in _BRACKETS.finditer(self.text):
                if found.group() == "(":
                    opened.append(found.start())
                elif found.group() == ")" and opened:
                    self._closings[opened.pop()] = found.end()
        return self._closings.get(self.at)

    def listed(self, item: Callable[[], T]) -> tuple[T, ...]:
        """One item, or several in brackets with white space between them."""
        if not self.take("("):
            return (item(),)
        self.gap()
        found = [item()]
        while True:
            parted = self.gap()
            if self.take(")"):
                return tuple(found)
            if not parted:
                self.fail("white space or ')'")
            found.append(item())

    # concepts

    def sct_id(self) -> str:
        start = self.at
        found = self.taken(_DIGITS)
        digits = found.group() if found else ""
        if not 6 <= len(digits) <= 18 or digits.startswith("0"):
            self.fail("an identifier of 6 to 18 digits that does not start with 0", start)
        return digits

    def concept(self) -> Concept:
        return Concept(self.sct_id(), self.term())

    def term(self) -> str:
        """A term in pipes, if there is one."""
        start = self.at
        self.gap()
        if not self.sees("|"):
            self.at = start
            return ""
        opened = self.at
        found = self.taken(_TERM)
        if found is None:
            self.fail("a term that ends with '|'", opened)
        term = found.group(1).strip(" \t\r\n")
        if not term:
            self.fail("a term between the pipes", opened + 1)
        return term

    def alternate_identifier(self) -> AlternateIdentifier | None:
        """`LOINC#54486-6`, `"LOINC#54486-6"` or, as the guide has it, `LOINC#"54486-6"`."""
        found = self.taken(_QUOTED_IDENTIFIER)
        if found:
            return AlternateIdentifier(found.group(1), found.group(2), self.term())
        found = self.taken(_IDENTIFIER)
        if found is None:
            return None
        code = self.taken(_CODE_IN_QUOTES)
        if code:
            return AlternateIdentifier(found.group(1), code.group(1), self.term())
        code = self.taken(_PLAIN_CODE)
        if code is None:
            self.fail("a code after '#'")
        return AlternateIdentifier(found.group(1), code.group(), self.term())

    def sees_identifier(self) -> bool:
        return bool(_IDENTIFIER.match(self.text, self.at))

    def alias(self) -> str:
        found = self.taken(_ALIAS)
        if found is None:
            self.fail("the alias of a dialect")
        return found.group()

    # texts

    def sees_text(self) -> bool:
        """Whether a text that is looked for comes next, not an alternate identifier in quotation marks."""
        if self.sees('"'):
            return not _QUOTED_IDENTIFIER.match(self.text, self.at)
        return bool(_KIND.match(self.text, self.at)) and not self.sees_identifier()

    def sees_texts(self) -> bool:
        """Whether it is a text or several in brackets."""
        if not self.sees("("):
            return self.sees_text()
        start = self.at
        self.at += 1
        self.gap()
        found = self.sees_text()
        if not found and self.taken(_QUOTED_IDENTIFIER):  # more than one in brackets are texts, whatever they look like
            self.gap()
            found = self.sees('"') or self.sees_text()
        self.at = start
        return found

    def search_term(self) -> SearchTerm:
        found = self.taken(_KIND)
        kind = found.group(1).lower() if found else ""
        if kind:
            self.gap()
            self.expect(":")
            self.gap()
        start = self.at
        text = self.taken(_PATTERN if kind == "wild" else _STRING)
        if text is None:
            self.fail('a text in quotation marks, with \\" and \\\\ for these signs')
        if not text.group(1).strip(" \t\r\n") and kind != "wild":
            self.fail("a word between the quotation marks", start + 1)
        return SearchTerm(text.group(1), kind)
