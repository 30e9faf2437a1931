"""Search parameter types: what of a resource is indexed and how a clause is met, both in one module per type.

Each module has `indexed(place)`, the function that reads values of a FHIR type into index rows; `condition(parameter,
modifier, values, base_url)`, which raises BadRequest for a value that cannot be read and is None where the type cannot be
searched yet; and MODIFIERS, the modifiers besides `missing` that it knows ("[type]" stands for a resource type's name).
https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

from types import MappingProxyType, ModuleType
from typing import Final

from resources.definitions import SearchParameter

from . import date, number, quantity, reference, string, token, uri

# Type of search parameter → its module. Composite and special parameters are not indexed yet.
PARAMETER_TYPES: Final = MappingProxyType[str, ModuleType](
    {
        "string": string,
        "token": token,
        "reference": reference,
        "date": date,
        "number": number,
        "quantity": quantity,
        "uri": uri,
    }
)

# Parameters of a type above that mean something else by a match.
_BY_SOUND: Final = frozenset({"phonetic"})


def is_indexed(definition: SearchParameter) -> bool:
    """Whether resources are indexed for the parameter, so that `:missing` is known of it."""
    return definition.type in PARAMETER_TYPES and bool(definition.expression) and definition.code not in _BY_SOUND


def is_searchable(definition: SearchParameter) -> bool:
    """Whether a search may give values for the parameter."""
    return is_indexed(definition) and PARAMETER_TYPES[definition.type].condition is not None
