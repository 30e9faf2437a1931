"""String parameters: the beginning of a text, without regard to case, accents, punctuation and white space.

Of names and addresses every part and every word in it can be found by its beginning; of other texts the whole only.
https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ..conditions import Condition, Exact, Nothing, Strings
from ..escapes import unescape
from ..parameter import Index, Parameter, Rows
from ..trie import Place

MODIFIERS: Final = frozenset({"exact"})
LONGEST: Final = 500  # characters of an indexed text: a row of a btree holds 2,704 bytes
_WORDS: Final = 12  # of a name or address whose beginnings are indexed
_DROPPED: Final = {ord(c): "" for c in ".'’‘ʼ`´"}
_PUNCTUATION: Final = re.compile(r"[!-/:-@\[-`{-~]+")
_NAME: Final = ("text", "family", "given", "prefix", "suffix")
_ADDRESS: Final = ("text", "line", "city", "district", "state", "postalCode", "country")


def normalise(text: str) -> str:
    """The text as it is compared: compatibility forms resolved, marks and case dropped, punctuation as white space.

    An apostrophe or full stop joins: O'Brien is obrien, Smith-Jones is smith jones."""
    text = text.translate(_DROPPED)
    if text.isascii():
        return " ".join(_PUNCTUATION.sub(" ", text.lower()).split())
    for _ in range(2):  # casefolding can yield characters that decompose, and the other way round
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    text = text.translate(_DROPPED)
    return " ".join("".join(" " if unicodedata.category(c)[0] in "PS" else c for c in text).split())


def cut(value: str, parameter: Parameter) -> str:
    """The value as a key: one that is too long is its beginning and its hash, found by its whole length only."""
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 20]}\x1f{parameter.hash('long', value):016x}"


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a string parameter does not."""
    if place.type == "HumanName":
        return _human_name
    if place.type == "Address":
        return _address
    if place.type in ("string", "markdown"):
        return _word_by_word if place.within in ("HumanName", "Address") else _text
    return None


def _put(parameter: Parameter, rows: Rows, text: str, words: bool) -> None:
    if not isinstance(text, str) or not (value := normalise(text)):
        return
    number, found = parameter.number, rows.str
    found[number, value[:LONGEST], parameter.hash("exact", text)] = None
    if len(value) > LONGEST:
        found[number, cut(value, parameter), 0] = None
    elif words and " " in value:
        for tail in _tails(value):
            found[number, tail, 0] = None
    rows.keys[parameter.present] = None


def _tails(value: str) -> Iterator[str]:
    """What begins at the second word, the third …"""
    words = value.split(" ")
    return (" ".join(words[n:]) for n in range(1, min(len(words), _WORDS)))


def _text(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put(parameter, rows, value, words=False)


def _word_by_word(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put(parameter, rows, value, words=True)


def _parts(value: dict[str, Any], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        part = value.get(name)
        if isinstance(part, list):
            yield from (one for one in part if one is not None)
        elif part is not None:
            yield part


def _human_name(parameter: Parameter, rows: Rows, value: Any) -> None:
    for part in _parts(value, _NAME):
        _put(parameter, rows, part, words=True)
    # Across the parts: all given names, and the first one alone, before the family name.
    given, family = list(_parts(value, ("given",))), list(_parts(value, ("family",)))
    if given and family:
        for names in {(*given, *family), (given[0], *family)}:
            value_ = normalise(" ".join(names))
            if value_ and len(value_) <= LONGEST:
                rows.str[parameter.number, value_, 0] = None


def _address(parameter: Parameter, rows: Rows, value: Any) -> None:
    for part in _parts(value, _ADDRESS):
        _put(parameter, rows, part, words=True)


def after(prefix: str) -> str:
    """The least text, in order of code points, that is greater than every text with the prefix."""
    while prefix:
        last = ord(prefix[-1]) + 1
        if last <= 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD800 else last)
        prefix = prefix[:-1]
    return "\U0010ffff" * 4


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """SR-1, SR-2, SR-4. A value of which normalisation leaves nothing matches nothing."""
    texts = [unescape(value) for value in values]
    pairs = [(value, text) for text in texts if (value := normalise(text))]
    if not pairs:
        return Nothing()
    if modifier == "exact":
        exact = [(value[:LONGEST], parameter.hash("exact", text)) for value, text in pairs]
        return Exact(parameter.type_number, parameter.number, tuple(dict.fromkeys(exact)))
    begins = [cut(value, parameter) for value, _ in pairs]
    ranges = dict.fromkeys((begin, after(begin)) for begin in begins)
    return Strings(parameter.type_number, parameter.number, tuple(ranges))
