"""ConceptMap/$translate: what concept maps say of a code. https://hl7.org/fhir/R4/conceptmap-operation-translate.html

Names of R5 are aliases of R4's; who uses one gets `relationship`, comments, and where a chain of maps began, too.
https://hl7.org/fhir/R5/conceptmap-operation-translate.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from resources import exact
from resources.operation import Parameters
from resources.outcome import BadRequest, Invalid, NotFound, TooCostly

from ..conceptmaps import NO_TARGET, RELATIONSHIPS, map_table
from ..findings import canonical, finding
from ..index.maps import MapTable
from ..records import Row
from ..scope import CONCEPT_MAP, Scope, split
from . import candidates
from .asking import Asked, coding_of, exactly_one

ROW: Final = "urn:x-fhir-server:map-row"  # extension of a match: what else the row says
CODINGS: Final = 100  # of one concept
HOPS: Final = 5  # maps that are asked one after the other by `other-map`
_NEGATIVE: Final = frozenset({NO_TARGET, "disjoint"})
_INVERSE: Final = {"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}
_ALIASES: Final = {  # R5 → R4, where the source is what is translated
    "sourceCode": "code", "sourceCoding": "coding", "sourceCodeableConcept": "codeableConcept", "sourceSystem": "system",
    "sourceScope": "source", "targetScope": "target", "targetSystem": "targetsystem",
}  # fmt: skip
_BACKWARDS: Final = {  # … and where the target is
    "targetCode": "code", "targetCoding": "coding", "targetCodeableConcept": "codeableConcept", "targetSystem": "system",
    "targetScope": "source", "sourceScope": "target", "sourceSystem": "targetsystem",
}  # fmt: skip
_CODES: Final = {  # what is translated may come as …
    "code": "code", "coding": "coding", "codeableConcept": "codeableConcept", "sourceCode": "code",
    "sourceCoding": "coding", "sourceCodeableConcept": "codeableConcept", "targetCode": "code", "targetCoding": "coding",
    "targetCodeableConcept": "codeableConcept",
}  # fmt: skip


class Request(NamedTuple):
    """What is asked, in the words of R4."""

    codes: Sequence[Asked]
    reverse: bool  # from the map's target to its source
    source: str  # value set that the code is of; "" for any
    target: str  # value set that is sought
    system: str  # code system that is sought
    dependencies: Mapping[str, Sequence[Mapping[str, Any]]]  # element → codings of its value
    modern: bool  # names of R5 were used


class Match(NamedTuple):
    """One answer."""

    row: Row
    equivalence: str
    chain: Sequence[str]  # url|version of the maps that were asked one after the other; the row is of the last


def translate(scope: Scope, parameters: Parameters, languages: str = "") -> dict[str, Any]:
    """The matches as a Parameters resource; `result` is true if one of them is a translation.

    Raises NotFound for a map that is not known, Invalid for a request that contradicts itself."""
    request = _request(parameters)
    budget = scope.budget
    found: dict[str, Match] = {}
    notes: dict[str, None] = {}  # texts for `message`
    for table, named in _tables(scope, parameters, request):
        for asked in request.codes:
            for match in _matches(scope, table, asked, request, notes, (), named):
                budget.spend()
                key = exact.encode(_match(match, request)).decode()
                found.setdefault(key, match)
    matches = list(found.values())
    if request.reverse:
        matches = candidates.ranked(scope, matches, lambda one: one.row)
        if len(matches) > 1 and (text := candidates.covering(scope, [one.row for one in matches])):
            notes[text] = None
    result = any(one.equivalence not in _NEGATIVE for one in matches)
    if not result and not matches:
        notes[f"There is no translation of {_shown(request.codes)}."] = None
    entries: list[dict[str, Any]] = [{"name": "result", "valueBoolean": result}]
    if notes:
        entries.append({"name": "message", "valueString": " ".join(notes)})
    entries += (_match(one, request) for one in matches)
    return {"resourceType": "Parameters", "parameter": entries}


def _request(parameters: Parameters) -> Request:
    """What is asked. Raises Invalid or BadRequest where it contradicts itself."""
    name = exactly_one(parameters, *_CODES)
    backwards = name.startswith("target")
    aliases = {old: new for new, old in (_BACKWARDS if backwards else _ALIASES).items()}

    def one(old: str) -> Any:
        """A parameter under its name of R4 or of R5."""
        new = aliases.get(old, old)
        if new != old and parameters.has(old) and parameters.has(new):
            raise Invalid(f"{old} and {new} are the same parameter: send one of them.", expression=[old, new])
        return parameters.one(old, parameters.one(new, ""))

    target, system = one("target"), one("targetsystem")
    if target and system:
        text = (
            f"{aliases.get('target', 'target')} and {aliases.get('targetsystem', 'targetsystem')} exclude each other."
        )
        raise BadRequest(text, expression=["target", "targetsystem"])
    if backwards and parameters.has("reverse"):
        raise BadRequest(f"{name} asks for the way back already: reverse does not go with it.", expression=["reverse"])
    return Request(
        _codes(name, parameters.one(name), one("system"), one("version")),
        backwards or parameters.one("reverse", False),
        _value_set("source", one("source")),
        _value_set("target", target),
        system,
        _dependencies(parameters),
        any(map(parameters.has, (*_ALIASES, *_BACKWARDS))),
    )


def _codes(name: str, value: Any, system: str, version: str) -> list[Asked]:
    if _CODES[name] == "coding":
        return [coding_of(value, name)]
    if _CODES[name] == "code":
        if not system:
            raise Invalid(f"{name} needs the system that it is of.", code="required", expression=["system"])
        return [Asked(system, value, version, "", name)]
    codings = list(enumerate(value.get("coding", ())))
    if len(codings) > CODINGS:
        raise TooCostly(f"{name} has {len(codings)} codings; {CODINGS} are the most.", expression=[name])
    known = [coding_of(one, f"{name}.coding[{n}]") for n, one in codings if one.get("system") and one.get("code")]
    if not known:
        raise Invalid(f"{name} has no coding with a system and a code.", code="required", expression=[name])
    return known


def _value_set(name: str, url: str) -> str:
    if url and ":" not in url:
        text = f"{name} is '{url[:200]}': value sets are named by their canonical URLs here, not by where they are."
        raise BadRequest(text, code="not-supported", expression=[name])
    return split(url)[0]


def _dependencies(parameters: Parameters) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in parameters.all("dependency"):
        element = one.one("element") or one.one("attribute") or ""
        concept = one.one("concept") or {}
        codings = list(concept.get("coding", ()))
        if concept.get("text"):
            codings.append({"code": concept["text"]})
        found.setdefault(element, []).extend(codings)
    return found


def _tables(scope: Scope, parameters: Parameters, request: Request) -> Iterator[tuple[MapTable, bool]]:
    """The maps to be asked, and whether the request names them."""
    url, version = parameters.one("url", ""), parameters.one("conceptMapVersion", "")
    sent = parameters.one("conceptMap")
    if sent is not None:
        if url and split(url)[0] != sent.get("url", split(url)[0]):
            raise BadRequest(f"The map that was sent is {sent['url']}, not {url}.", expression=["url"])
        yield map_table(sent), True
    elif url:
        bare, stated = split(url)
        table = scope.concept_map(bare, version or stated)
        if table is None:
            there = ", ".join(one for one in scope.versions(CONCEPT_MAP, bare) if one)
            text = f"The concept map '{url}' is not known" + (
                f" in version '{version or stated}'. Known versions: {there}" if there else " here"
            )
            raise NotFound(issues=[finding("error", "not-found", "not-found", "CONCEPTMAP_NOT_FOUND", text, "url")])
        yield table, True
    else:
        for table in candidates.tables(scope, request.codes, request.system, request.reverse):
            yield table, False


def _matches(
    scope: Scope,
    table: MapTable,
    asked: Asked,
    request: Request,
    notes: dict[str, None],
    before: tuple[str, ...],
    named: bool,
) -> Iterator[Match]:
    """What one map says of one code. before: the maps that led to it, the first one first.

    named: the request names the map, so that its value sets need not be those asked."""
    about = table.about
    ends = (about.target, about.source) if request.reverse else (about.source, about.target)
    if not named and not all(map(_same, (request.source, request.target), ends)):
        return
    origin = canonical(about.url, about.version)
    chain = (*before, origin)
    rows = (table.rows_to if request.reverse else table.rows_from)(asked.system, asked.code)
    for row in rows:
        if row.target is None and request.reverse:
            continue
        if request.system and request.system != (row.source_system if request.reverse else row.target_system):
            continue
        stated = row.fields.get("targetVersion" if request.reverse else "sourceVersion", "")
        if asked.version and stated and stated != asked.version:
            notes[f"{origin} maps {asked.system} {stated}, not {asked.version}."] = None
            continue
        if missing := [one for one in row.depends_on if not _met(one, request.dependencies)]:
            for name, system, code, display in missing:
                value = f"{system}#{code}" if system else code
                notes[f"{origin} has a match where {name} is {value}" + (f" ({display})." if display else ".")] = None
            continue
        equivalence = row.equivalence
        if request.reverse and not request.modern:
            equivalence = _INVERSE.get(equivalence, equivalence)
        if row.target is None and (said := _advice(row)):
            notes[f"{origin}: {said}"] = None
        yield Match(row, equivalence, chain)
    if not rows and not request.reverse:
        yield from _unmapped(scope, table, asked, request, notes, chain)


def _same(wanted: str, stated: str) -> bool:
    """Whether a map's value set is the one that is sought; one that says nothing is for all codes."""
    return not wanted or not stated or split(stated)[0] == wanted


def _met(dependency: tuple[str, str, str, str], given: Mapping[str, Sequence[Mapping[str, Any]]]) -> bool:
    name, system, code, _ = dependency
    return any(
        one.get("code") == code and (not system or one.get("system") in (None, system)) for one in given.get(name, ())
    )


def _advice(row: Row) -> str:
    return " ".join(dict.fromkeys(text for text in (row.comment, row.advice) if text))


def _unmapped(
    scope: Scope, table: MapTable, asked: Asked, request: Request, notes: dict[str, None], chain: tuple[str, ...]
) -> Iterator[Match]:
    """What a map says of codes that it does not map. chain: the maps that were asked, this one last.

    https://hl7.org/fhir/R4/conceptmap-definitions.html#ConceptMap.group.unmapped"""
    for group in table.unmapped_groups:
        if group.source_system != asked.system or request.system not in ("", group.target_system):
            continue
        rule = group.rule
        code = {"provided": asked.code, "fixed": rule.get("code")}.get(rule.get("mode", ""))
        if code is not None:
            row = Row(
                asked.system, asked.code, group.target_system, code, target_display=rule.get("display", ""),
                equivalence=rule.get("equivalence", "relatedto"),
            )  # fmt: skip
            yield Match(row, row.equivalence, chain)
        elif rule.get("mode") == "other-map":
            url, version = split(rule.get("url", ""))
            other: MapTable | None = scope.concept_map(url, version)
            if other is None:
                why = "which is not known here"
            elif canonical(other.about.url, other.about.version) in chain:
                why = "which leads back to itself: the maps are circular"
            elif len(chain) >= HOPS:
                why = f"which would be the one after {HOPS} others"
            else:
                yield from _matches(scope, other, asked, request, notes, chain, True)
                continue
            notes[f"{chain[-1]} refers to the map {url} for other codes, {why}."] = None


def _match(match: Match, request: Request) -> dict[str, Any]:
    row = match.row
    target = _coding(row.target_system, row.target, row.target_display, row.fields.get("targetVersion", ""))
    source = _coding(row.source_system, row.source, row.source_display, row.fields.get("sourceVersion", ""))
    parts: list[dict[str, Any]] = [{"name": "equivalence", "valueCode": match.equivalence}]
    if request.modern:
        parts.append({"name": "relationship", "valueCode": RELATIONSHIPS.get(match.equivalence, "related-to")})
    if request.reverse and not request.modern:
        parts.append({"name": "concept", "valueCoding": source})
    elif row.target is not None:
        parts.append({"name": "concept", "valueCoding": target})
    for name, system, code, display in row.products if not request.reverse else ():
        product = _coding(system, code, display, "")
        parts.append(
            {
                "name": "product",
                "part": [{"name": "element", "valueUri": name}, {"name": "concept", "valueCoding": product}],
            }
        )
    if request.modern:
        if request.reverse:
            parts.append({"name": "source", "valueCoding": source})
        names = ("originMap", *["used-conceptmap"] * (len(match.chain) - 1))
        parts += ({"name": name, "valueCanonical": one} for name, one in zip(names, match.chain, strict=True) if one)
        parts += ({"name": name, "valueString": text} for name, text in _comments(row) if text)
    elif match.chain[-1]:
        parts.append({"name": "source", "valueUri": match.chain[-1]})
    out: dict[str, Any] = {"name": "match"}
    if extension := [*_said(row, request.modern)]:
        out["extension"] = [{"url": ROW, "extension": extension}]
    return out | {"part": parts}


def _comments(row: Row) -> tuple[tuple[str, str], ...]:
    return ("sourceComment", row.fields.get("sourceComment", "")), ("targetComment", row.comment)


def _said(row: Row, modern: bool) -> Iterator[dict[str, Any]]:
    """What there is no element for, as parts of the extension ROW."""
    for name in ("group", "priority"):
        if number := getattr(row, name):
            yield {"url": name, "valueInteger": number}
    for name in ("rule", "advice", "correlation", "category", "id"):
        if text := getattr(row, name):
            yield {"url": name, "valueString": text}
    if not modern:
        yield from ({"url": name, "valueString": text} for name, text in _comments(row) if text)


def _coding(system: str, code: str | None, display: str, version: str) -> dict[str, Any]:
    parts = {"system": system, "version": version, "code": code, "display": display}
    return {name: text for name, text in parts.items() if text}


def _shown(codes: Iterable[Asked]) -> str:
    return ", ".join(f"{one.system}#{one.code}" for one in codes)
