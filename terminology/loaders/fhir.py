"""Any CodeSystem, ValueSet and ConceptMap resource: files of JSON, NDJSON or XML, Bundles of them, and FHIR packages.

https://hl7.org/fhir/R4/terminology-module.html, https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from resources import exact, fhir_xml
from resources.definitions import load
from resources.outcome import FhirError
from resources.positions import with_locations
from resources.validation.validator import Validator

from .. import conceptmaps, resources
from ..scope import CODE_SYSTEM, CONCEPT_MAP, VALUE_SET
from .archive import Archive, BadFile
from .release import Kind, Loader, Options, Part, Release, Report
from .textlines import text_lines

Tree = dict[str, Any]
KINDS: Final[Mapping[str, Kind]] = {CODE_SYSTEM: "code-system", VALUE_SET: "value-set", CONCEPT_MAP: "concept-map"}
_BUNDLE: Final = "Bundle"
_MANIFEST: Final = "package/package.json"
_NAMED: Final = re.compile(r"\.(json|ndjson|xml)$", re.IGNORECASE)
_IN_PACKAGE: Final = re.compile(r"package/[^/.][^/]*\.json$")

_LONGEST: Final = 100_000_000  # bytes of a line of NDJSON
_PEEKED: Final = 2_000  # bytes in which a resource of ours says what it is, or else is looked at when it is read
_ours: Final = re.compile(
    rb'"resourceType"\s*:\s*"(?:CodeSystem|ValueSet|ConceptMap|Bundle)"|<(?:CodeSystem|ValueSet|ConceptMap|Bundle)\b'
)
_TOLERATED: Final = ("is required (", "is not an element of R4")  # as of resources that are sent along with a request
_PLACE: Final = re.compile(r"line (\d+)(?:, column (\d+))?")


class _Source(NamedTuple):
    """Where a resource stands."""

    name: str  # of the file
    place: str  # as the report calls it
    text: bytes  # in which it stands …
    lines: int  # … after so many lines of the file …
    below: str = ""  # … as this element of a Bundle

    def bad(self, error: FhirError) -> BadFile:
        """What is wrong with it first, with its line and column."""
        issue = with_locations(error.issues[:1], self.text, _is_xml(self.name), self.below)[0]
        found = _PLACE.search(" ".join(issue.location) or issue.diagnostics)
        line, column = (int(found[1]), int(found[2] or 0)) if found else (1, 0)
        return BadFile(self.name, line + self.lines, column, issue.diagnostics)


def detect(archive: Archive) -> bool:
    if _MANIFEST in archive.names:
        return True
    return any(_is_ours(archive, name) for name in archive.names if _NAMED.search(name))


def _is_ours(archive: Archive, name: str) -> bool:
    try:
        with archive.open(name) as stream:
            return _ours.search(stream.read(_PEEKED)) is not None
    except BadFile:
        return False


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """A release for each resource, in the order of the files. Whatever is no such resource is passed over and named."""
    report, seen = Report(), {}  # type: Report, dict[tuple[str, str, str], str]
    validator = Validator(load())
    names = [name for name in archive.names if _NAMED.search(name)]
    if _MANIFEST in archive.names:
        _check_release(archive)
        names = [name for name in names if _IN_PACKAGE.fullmatch(name) and name != _MANIFEST]
    report.ignored += [name for name in archive.names if name not in names]
    for name in names:
        for source, tree in _resources(archive, name):
            place = source.place
            kind = KINDS.get(str(tree.get("resourceType")))
            if kind is None:
                report.ignored.append(place)
                continue
            _check(validator, source, tree)
            url, version = tree.get("url"), options.version or str(tree.get("version", ""))
            if not isinstance(url, str) or not url:
                raise BadFile(
                    name, 0, 0, f"{place}: the {tree['resourceType']} has no url, by which alone it could be found"
                )
            if (before := seen.setdefault((kind, url, version), place)) != place:
                raise BadFile(name, 0, 0, f"{place}: {url}|{version} is in {before} already")
            report.count(str(tree["resourceType"]))
            yield _release(kind, place, {**tree, "version": version} if version else tree, archive.size(name), report)
    if not seen:
        raise BadFile(str(archive.path), 0, 0, f"there is no {', '.join(KINDS)} in it")


def _release(kind: Kind, place: str, tree: Tree, size: int, report: Report) -> Release:
    if kind == "code-system":
        part = Part(place, partial(resources.records_of, tree), size)
        return Release(kind, resources.about_of(tree), (part,), tree, report)
    about = conceptmaps.about_of(tree)
    if kind == "concept-map":
        return Release(kind, about, (Part(place, partial(conceptmaps.rows_of, tree), size),), tree, report)
    return Release(kind, about, (), tree, report)


def _check(validator: Validator, source: _Source, tree: Tree) -> None:
    """Published resources may lack something and have more than R4 knows; what is there has to be of R4's types."""
    for issue in validator.issues(tree["resourceType"], tree):
        told = issue.severity == "error" and issue.code in ("structure", "value")
        if told and not any(one in issue.diagnostics for one in _TOLERATED):
            raise source.bad(FhirError(issues=[issue]))


def _resources(archive: Archive, name: str) -> Iterator[tuple[_Source, Tree]]:
    """The resources of a file, those of a Bundle one by one, each with where it stands."""
    for source in _sources(archive, name):
        tree = _decoded(source)
        if tree.get("resourceType") != _BUNDLE:
            yield source, tree
            continue
        entries = tree.get("entry")
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                below = f"{_BUNDLE}.entry[{number}].resource"
                yield source._replace(place=f"{name}, entry {number}", below=below), entry["resource"]


def _sources(archive: Archive, name: str) -> Iterator[_Source]:
    if name.lower().endswith(".ndjson"):
        for line, text in text_lines(archive, name, _LONGEST):
            yield _Source(name, f"{name}, line {line}", text.encode(), line - 1)
    else:
        yield _Source(name, name, archive.read(name).removeprefix(b"\xef\xbb\xbf"), 0)


def _is_xml(name: str) -> bool:
    return name.lower().endswith(".xml")


def _decoded(source: _Source) -> Tree:
    """Raises BadFile where it is no JSON or XML of FHIR."""
    try:
        return fhir_xml.decode(load(), source.text) if _is_xml(source.name) else exact.decode(source.text)
    except FhirError as error:
        raise source.bad(error) from None


def _check_release(archive: Archive) -> None:
    manifest = _decoded(_Source(_MANIFEST, _MANIFEST, archive.read(_MANIFEST), 0))
    stated = manifest.get("fhirVersions") or manifest.get("fhir-version-list") or ()
    if isinstance(stated, list | tuple) and stated and not any(str(one).startswith("4.0") for one in stated):
        raise BadFile(_MANIFEST, 0, 0, f"the package is made for FHIR {', '.join(map(str, stated))}, and not for R4")


LOADER: Final = Loader("fhir", (), detect, read)
