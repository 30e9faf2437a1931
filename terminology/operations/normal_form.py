"""Normal forms of SNOMED CT: a concept as its nearest primitive ancestors and its attributes.

The relationships of a release are what a classifier inferred, each that is not implied by another, in their role groups; so
the form is read off them. https://hl7.org/fhir/R4/snomedct.html#4.3.1.0.2.5, https://confluence.ihtsdotools.org/display/DOCTSG
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..system import PropertyValue, System

KIND: Final = "snomed"
PROPERTIES: Final = ("normalForm", "normalFormTerse")
DEFINED: Final = "sufficientlyDefined"


def normal_form(system: System, ordinal: int, *, with_terms: bool) -> str:
    """The necessary normal form of a concept as an expression of the compositional grammar, with terms or ids only."""
    focus = sorted(_proximal_primitives(system, ordinal), key=system.code)
    groups: dict[int, list[str]] = {}
    for one in system.properties(ordinal):
        if one.type == "concept" or one.group:
            groups.setdefault(one.group, []).append(
                f"{_term(system, one.name, with_terms)} = {_value(system, one, with_terms)}"
            )
    kind = "===" if _is_defined(system, ordinal) else "<<<"
    text = f"{kind} " + " + ".join(_term(system, system.code(one), with_terms) for one in focus)
    if groups:
        loose = sorted(groups.pop(0, ()))
        inside = sorted(f"{{ {', '.join(sorted(attributes))} }}" for attributes in groups.values())
        text += " : " + ", ".join((*loose, *inside))
    return text if with_terms else text.replace(" ", "")


def _is_defined(system: System, ordinal: int) -> bool:
    return any(one.name == DEFINED and one.value == "true" for one in system.properties(ordinal))


def _proximal_primitives(system: System, ordinal: int) -> Iterable[int]:
    """The nearest primitive concepts above, none of which is above another."""
    found: set[int] = set()
    seen: set[int] = set()
    ahead = list(system.parents(ordinal))
    while ahead:
        one = ahead.pop()
        if one in seen:
            continue
        seen.add(one)
        if _is_defined(system, one):
            ahead += system.parents(one)
        else:
            found.add(one)
    nearest = [one for one in found if not any(one != other and system.subsumes(one, other) for other in found)]
    return nearest or [ordinal]


def _term(system: System, code: str, with_terms: bool) -> str:
    ordinal = system.find(code) if with_terms else None
    return code if ordinal is None else f"{code} |{system.display(ordinal)}|"


def _value(system: System, one: PropertyValue, with_terms: bool) -> str:
    if one.type == "concept":
        return _term(system, one.value, with_terms)
    return f"#{one.value}" if one.type in ("decimal", "integer") else f'"{one.value}"'
