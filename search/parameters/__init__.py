"""Search parameter types: what of a resource is indexed and how a clause is met, both in one module per type.

Each module has `indexed(place)`, the function that reads values of a FHIR type into index rows; `condition(parameter,
modifier, values, base_url)`, which raises BadRequest for a value that cannot be read; and MODIFIERS, the modifiers besides
`missing` that it knows ("[type]" stands for a resource type's name). https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

from types import MappingProxyType, ModuleType
from typing import Final

from resources.definitions import SearchParameter

from . import composite, date, number, phonetic, quantity, reference, special, string, token, uri, words

# Type of search parameter → its module.
PARAMETER_TYPES: Final = MappingProxyType[str, ModuleType](
    {
        "composite": composite,
        "date": date,
        "number": number,
        "quantity": quantity,
        "reference": reference,
        "special": special,
        "string": string,
        "token": token,
        "uri": uri,
    }
)

# (Type, code) of parameters that mean something else by a match.
_OTHERS: Final = MappingProxyType[tuple[str, str], ModuleType](
    {("string", "phonetic"): phonetic, ("string", "_content"): words, ("string", "_text"): words}
)


def module_of(definition: SearchParameter) -> ModuleType:
    """The module of a parameter: that of its type, but for a few of the specification's own."""
    return _OTHERS.get((definition.type, definition.code), PARAMETER_TYPES[definition.type])


def is_searchable(definition: SearchParameter) -> bool:
    """Whether a search may give values for the parameter."""
    return (bool(definition.expression) and definition.type in PARAMETER_TYPES) or definition.code in words.TEXTS
