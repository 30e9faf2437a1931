"""The TerminologyCapabilities, computed from the tables and releases that do what it says.

https://hl7.org/fhir/R4/terminologycapabilities.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from msgspec import Struct

_IS_A: Final = frozenset({"", "is-a"})  # meanings of a hierarchy that say what subsumes what


class Version(Struct, frozen=True):
    """A version of a code system that can be asked about."""

    code: str
    is_default: bool = False
    compositional: bool = False
    language: Sequence[str] = ()
    filters: Sequence[tuple[str, Sequence[str]]] = ()  # code, operators
    properties: Sequence[str] = ()
    hierarchy_meaning: str = ""
    content: str = "complete"

    def as_json(self) -> dict[str, Any]:
        stated: dict[str, Any] = {"code": self.code} if self.code else {}
        stated["isDefault"] = self.is_default
        stated["compositional"] = self.compositional
        if self.language:
            stated["language"] = list(self.language)
        if self.filters:
            stated["filter"] = [{"code": code, "op": list(operators)} for code, operators in self.filters if operators]
        if self.properties:
            stated["property"] = list(self.properties)
        return stated


def terminology_capabilities(
    systems: Mapping[str, Iterable[Version]],
    *,
    parameters: Iterable[tuple[str, str]],
    base: str,
    software: tuple[str, str],
    date: date,
) -> dict[str, Any]:
    """systems: by canonical URL, the default version first. parameters: name and documentation of those of $expand."""
    name, version = software
    return {
        "resourceType": "TerminologyCapabilities",
        "url": f"{base}/metadata?mode=terminology",
        "version": version,
        "name": "TerminologyServer",
        "title": f"The terminology of {name}",
        "status": "active",
        "date": date.isoformat(),
        "kind": "instance",
        "software": {"name": name, "version": version},
        "implementation": {"description": f"{name} at {base}", "url": base},
        "lockedDate": False,
        "codeSystem": [_system(url, tuple(versions)) for url, versions in sorted(systems.items())],
        "expansion": {
            "hierarchical": True,
            "paging": True,
            "incomplete": False,
            "parameter": [
                {"name": name, **({"documentation": text} if text else {})} for name, text in sorted(parameters)
            ],
            "textFilter": "Every word of the filter begins a word of a designation; case, accents and hyphens do not count.",
        },
        "codeSearch": "all",
        "validateCode": {"translations": True},
        "translation": {"needsMap": True},
        "closure": {"translation": False},
    }


def _system(url: str, versions: Sequence[Version]) -> dict[str, Any]:
    stated: dict[str, Any] = {"uri": url}
    if any(one.code for one in versions) or any(one.properties or one.filters for one in versions):
        stated["version"] = [one.as_json() for one in versions]
    stated["subsumption"] = any(one.hierarchy_meaning in _IS_A for one in versions)
    return stated
