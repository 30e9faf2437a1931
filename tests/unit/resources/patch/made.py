"""Patches as tests write them: operation("add", "Patient", name="active", value={"valueBoolean": True})."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def operation(act: str, path: str, **parts: Any) -> Json:
    """One operation of a FHIRPath Patch; `value` has the members of its part."""
    made: list[Json] = [{"name": "type", "valueCode": act}, {"name": "path", "valueString": path}]
    for name, value in parts.items():
        if name == "value":
            made.append({"name": name, **value})
        else:
            made.append({"name": name, "valueString" if isinstance(value, str) else "valueInteger": value})
    return {"name": "operation", "part": made}


def patch(*operations: Json) -> Json:
    return {"resourceType": "Parameters", "parameter": list(operations)}


def part(name: str, **value: Any) -> Json:
    """One part of an anonymous value: part("system", valueUri="http://example.org")."""
    return {"name": name, **value}


def said(operations: Json) -> list[tuple[Any, ...]]:
    """The operations of a patch in short: ("replace", "Patient.birthDate", {"valueDate": "1970"})."""
    short = []
    for one in operations.get("parameter", []):
        values = []
        for each in one["part"]:
            plain = {name: value for name, value in each.items() if name != "name"}
            values.append(plain if each["name"] == "value" else next(iter(plain.values())))
        short.append(tuple(values))
    return short
