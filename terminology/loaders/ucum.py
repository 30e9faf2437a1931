"""UCUM's table of units, ucum-essence.xml: its base units and units, each under its case-sensitive code.

A fragment: prefixes, products and powers make more codes of them, which a grammar answers for.
https://ucum.org/ucum, https://hl7.org/fhir/R4/ucum.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..records import About, Concept, Property, PropertyDefinition, Record, Term
from . import elements
from .archive import Archive, BadFile
from .release import Loader, Options, Part, Release, Report

URL: Final = "http://unitsofmeasure.org"
_ROOT: Final = "root"
_VERSION: Final = re.compile(rb"<root\b[^>]*\bversion=\"([^\"]{1,50})\"")
_UNITS: Final = ("base-unit", "unit")
PROPERTIES: Final = (
    PropertyDefinition("property", "string", "", "The kind of quantity"),
    PropertyDefinition("class", "string", "", "The group of units that it belongs to"),
    PropertyDefinition("metric", "boolean", "", "Whether prefixes may stand before it"),
    PropertyDefinition("special", "boolean", "", "Whether its scale has another zero or is no proportional one"),
    PropertyDefinition("value", "decimal", "", "How many of the unit in `unit` it is"),
    PropertyDefinition("unit", "string", "", "The unit that it is defined by"),
)


def _files(archive: Archive) -> list[str]:
    return archive.find("*ucum-essence*.xml")


def detect(archive: Archive) -> bool:
    return bool(_files(archive))


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """The table as a code system. Raises BadFile."""
    report, found = Report(), _files(archive)
    if not found:
        raise BadFile(str(archive.path), 0, 0, "there is no ucum-essence.xml")
    name = found[0]
    report.ignored += [one for one in archive.names if one != name]
    report.notes.append("Codes that are made of several units, or with a prefix, are not listed.")
    with archive.open(name) as stream:
        said = _VERSION.search(stream.read(4_096))
    version = options.version or (said[1].decode() if said else "")
    if not version:
        raise BadFile(name, 1, 0, "its root says no version")
    about = About(
        url=URL,
        version=version,
        name="UCUM",
        title=f"Unified Code for Units of Measure, {version}",
        kind="ucum",
        content="fragment",
        compositional=True,
        hierarchy_meaning="",
        language="en",
        copyright="UCUM is copyright of Regenstrief Institute, Inc.: https://ucum.org/license",
        publisher="Regenstrief Institute, Inc.",
        properties=PROPERTIES,
    )
    yield Release(
        "code-system", about, [Part(name, lambda: _records(archive, name), archive.size(name))], report=report
    )


def _records(archive: Archive, name: str) -> Iterator[Record]:
    for unit in elements.elements(archive, name, _ROOT):
        if unit.name not in _UNITS:
            continue
        code, labels = unit.get("Code"), [one.text() for one in unit.all("name")]
        if not code or not labels:
            raise elements.missing(name, unit, "name" if code else "Code")
        yield Concept(code, labels[0])
        for label in labels[1:]:
            yield Term(code, label, "en")
        for one in unit.all("property"):
            yield Property(code, "property", one.text())
        if group := unit.get("class"):
            yield Property(code, "class", group)
        metric = unit.name == "base-unit" or unit.get("isMetric") == "yes"
        yield Property(code, "metric", str(metric).lower(), "boolean")
        yield Property(code, "special", str(unit.get("isSpecial") == "yes").lower(), "boolean")
        value = unit.first("value")
        if value is not None and value.get("value"):
            yield Property(code, "value", value.get("value"), "decimal")
        if value is not None and value.get("Unit"):
            yield Property(code, "unit", value.get("Unit"))


LOADER: Final = Loader("ucum", (URL,), detect, read)
