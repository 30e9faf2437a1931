"""Uri parameters: the whole URI, or its beginning, where case, accents and escapes matter.

https://hl7.org/fhir/R4/search.html#uri
"""

from __future__ import annotations

from typing import Any, Final

from resources.outcome import BadRequest

from ..conditions import And, Condition, Keys, Nothing, Or, UriRanges, Uris
from ..escapes import split, unescape
from ..parameter import ANY, Index, Parameter, Rows
from ..trie import Place
from .string import LONGEST, after, cut

MODIFIERS: Final = frozenset({"above", "below"})
_TYPES: Final = ("uri", "url", "canonical")
_SHOWN: Final = LONGEST - 20  # characters of a long URI that its row begins with


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a uri parameter does not."""
    return _uri if place.type in _TYPES else None


def _uri(parameter: Parameter, rows: Rows, value: Any) -> None:
    rows.uri[parameter.number, cut(value, parameter)] = None
    rows.keys[parameter.present] = None


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """The whole URI; `:below` what begins with a value, `:above` what a value begins with."""
    kind, number = parameter.type_number, parameter.number
    texts = dict.fromkeys(text for value in values if (text := unescape(value)))
    if modifier:
        for text in texts:
            if text.lower().startswith("urn:") or len(text) > (_SHOWN if modifier == "below" else 4 * LONGEST):
                raise BadRequest(f"{parameter.code}:{modifier}={text[:200]}: the value is not a URL.", code="value")
    if modifier == "below":
        return UriRanges(tuple((kind, number, text, after(text)) for text in texts))
    if modifier == "above":
        prefixes = dict.fromkeys(text[:n] for text in texts for n in range(1, len(text) + 1))
        return Uris(tuple((kind, number, cut(prefix, parameter)) for prefix in prefixes))
    if not texts:
        return Nothing()
    whole = Uris(tuple((kind, number, cut(text, parameter)) for text in texts))
    versions = [_of_version(parameter, value) for value in values if parameter.code == "url" and "|" in value]
    return Or((whole, *versions)) if versions else whole


def _of_version(parameter: Parameter, value: str) -> Condition:
    """A canonical URL with its version, which conformance resources have in an element of its own."""
    *url, version = (unescape(part) for part in split(value, "|"))
    h = parameter.hash(parameter.resource_type, "version", version.casefold())
    found = Uris(((parameter.type_number, parameter.number, cut("|".join(url), parameter)),))
    return And((found, Keys(((h, ANY),), 1)))
