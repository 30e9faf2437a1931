"""Phonetic parameters: names by their sound, word by word. Smith is found by Smyth, Stephen by Steven.

Sounds are those of English, by Metaphone, whatever the language of the name; a word it makes nothing of stands for
itself. https://hl7.org/fhir/R4/patient.html#search
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from jellyfish import metaphone

from resources.hashing import remembered

from ..conditions import And, Condition, Keys, Or
from ..escapes import unescape
from ..parameter import SOUND, Index, Parameter, Rows
from ..trie import Place
from .string import LONGEST, normalise, parts

MODIFIERS: Final[frozenset[str]] = frozenset()


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a phonetic parameter does not."""
    return _human_name if place.type == "HumanName" else _text if place.type == "string" else None


def _put(parameter: Parameter, rows: Rows, text: str) -> None:
    value = normalise(text)
    rows.str[parameter.number, value[:LONGEST]] = None  # for `_sort` only
    for sound in _sounds(value):
        rows.keys[parameter.key(sound), SOUND] = None
    rows.keys[parameter.present] = None


def _human_name(parameter: Parameter, rows: Rows, value: Any) -> None:
    for part in parts(value):
        _put(parameter, rows, part)


def _text(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put(parameter, rows, value)


def _sounds(value: str) -> Iterator[str]:
    return map(_sound, value.split())


@remembered(8192)
def _sound(word: str) -> str:
    return metaphone(word) or word


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """Every word of a value sounds like a word of the name."""
    found: list[Condition] = []
    for value in values:
        sounds = dict.fromkeys(_sounds(normalise(unescape(value))))
        if sounds:
            found.append(And(tuple(Keys(((parameter.key(sound), SOUND),)) for sound in sounds)))
    return Or(tuple(found))
