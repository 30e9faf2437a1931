"""Uri parameters: the whole URI, where case, accents and escapes matter.

https://hl7.org/fhir/R4/search.html#uri
"""

from __future__ import annotations

from typing import Any, Final

from ..conditions import Condition, Uris
from ..escapes import unescape
from ..parameter import Index, Parameter, Rows
from ..trie import Place
from .string import cut

MODIFIERS: Final[frozenset[str]] = frozenset()
_TYPES: Final = ("uri", "url", "canonical")


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a uri parameter does not."""
    return _uri if place.type in _TYPES else None


def _uri(parameter: Parameter, rows: Rows, value: Any) -> None:
    rows.uri[parameter.number, cut(value, parameter)] = None
    rows.keys[parameter.present] = None


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """UI-1."""
    texts = dict.fromkeys(cut(unescape(value), parameter) for value in values)
    return Uris(parameter.type_number, parameter.number, tuple(texts))
