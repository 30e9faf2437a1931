"""Texts that are looked for in terms and values: words by their beginnings, patterns with `*`.

Case does not count; a plain letter finds itself with any accent, one with an accent only itself.
https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language (5.5, 6.8)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from .syntax import SearchTerm, Terms

Match = Callable[[str], bool]

_LOOK: Final = 10  # steps for looking at a text

_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PARTS: Final = re.compile(r"\\.|\*|[^\\*]+", re.DOTALL)
_WORDS: Final = re.compile(r"[^\W_]+")


@lru_cache(maxsize=1024)
def _plain(letter: str) -> str:
    """A letter without its accents; itself if it comes apart into several."""
    parts = [one for one in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(one)]
    return parts[0] if len(parts) == 1 else letter


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text.casefold())


class Text:
    """A text in which is looked, folded: with its accents and without, letter by letter."""

    __slots__ = ("plain", "text")

    def __init__(self, text: str) -> None:
        self.text = _folded(text)
        self.plain = self.text if self.text.isascii() else "".join(map(_plain, self.text))

    def find(self, wanted: str, start: int) -> int:
        """Where a folded text is found from there on; -1 if it is not."""
        if wanted.isascii():
            return self.plain.find(wanted, start)
        plain = "".join(map(_plain, wanted))
        at = self.plain.find(plain, start)
        while at >= 0 and not self.has(wanted, at):
            at = self.plain.find(plain, at + 1)
        return at

    def has(self, wanted: str, at: int) -> bool:
        """Whether a folded text stands there."""
        if wanted.isascii():
            return self.plain.startswith(wanted, at)
        end = at + len(wanted)
        return end <= len(self.text) and all(
            letter in both for letter, *both in zip(wanted, self.text[at:end], self.plain[at:end], strict=True)
        )

    def begins_word(self, wanted: str) -> bool:
        """Whether a word begins so."""
        at = self.find(wanted, 0)
        while at >= 0:
            if at == 0 or not self.text[at - 1].isalnum():
                return True
            at = self.find(wanted, at + 1)
        return False


def matching(terms: Terms, *, exact: bool = False) -> Match:
    """Whether a text matches one of these. exact: what says neither match nor wild is the very text, case and all."""
    tests = [_test(one, exact) for one in terms.any_of]
    return tests[0] if len(tests) == 1 else lambda text: any(test(text) for test in tests)


def weight(terms: Terms) -> int:
    """Steps that looking for these in one text takes."""
    return sum(_LOOK + len(one.text) for one in terms.any_of)


def _test(one: SearchTerm, exact: bool) -> Match:
    if one.kind == "wild":
        return _pattern(one.text)
    written = _ESCAPED.sub(r"\1", one.text)
    if exact and not one.kind:
        return written.__eq__
    words = [_folded(word) for word in written.split()]

    def begin(text: str) -> bool:
        folded = Text(text)
        return all(folded.begins_word(word) for word in words)

    return begin


def _segments(pattern: str) -> list[str]:
    """What stands between the stars of a pattern, as it was written but for escapes."""
    found = [""]
    for part in _PARTS.findall(pattern):
        if part == "*":
            found.append("")
        else:
            found[-1] += part[1:] if part.startswith("\\") else part
    return found


def _pattern(pattern: str) -> Match:
    first, *middle = [_folded(one) for one in _segments(pattern)]
    last = middle.pop() if middle else None

    def fits(text: str) -> bool:
        folded = Text(text)
        length = len(folded.text)
        if last is None:
            return length == len(first) and folded.has(first, 0)
        if not folded.has(first, 0):
            return False
        at = len(first)
        for one in middle:
            at = folded.find(one, at)
            if at < 0:
                return False
            at += len(one)
        return length - len(last) >= at and folded.has(last, length - len(last))

    return fits


def sure_words(one: SearchTerm) -> str:
    """Beginnings of words that every text which matches must have, to look them up in an index; "" if there are none."""
    if one.kind != "wild":
        return " ".join(_WORDS.findall(_ESCAPED.sub(r"\1", one.text)))
    found = []
    for number, segment in enumerate(_segments(one.text)):
        found += [
            word.group()
            for word in _WORDS.finditer(segment)
            if (word.start() or not number) and (word.start() == 0 or not segment[word.start() - 1].isalnum())
        ]
    return " ".join(found)
