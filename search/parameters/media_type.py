"""MIME types as tokens: `:below` finds by the base part, `text/xml` also `text/xml; charset=UTF-8`; `image` all images.

https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..conditions import Condition, Keys
from ..parameter import ANY, Key, Parameter, Rows

VALUE_SET: Final = "http://hl7.org/fhir/ValueSet/mimetypes"


def above(code: str) -> Iterator[str]:
    """What a MIME type is a kind of: itself without white space and case, its base part, its main type."""
    whole = "".join(code.lower().split())
    yield whole
    base = whole.partition(";")[0]
    if base != whole:
        yield base
    if "/" in base:
        yield base.partition("/")[0]


def put(parameter: Parameter, rows: Rows, code: str) -> None:
    for part in above(code):
        rows.keys[_key(parameter, part)] = None


def _key(parameter: Parameter, part: str) -> Key:
    """The posting of everything that is of that kind."""
    return parameter.hash(parameter.resource_type, f"{parameter.code}:below", part), ANY


def condition(parameter: Parameter, modifier: str, codes: Sequence[str]) -> Condition:
    """What is stored is below the value, or above it."""
    if modifier == "below":
        return Keys(tuple(dict.fromkeys(_key(parameter, next(above(code))) for code in codes)), 3)
    found = dict.fromkeys(part for code in codes for part in (code, *above(code)))
    return Keys(tuple((parameter.key(part), ANY) for part in found), 3)
