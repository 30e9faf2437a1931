"""ConceptMap resources and rows of a map: one is read into the other, and put together of it again.

Names of R5 are read, too. https://hl7.org/fhir/R4/conceptmap.html, https://hl7.org/fhir/R5/conceptmap.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from .index.maps import MapTable, Unmapped, build_map
from .records import About, Row

Tree = Mapping[str, Any]

# R5's relationship, which looks from the source, as R4's equivalence, which looks from the target.
# https://hl7.org/fhir/R5/conceptmap-relationship.html, https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html
EQUIVALENCES: Final = {
    "related-to": "relatedto",
    "equivalent": "equivalent",
    "source-is-narrower-than-target": "wider",
    "source-is-broader-than-target": "narrower",
    "not-related-to": "disjoint",
}
RELATIONSHIPS: Final = {
    "relatedto": "related-to",
    "equivalent": "equivalent",
    "equal": "equivalent",
    "wider": "source-is-narrower-than-target",
    "subsumes": "source-is-narrower-than-target",
    "narrower": "source-is-broader-than-target",
    "specializes": "source-is-broader-than-target",
    "inexact": "related-to",
    "unmatched": "not-related-to",
    "disjoint": "not-related-to",
}
NO_TARGET: Final = "unmatched"
_MODES: Final = {"use-source-code": "provided"}  # R5 → R4
_VERSIONS: Final = ("sourceVersion", "targetVersion")
_ELEMENT_COMMENT: Final = "http://hl7.org/fhir/6.0/StructureDefinition/extension-ConceptMap.group.element.comment"
_ABOUT: Final = ("url", "version", "name", "title", "status", "copyright", "date", "publisher", "description")

Other = tuple[str, str, str, str]


def map_table(tree: Tree) -> MapTable:
    """The index of a valid ConceptMap resource, in memory."""
    return MapTable(build_map(about_of(tree), rows_of(tree), unmapped_of(tree)))


def about_of(tree: Tree) -> About:
    """What a ConceptMap says besides its rows."""
    stated = {name: tree[name] for name in _ABOUT if isinstance(tree.get(name), str)}
    return About(
        **{"url": "", **stated},
        kind="",
        experimental=tree.get("experimental") is True,
        language=tree.get("language") or "",
        source=_scope(tree, "source"),
        target=_scope(tree, "target"),
    )


def _scope(tree: Tree, end: str) -> str:
    names = (f"{end}Uri", f"{end}Canonical", f"{end}ScopeUri", f"{end}ScopeCanonical")
    return next((tree[name] for name in names if tree.get(name)), "")


def rows_of(tree: Tree) -> Iterator[Row]:
    """A row for each target of an element, and one for an element without any, which has the target None."""
    for group in tree.get("group", ()):
        source, _, source_version = group.get("source", "").partition("|")  # R5 has the version in the canonical URL
        target, _, target_version = group.get("target", "").partition("|")
        versions = {"sourceVersion": source_version, "targetVersion": target_version}
        fields = {name: found for name in _VERSIONS if (found := group.get(name) or versions[name])}
        for element in group.get("element", ()):
            if "code" not in element:
                continue
            targets: Iterable[Tree] = element.get("target") or ({},)
            comment = _comment(element)
            said = {**fields, "sourceComment": comment} if comment else fields
            for one in targets:
                code = one.get("code")
                yield Row(
                    source_system=source,
                    source=element["code"],
                    target_system=target,
                    target=code,
                    equivalence=_equivalence(one) or (NO_TARGET if code is None else "relatedto"),
                    source_display=element.get("display", ""),
                    target_display=one.get("display", ""),
                    comment=one.get("comment", ""),
                    depends_on=tuple(_others(one.get("dependsOn", ()))),
                    products=tuple(_others(one.get("product", ()))),
                    fields=said,
                )


def _comment(element: Tree) -> str:
    """What is said of an element itself; R6 has it, and others as an extension."""
    stated: Tree = next((one for one in element.get("extension", ()) if one.get("url") == _ELEMENT_COMMENT), {})
    comment: str = element.get("comment") or stated.get("valueString") or ""
    return comment


def _equivalence(target: Tree) -> str:
    relationship: str = target.get("relationship", "")
    equivalence: str = target.get("equivalence", "")
    return equivalence or EQUIVALENCES.get(relationship, relationship)


def _others(some: Iterable[Tree]) -> Iterator[Other]:
    """Elements that a mapping depends on, or produces: property, system, value, display."""
    for one in some:
        name = one.get("property") or one.get("attribute") or ""
        value = next((one[key] for key in one if key.startswith("value") and key != "valueSet"), "")
        if isinstance(value, Mapping):
            yield name, value.get("system", ""), value.get("code", ""), value.get("display", "")
        else:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            yield name, one.get("system", ""), text, one.get("display", "")


def unmapped_of(tree: Tree) -> Iterator[Unmapped]:
    """What the groups say of codes that they do not map, in the words of R4."""
    for group in tree.get("group", ()):
        stated = group.get("unmapped")
        if stated:
            mode = stated.get("mode", "")
            rule = {
                "mode": _MODES.get(mode, mode),
                "code": stated.get("code", ""),
                "display": stated.get("display", ""),
                "url": stated.get("url") or stated.get("otherMap") or "",
                "equivalence": _equivalence(stated),
            }
            source, target = (group.get(end, "").partition("|")[0] for end in ("source", "target"))
            yield Unmapped(source, target, {name: value for name, value in rule.items() if value})


def concept_map(about: About, rows: Iterable[Row], unmapped: Iterable[Unmapped] = ()) -> dict[str, Any]:
    """The ConceptMap resource of R4 that says what the rows say, as far as it has words for it."""
    tree: dict[str, Any] = {"resourceType": "ConceptMap"}
    tree |= {name: value for name in _ABOUT if (value := getattr(about, name))}
    if about.experimental:
        tree["experimental"] = True
    for name, value in (("sourceUri", about.source), ("targetUri", about.target)):
        if value:
            tree[name] = value
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    elements: dict[tuple[tuple[str, ...], str], dict[str, Any]] = {}
    for row in rows:
        key = (row.source_system, row.target_system, *(row.fields.get(name, "") for name in _VERSIONS))
        group = groups.setdefault(key, _group(*key))
        element = elements.get((key, row.source))
        if element is None:
            element = elements[key, row.source] = {"code": row.source}
            group["element"].append(element)
        if row.source_display:
            element["display"] = row.source_display
        element.setdefault("target", []).append(_target(row))
    for source, target, rule in unmapped:
        there = [group for key, group in groups.items() if key[:2] == (source, target)]
        for group in there or [groups.setdefault((source, target, "", ""), _group(source, target, "", ""))]:
            group["unmapped"] = {name: value for name, value in rule.items() if name != "equivalence"}
    if groups:
        tree["group"] = list(groups.values())
    return tree


def _group(source: str, target: str, source_version: str, target_version: str) -> dict[str, Any]:
    stated = {"source": source, "sourceVersion": source_version, "target": target, "targetVersion": target_version}
    return {name: value for name, value in stated.items() if value} | {"element": []}


def _target(row: Row) -> dict[str, Any]:
    out: dict[str, Any] = {} if row.target is None else {"code": row.target}
    if row.target_display:
        out["display"] = row.target_display
    out["equivalence"] = row.equivalence
    if comment := row.comment or row.advice:
        out["comment"] = comment
    for name, some in (("dependsOn", row.depends_on), ("product", row.products)):
        if some:
            keys = ("property", "system", "value", "display")
            out[name] = [{key: value for key, value in zip(keys, one, strict=True) if value} for one in some]
    return out
