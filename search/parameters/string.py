"""String parameters: the beginning of a text, without regard to case, accents, punctuation and white space.

Of names and addresses every part and every word in it can be found by its beginning; of other texts the whole only. What
is no value itself (what begins at a later word, or goes across the parts of a name) is indexed under the parameter's number
below zero, so that `_sort` does not see it.
`:contains` finds a text by what it contains anywhere, `:exact` as it was sent.
https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Final

from resources.hashing import remembered
from resources.outcome import BadRequest

from ..conditions import And, Condition, Fragments, Keys, Nothing, Or, Strings
from ..escapes import unescape
from ..parameter import EXACT, TRIGRAM, Index, Parameter, Rows
from ..trie import Place

MODIFIERS: Final = frozenset({"contains", "exact"})
LONGEST: Final = 500  # characters of an indexed text: a row of a btree holds 2,704 bytes
PIECE: Final = "\x1f"  # begins the rows of what lies within a long text: no search begins so
FRAGMENT: Final = 100  # characters of a text that `:contains` looks for
_TRIGRAMS: Final = 16  # of a fragment that are looked up; it is then compared itself
_WORDS: Final = 12  # of a name or address whose beginnings are indexed
_DROPPED: Final = {ord(c): "" for c in ".'’‘ʼ`´"}
_PUNCTUATION: Final = re.compile(r"[!-/:-@\[-`{-~]+")
_NAME: Final = ("text", "family", "given", "prefix", "suffix")
_ADDRESS: Final = ("text", "line", "city", "district", "state", "postalCode", "country")
_NO_TEXT: Final = str.maketrans("0123456789abcdef-", "GHIJKLMNOPABCDEFQ")  # no normalised text has capitals


@remembered(8192)
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
    if len(value) <= LONGEST:
        return value
    return f"{value[: LONGEST - 20]}\x1f{format(parameter.hash('long', value), '016x').translate(_NO_TEXT)}"


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a string parameter does not."""
    if place.type == "HumanName":
        return _human_name
    if place.type == "Address":
        return _address
    if place.type in ("string", "markdown"):
        return _word_by_word if place.within in ("HumanName", "Address") else _text
    return None


def _put(parameter: Parameter, rows: Rows, text: str, words: bool) -> str:
    """The rows of one text, which is returned as normalised."""
    if not isinstance(text, str):
        return ""
    number, found, keys = parameter.number, rows.str, rows.keys
    value = normalise(text)
    found[number, value[:LONGEST]] = None
    keys[parameter.key(text), EXACT] = None
    keys[parameter.present] = None
    if len(value) > LONGEST:
        found[number, cut(value, parameter)] = None
        for piece in pieces(value):
            found[-number, PIECE + piece] = None
    elif words and " " in value:
        for tail in _tails(value):
            found[-number, tail] = None
    return value


def pieces(value: str) -> Iterator[str]:
    """What of a long text is not within its first LONGEST characters; a fragment lies within one of them."""
    step = LONGEST - FRAGMENT + 1
    return (value[start : start + LONGEST] for start in range(step, len(value) - FRAGMENT + 1, step))


def _tails(value: str) -> Iterator[str]:
    """What begins at the second word, the third …"""
    words = value.split(" ")
    return (" ".join(words[n:]) for n in range(1, min(len(words), _WORDS)))


def _put_trigrams(parameter: Parameter, rows: Rows, values: Iterable[str]) -> None:
    key, keys = parameter.key, rows.keys
    for trigram in dict.fromkeys(value[n : n + 3] for value in values for n in range(len(value) - 2)):
        keys[key(trigram), TRIGRAM] = None


def _text(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put_trigrams(parameter, rows, (_put(parameter, rows, value, words=False),))


def _word_by_word(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put_trigrams(parameter, rows, (_put(parameter, rows, value, words=True),))


def parts(value: dict[str, Any], names: Iterable[str] = _NAME) -> Iterator[str]:
    """The texts of a HumanName or Address."""
    for name in names:
        part = value.get(name)
        if isinstance(part, list):
            yield from (one for one in part if one is not None)
        elif part is not None:
            yield part


def _human_name(parameter: Parameter, rows: Rows, value: Any) -> None:
    found = [_put(parameter, rows, part, words=True) for part in parts(value)]
    # Across the parts: all given names, and the first one alone, before the family name.
    given, family = list(parts(value, ("given",))), list(parts(value, ("family",)))
    if given and family:
        for names in {(*given, *family), (given[0], *family)}:
            value_ = normalise(" ".join(names))
            if value_ and len(value_) <= LONGEST:
                rows.str[-parameter.number, value_] = None
                found.append(value_)
    _put_trigrams(parameter, rows, found)


def _address(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put_trigrams(parameter, rows, [_put(parameter, rows, part, words=True) for part in parts(value, _ADDRESS)])


def after(prefix: str) -> str:
    """The least text, in order of code points, that is greater than every text with the prefix."""
    while prefix:
        last = ord(prefix[-1]) + 1
        if last <= 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD800 else last)
        prefix = prefix[:-1]
    return "\U0010ffff" * 4


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """Texts that begin with a value, or what the modifier says. What normalisation leaves nothing of matches only by `:exact`."""
    texts = [unescape(value) for value in values]
    if modifier == "exact":
        return Keys(tuple(dict.fromkeys((parameter.key(text), EXACT) for text in texts)), 0)
    normalised = [value for text in texts if (value := normalise(text))]
    if modifier == "contains":
        return Or(tuple(containing(parameter, value) for value in normalised))
    begins = dict.fromkeys(cut(value, parameter) for value in normalised)
    if not begins:
        return Nothing()
    kind, number = parameter.type_number, parameter.number
    return Strings(tuple((kind, one, begin, after(begin)) for begin in begins for one in (number, -number)))


def containing(parameter: Parameter, value: str) -> Condition:
    """That a text contains the normalised value anywhere."""
    if len(value) > FRAGMENT:
        raise BadRequest(
            f"{parameter.code}:contains={value[:FRAGMENT]}…: a value has up to {FRAGMENT} characters.", code="value"
        )
    kind, number = parameter.type_number, parameter.number
    fragments = Fragments(((kind, number, value), (kind, -number, value)))
    if len(value) < 3:
        return And((Keys((parameter.present,), 3), fragments))
    trigrams = list(dict.fromkeys(value[n : n + 3] for n in range(len(value) - 2)))
    trigrams = trigrams[:: -(-len(trigrams) // _TRIGRAMS)]
    return And((*(Keys(((parameter.key(trigram), TRIGRAM),)) for trigram in trigrams), fragments))
