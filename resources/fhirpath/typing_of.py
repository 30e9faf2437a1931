"""Types: is, as, ofType(), type(). https://hl7.org/fhirpath/N1/#types, https://hl7.org/fhir/R4/fhirpath.html#types"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .evaluation import Code, Collection, Evaluation, Items, TypeInfo, giving_items, giving_truth, many, system_type
from .faults import Unevaluable
from .nodes import Node

_SYSTEM = frozenset({"Any", "Boolean", "Date", "DateTime", "Decimal", "Integer", "Quantity", "String", "Time"})


def tested(operator: str, source: Items, name: str) -> Code:
    """`is`, `as` and their functions, and ofType().

    `is` asks for a type or one it is derived from. `as` and ofType() take primitives only if they are of that very type,
    as the tests of R4 have it. `as` of many items filters them, as R4's own dom-3 has it.
    """
    match = _matcher(name)
    if operator == "is":

        def is_of(env: Evaluation, this: Collection) -> bool | None:
            found = source(env, this)
            if not found:
                return None
            if len(found) > 1:
                raise many(found, "is")
            return match(env, found[0], False)

        return giving_truth(is_of)

    def of_type(env: Evaluation, this: Collection) -> Collection:
        found = source(env, this)
        env.spend(len(found))
        return [item for item in found if match(env, item, True)]

    return giving_items(of_type, operator)


def _matcher(name: str) -> Callable[[Evaluation, Any, bool], bool]:
    space, _, own = name.rpartition(".")

    def matches(env: Evaluation, item: Any, exactly: bool) -> bool:
        if type(item) is Node:
            shape = item.shape
            if space != "System":
                if shape.name == own:
                    return True
                if own in shape.lineage and (shape.is_complex or not exactly):
                    return True
        elif space != "FHIR" and own in _SYSTEM:
            return system_type(item) == own or own == "Any"
        if own not in env.model.structures and not (own in _SYSTEM and space != "FHIR") and space != "System":
            raise Unevaluable(f"There is no type {name}.")
        return False

    return matches


def type_of(env: Evaluation, item: Any) -> TypeInfo:
    """What type() answers about an item."""
    if type(item) is not Node:
        return TypeInfo("System", system_type(item), "System.Any")
    structure = env.model.structures.get(item.type_name)
    return TypeInfo("FHIR", item.type_name, f"FHIR.{structure.base}" if structure and structure.base else "")


def member(item: Any, name: str) -> Collection:
    """A member of what type() answers; other System values have none."""
    if type(item) is not TypeInfo:
        return []
    value = {"name": item.name, "namespace": item.namespace, "baseType": item.base_type}[name]
    return [value] if value else []
