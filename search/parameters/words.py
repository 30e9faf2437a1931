"""Words of a narrative (`_text`) and of a whole resource (`_content`): words, "phrases", AND, OR, NOT, parentheses.

A phrase is found by its pairs of neighbouring words. Words are compared without case and accents, and whole. Since they
are many, they are indexed for the types of WORDS only, unless an Indexer is told otherwise.
https://hl7.org/fhir/R4/search.html#content
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import unescape as html
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from resources.outcome import BadRequest

from ..conditions import And, Condition, Keys, Not, Nothing, Or
from ..escapes import unescape
from ..parameter import WORD, Index, Parameter, Rows
from .string import normalise

# Types that say in prose what nothing else in them says. For others words are off: their narrative is made from elements
# that have parameters of their own, and its words are ten to thirty times their other rows. Reports are among those, since
# they come in masses; a tenant that searches their texts has them switched on.
WORDS: Final = frozenset({"ClinicalImpression", "Communication", "Composition"})
LONGEST: Final = 64  # characters of a word; more is no word
_OPAQUE: Final = 256  # characters after which a text without the white space of one is data
MODIFIERS: Final[frozenset[str]] = frozenset()
_TAG: Final = re.compile(r"<[^<>]*>")
_TOKEN: Final = re.compile(r'\s*(?:([()])|"([^"]*)"|([^\s()"]+))')
_DEPTH: Final = 32  # of parentheses
_MOST: Final = 64  # words of a value


def words(text: str) -> list[str]:
    """The words of a text as they are compared."""
    return [word[:LONGEST] for word in normalise(text).split()]


def index(parameter: Parameter, rows: Rows, texts: Iterable[str]) -> None:
    """The postings of texts: each word, and each two in a row."""
    key, keys = parameter.key, rows.keys
    for text in texts:
        found = words(text)
        for word in found:
            keys[key(word), WORD] = None
        for one, two in pairwise(found):
            keys[key(f"{one} {two}"), WORD] = None
    keys[parameter.present] = None


def narrative(parameter: Parameter, rows: Rows, resource: Any) -> None:
    """Of a resource its narrative."""
    text = resource.get("text")
    if text and text.get("div"):
        index(parameter, rows, (_plain(text["div"]),))


def content(parameter: Parameter, rows: Rows, resource: Any) -> None:
    """Of a resource all that is text, the narrative too."""
    index(parameter, rows, _texts(resource))


TEXTS: Final = MappingProxyType[str, Index]({"_content": content, "_text": narrative})  # code of parameter → its words


def _texts(value: Any) -> Iterator[str]:
    if type(value) is dict:
        for name, one in value.items():
            if name == "div" and type(one) is str:
                yield _plain(one)
            else:
                yield from _texts(one)
    elif type(value) is list:
        for one in value:
            yield from _texts(one)
    elif type(value) is str and not _is_data(value):
        yield value


def _is_data(text: str) -> bool:
    """Whether it is base64, perhaps in lines."""
    begin = text[:_OPAQUE]
    return len(text) > _OPAQUE and begin.isascii() and len(begin.split()) < _OPAQUE // 30


def _plain(div: str) -> str:
    """The text of a narrative."""
    return html(_TAG.sub(" ", div))


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """Texts that have the words of one of the values."""
    if not parameter.types:
        message = f"{parameter.code}: words of {parameter.resource_type} are not indexed (tenant setting search_words)."
        raise BadRequest(message, code="not-supported")
    return Or(tuple(_Reader(parameter, unescape(value)).read() for value in values))


class _Reader:
    """Recursive descent over one value. NOT binds more than AND, AND more than OR; AND may be left out."""

    def __init__(self, parameter: Parameter, value: str) -> None:
        self._parameter, self._value = parameter, value
        self._tokens: list[tuple[str, str]] = []  # kind: ( ) word phrase, and its text
        position = 0
        value = value.rstrip()
        while position < len(value):
            token = _TOKEN.match(value, position)
            if token is None:
                raise self._wrong('a " is not closed')
            sign, phrase, word = token.groups()
            self._tokens.append((sign, sign) if sign else ("phrase", phrase) if word is None else ("word", word))
            position = token.end()
        if len(self._tokens) > _MOST:
            raise self._wrong(f"it has more than {_MOST} words")
        self._next = self._depth = 0

    def _wrong(self, reason: str) -> BadRequest:
        return BadRequest(f"{self._parameter.code}={self._value[:200]}: {reason}.", code="value")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "the end")

    def _took(self, word: str) -> bool:
        if self._peek() == ("word", word):
            self._next += 1
            return True
        return False

    def read(self) -> Condition:
        found = self._or()
        if self._next < len(self._tokens):
            raise self._wrong(f"{self._peek()[1]} is not expected there")
        return found

    def _or(self) -> Condition:
        found = [self._and()]
        while self._took("OR"):
            found.append(self._and())
        return Or(tuple(found)) if len(found) > 1 else found[0]

    def _and(self) -> Condition:
        found = [self._not()]
        while self._took("AND") or (self._peek()[0] not in ("end", ")") and self._peek() != ("word", "OR")):
            found.append(self._not())
        return And(tuple(found)) if len(found) > 1 else found[0]

    def _not(self) -> Condition:
        if self._took("NOT"):
            self._depth += 1
            if self._depth > _DEPTH:
                raise self._wrong("it is nested too deeply")
            found: Condition = Not(self._not())
            self._depth -= 1
            return found
        kind, text = self._peek()
        if kind in ("end", ")") or (text in ("AND", "OR") and kind == "word"):
            raise self._wrong(f"{text} is not expected there")
        self._next += 1
        if kind == "(":
            self._depth += 1
            if self._depth > _DEPTH:
                raise self._wrong("it is nested too deeply")
            found = self._or()
            self._depth -= 1
            if self._peek()[0] != ")":
                raise self._wrong("a ( is not closed")
            self._next += 1
            return found
        return self._phrase(text)

    def _phrase(self, text: str) -> Condition:
        """Words in a row. One word can be a phrase, too: Smith-Jones is two words."""
        key, found = self._parameter.key, words(text)
        if not found:
            return Nothing()
        if len(found) == 1:
            return Keys(((key(found[0]), WORD),))
        pairs = dict.fromkeys(f"{one} {two}" for one, two in pairwise(found))
        return And(tuple(Keys(((key(pair), WORD),)) for pair in pairs))
