"""What a sender is told of an element or attribute that may not stand where it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..validation.suggestions import meant
from .grammar import FHIR, RESOURCE, XHTML, Grammar

EMPTY: Final = "the element has neither a value nor children; leave it out"
DEEP: Final = "the resource is nested more than 64 levels deep"


def element(name: str, known: Grammar) -> str:
    """An element that the definitions do not have there. name: as the parser gives it, "namespace name"."""
    namespace, _, local = name.rpartition(" ")
    names = [expected.rpartition(" ")[2] for expected in known.elements]
    if local in names:
        right = XHTML if f"{XHTML} {local}" in known.elements else FHIR
        return f"<{_cut(local)}> stands in {_shown(namespace)}, not in the namespace {right}"
    if local in known.choices:
        hint = f"; {local}[x] is written {', '.join(known.choices[local][:12])}"
    elif local in known.attributes:
        hint = f"; {local} is an attribute"
    else:
        hint = meant(local, names)
    return f"<{_cut(local)}> is not an element of {known.path}{hint}"


def resource(name: str, types: Iterable[str]) -> str:
    """An element that is no resource, where one must stand."""
    namespace, _, local = name.rpartition(" ")
    if local in types:
        return f"<{local}> stands in {_shown(namespace)}, not in the namespace {FHIR}"
    return f"<{_cut(local)}> is not a resource type of R4{meant(local, types)}"


def attribute(name: str, known: Grammar, *more: str) -> str:
    """An attribute that its element may not have."""
    allowed = (*known.attributes, *more)
    if known.path == RESOURCE:
        return f"the attribute {_cut(name)} stands on an element that only holds a resource"
    hint = f"; there may be {' and '.join(allowed)}" if allowed else "; the id of a resource is an element"
    return f"the attribute {_cut(name)} may not stand here{hint}"


def order(name: str, last: str, known: Grammar) -> str:
    """An element that comes after one it has to precede. last: the name of that one."""
    return f"<{name}> stands after <{last}>, but comes before it in the definition of {known.path}"


def _shown(namespace: str) -> str:
    return f"the namespace {_cut(namespace)}" if namespace else "no namespace"


def _cut(name: str) -> str:
    return name if len(name) <= 80 else name[:77] + "…"
