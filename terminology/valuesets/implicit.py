"""Value sets that a URL alone defines: of SNOMED CT, LOINC, UCUM and ICD-11, as the ValueSet resources they stand for.

https://hl7.org/fhir/R4/snomedct.html#implicit, https://hl7.org/fhir/R4/loinc.html#implicit, https://hl7.org/fhir/R4/ucum.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from resources.outcome import NotSupported

from ..scope import VALUE_SET, Candidate

_SNOMED: Final = re.compile(
    r"(http://snomed\.info/x?sct)(/[0-9]+(?:/version/[0-9]{8})?)?\?fhir_vs(?:=(.*))?", re.DOTALL
)
_LONGEST: Final = 20_000  # characters of a URL
Json = dict[str, Any]


class Implicit:
    """A Source of value sets that need nobody to have written them. urls: what reads one; None for any other URL."""

    def __init__(self, *urls: Callable[[str], Json | None]) -> None:
        self._urls = urls

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        if resource_type == VALUE_SET and len(url) <= _LONGEST:
            for read in self._urls:
                tree = read(url)
                if tree is not None:
                    return (Candidate(VALUE_SET, url, tree.get("version", ""), "active", tree, lambda: None),)
        return ()

    def all(self, resource_type: str) -> Iterable[Candidate]:
        return ()


def snomed(url: str) -> Json | None:
    """Raises NotSupported for a form that R4 does not know."""
    match = _SNOMED.fullmatch(url)
    if match is None:
        return None
    system, edition, what = match.groups()
    version = f"{system}{edition}" if edition else ""
    if what is None:
        return whole(url, system, version)
    kind, _, value = unquote(what).partition("/")
    if kind == "refset" and not value:
        return whole(url, system, version, ("refset", "exists", "true"))
    if kind not in _FORMS or not value:
        forms = ", ".join(f"{one}/…" for one in _FORMS)
        raise NotSupported(
            f"Of the implicit value sets of SNOMED CT there are ?fhir_vs, refset and {forms}; not {what[:100]!r}."
        )
    return whole(url, system, version, (*_FORMS[kind], value))


_FORMS: Final[Mapping[str, tuple[str, str]]] = {
    "isa": ("concept", "is-a"),
    "refset": ("concept", "in"),
    "ecl": ("constraint", "="),
}


def others(url: str) -> Json | None:
    """Those of LOINC, UCUM and ICD-11."""
    for prefix, (system, forms) in _OTHERS.items():
        if url == prefix:
            return whole(url, system)
        value = url.removeprefix(f"{prefix}/")
        if value != url and value:
            for pattern, property_, op in forms:
                if re.fullmatch(pattern, value):
                    return whole(url, system, "", (property_, op, unquote(value)))
    return None


_OTHERS: Final[Mapping[str, tuple[str, Sequence[tuple[str, str, str]]]]] = {
    "http://loinc.org/vs": (
        "http://loinc.org",
        (("LL[0-9]+-[0-9]", "LIST", "="), ("LG[0-9]+-[0-9]", "concept", "in"), ("LP[0-9]+-[0-9]", "concept", "is-a")),
    ),
    "http://unitsofmeasure.org/vs": ("http://unitsofmeasure.org", ((".+", "canonical", "="),)),
    "http://id.who.int/icd/release/11/mms?fhir_vs": ("http://id.who.int/icd/release/11/mms", ()),
}


def whole(url: str, system: str, version: str = "", *filters: tuple[str, str, str]) -> Json:
    """The value set of all codes of a system, as far as they meet the filters: property, operator, value."""
    include: Json = {"system": system}
    if version:
        include["version"] = version
    if filters:
        include["filter"] = [{"property": name, "op": op, "value": value} for name, op, value in filters]
    return {"resourceType": VALUE_SET, "url": url, "status": "active", "compose": {"include": [include]}}
