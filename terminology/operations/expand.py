"""`ValueSet/$expand`: the codes of a value set, all of them or a page, or those that a text finds.

Sets are evaluated whole, as bitmaps, so that the total is exact; only what is shown is looked up. Pure.
https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from resources.definitions import load
from resources.operation import Parameters
from resources.outcome import BadRequest, Issue, NotFound, Unprocessable

from ..budget import Budget
from ..languages import Languages
from ..scope import VALUE_SET, Scope, Tree, matches, split
from ..valuesets import ranking
from ..valuesets.compose import UNCLOSED, Composition, unknown_value_set
from ..valuesets.parts import Part, active, without
from ..valuesets.rows import STANDARDS_STATUS, Row, Rows
from ..versions import Versions

MOST: Final = 10_000  # rows of one answer
_DEEPEST: Final = 60  # levels of a nested answer; what is below hangs on the last
_PROPERTY: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.property"
_METADATA: Final = (  # of the value set, that an expansion always has
    "resourceType", "id", "meta", "language", "url", "identifier", "version", "name", "title", "status", "experimental",
    "date", "publisher", "copyright",
)  # fmt: skip
_ECHOED: Final = {  # parameter → type of its value in expansion.parameter; all that shape the answer
    "filter": "valueString",
    "context": "valueUri",
    "contextDirection": "valueCode",
    "date": "valueDateTime",
    "offset": "valueInteger",
    "count": "valueInteger",
    "includeDesignations": "valueBoolean",
    "designation": "valueString",
    "includeDefinition": "valueBoolean",
    "activeOnly": "valueBoolean",
    "excludeNested": "valueBoolean",
    "excludeNotForUI": "valueBoolean",
    "excludePostCoordinated": "valueBoolean",
    "exclude-system": "valueUri",
    "system-version": "valueUri",
    "check-system-version": "valueUri",
    "force-system-version": "valueUri",
    "default-valueset-version": "valueUri",
}


class _Sent:
    """The parameters of a request by name: all of them are asked for once."""

    def __init__(self, parameters: Parameters) -> None:
        self.values = parameters.values
        self._all: dict[str, list[Any]] = {}
        for one in parameters.values:
            self._all.setdefault(one.name, []).append(one.value)

    def all(self, name: str) -> Sequence[Any]:
        return self._all.get(name, ())

    def one(self, name: str, default: Any = None) -> Any:
        found = self._all.get(name)
        return default if found is None else found[0]

    def has(self, name: str) -> bool:
        return name in self._all


def expand(scope: Scope, parameters: Parameters, languages: str = "", *, most: int = MOST) -> dict[str, Any]:
    """The value set with its expansion.

    most: rows of one answer at the most; more without `count` is too-costly. Raises NotFound for a value set, code system
    or supplement that is not known, BadRequest and Unprocessable for what is not understood or too much."""
    versions = Versions.of(parameters)
    sent = _Sent(parameters)
    tree = _value_set(scope, sent, versions)
    read = Languages.of(str(sent.one("displayLanguage") or ""), tree, languages)
    budget = scope.budget
    composition = Composition(scope, budget, versions, sent.all("useSupplement"))
    parts = _asked(composition.evaluate(tree), sent)
    rows = Rows(
        read,
        designations=_flag(sent, "includeDesignations", sent.has("designation")),
        tokens=sent.all("designation"),
        properties=sent.all("property"),
        versions=_several_versions(parts),
        language=tree.get("language", ""),
    )
    count, offset = _natural(sent, "count"), _natural(sent, "offset")
    text = str(sent.one("filter") or "").strip()
    page = min(most if count is None else count, most)
    start = offset or 0
    if text:
        total, found = ranking.ranked(parts, text, start, page, budget)
    else:
        total, found = sum(part.size for part in parts), []
    if count is None and total - start > most:
        raise _too_costly(tree, total, most)
    paged = count is not None or offset is not None
    if text:
        contains = _rows(rows, found)
    elif not paged and not _flag(sent, "excludeNested") and _is_hierarchical(tree):
        contains = [row for part in parts for row in _nested(rows, part, budget)]
    else:
        contains = _paged(rows, parts, start, page)
    return _answer(tree, sent, read, composition, rows, contains, None if composition.open else total, paged)


# What is asked for


def _value_set(scope: Scope, sent: _Sent, versions: Versions) -> Tree:
    stated = [name for name in ("url", "valueSet", "context") if sent.has(name)]
    if not stated:
        raise BadRequest("One of url, valueSet and context is needed, or the id of a ValueSet.", code="required")
    tree: Tree | None = sent.one("valueSet")
    if tree is not None:
        return tree
    if stated[0] == "context":
        canonical = bound(sent.one("context"), sent.one("contextDirection", "incoming"))
    else:
        canonical = str(sent.one("url"))
    url, version = split(canonical)
    tree = versions.value_set(scope, url, version or str(sent.one("valueSetVersion") or ""))
    if tree is None:
        version = version or str(sent.one("valueSetVersion") or "")
        raise unknown_value_set(f"{url}|{version}" if version else url)
    return tree


def bound(context: str, direction: str) -> str:
    """The value set that R4 binds an element to. context: URL of a StructureDefinition of R4 # path of the element.

    The direction (incoming or outgoing) makes no difference: R4 binds an element in one way for both."""
    if direction not in ("incoming", "outgoing"):
        raise BadRequest(f"contextDirection is incoming or outgoing, not {direction[:50]!r}.", code="value")
    url, _, path = context.partition("#")
    definition = load().definition(url.rsplit("/", 1)[-1])
    if definition is None or definition["url"] != url:
        raise NotFound(f"The context {url[:300]!r} is not a StructureDefinition of R4.")
    for element in definition["snapshot"]["element"]:
        if path and path in (element["path"], element["id"]):
            canonical = element.get("binding", {}).get("valueSet")
            if canonical:
                return str(canonical)
            raise NotFound(f"The element {path} of {url} is not bound to a value set.")
    raise NotFound(f"{url} has no element {path[:300]!r}; a context is the URL, #, and the path of an element.")


def _flag(sent: _Sent, name: str, default: bool = False) -> bool:
    return bool(sent.one(name, default))


def _natural(sent: _Sent, name: str) -> int | None:
    value = sent.one(name)
    if value is None:
        return None
    if value < 0:
        raise BadRequest(f"{name} is 0 or more, not {value}.", code="value")
    return int(value)


def _asked(parts: list[Part], sent: _Sent) -> list[Part]:
    """Without what the parameters exclude."""
    for canonical in sent.all("exclude-system"):
        url, version = split(str(canonical))
        parts = [one for one in parts if one.url != url or (version and not matches(version, one.version))]
    if _flag(sent, "activeOnly"):
        parts = [active(part) for part in parts]
    if _flag(sent, "excludeNotForUI"):
        parts = [_selectable(part) for part in parts]
    if _flag(sent, "excludePostCoordinated"):
        parts = [_listable(part) for part in parts]
    return parts


def _selectable(part: Part) -> Part:
    loose = [code for code, said in part.loose.items() if said.get("abstract")]
    return without(part, part.system.abstract, loose) if part.system is not None else part


def _listable(part: Part) -> Part:
    """Without expressions: codes that a compositional code system reads, but does not list."""
    system = part.system
    if system is None or system.infinite or not system.about.compositional:
        return part
    return part._replace(members=part.members & system.all)


def _several_versions(parts: Sequence[Part]) -> bool:
    urls: dict[str, str] = {}
    return any(urls.setdefault(part.url, part.version) != part.version for part in parts)


def _is_hierarchical(tree: Tree) -> bool:
    """Whether the hierarchy of its code systems is that of a value set: it includes them whole or by filter, no more."""
    compose = tree.get("compose") or {}
    includes = compose.get("include", ())
    return (
        bool(includes)
        and not compose.get("exclude")
        and not any(one.get("concept") or one.get("valueSet") for one in includes)
    )


# What is shown


def _rows(rows: Rows, found: Iterable[tuple[Part, int | str]]) -> list[Row]:
    makers: dict[int, Callable[[int | str], Row]] = {}
    contains = []
    for part, one in found:
        make = makers.get(id(part))
        if make is None:
            make = makers[id(part)] = rows.of(part)
        contains.append(make(one))
    return contains


def _paged(rows: Rows, parts: Sequence[Part], offset: int, most: int) -> list[Row]:
    contains: list[Row] = []
    for part in parts:
        if most <= 0:
            break
        size = part.size
        if offset >= size:
            offset -= size
            continue
        found = part.page(offset, most)
        contains += map(rows.of(part), found)
        most -= len(found)
        offset = 0
    return contains


def _nested(rows: Rows, part: Part, budget: Budget) -> list[Row]:
    """Each concept once: below its nearest ancestor that is there, too; where there are several below the first."""
    system, make = part.system, rows.of(part)
    if system is None or system.infinite:
        return [make(one) for one in part.listed()]
    tops: list[Row] = []
    made: dict[int, tuple[Row, int]] = {}
    members, parents = part.members, system.parents
    for one in members:
        row = make(one)
        level, near, seen = 0, list(parents(one)), {one}
        while near:
            above = next((other for other in near if other in made), None)
            if above is not None:
                over, level = made[above]
                if level < _DEEPEST:
                    level += 1
                over.setdefault("contains", []).append(row)
                break
            budget.spend(len(near))
            seen.update(near)
            near = [other for one in near for other in parents(one) if other not in seen]
        else:
            tops.append(row)
        made[one] = (row, level) if level < _DEEPEST else (over, level)
    return tops + [make(code) for code in part.loose]


def _too_costly(tree: Tree, total: int, most: int) -> Unprocessable:
    name = tree.get("url") or "that was sent"
    text = (
        f"The value set {name} has {total} codes, too many to be returned at once (the limit is {most}): "
        "ask for a page with count and offset, or for fewer with filter."
    )
    return Unprocessable(issues=[Issue("error", "too-costly", text, message_id="VALUESET_TOO_COSTLY")])


def _answer(
    tree: Tree,
    sent: _Sent,
    languages: Languages,
    composition: Composition,
    rows: Rows,
    contains: list[Row],
    total: int | None,
    paged: bool,
) -> dict[str, Any]:
    answer: dict[str, Any] = {"resourceType": VALUE_SET, "status": "unknown"}
    if _flag(sent, "includeDefinition"):
        answer |= {name: value for name, value in tree.items() if name != "text"}
    else:
        answer |= {name: tree[name] for name in _METADATA if name in tree}
    expansion: dict[str, Any] = {
        "identifier": f"urn:uuid:{uuid4()}",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    extensions: list[Tree] = []
    if composition.unclosed:
        extensions.append({"url": UNCLOSED, "valueBoolean": True})
        extensions += ({"url": f"{UNCLOSED}-reason", "valueString": reason} for reason in composition.unclosed)
    for name, uri in rows.properties.items():
        parts = [{"url": "code", "valueCode": name}, *([{"url": "uri", "valueUri": uri}] if uri else ())]
        extensions.append({"url": _PROPERTY, "extension": parts})
    if extensions:
        expansion["extension"] = extensions
    if total is not None:
        expansion["total"] = total
    if paged:
        expansion["offset"] = int(sent.one("offset", 0))
    expansion["parameter"] = _echo(tree, sent, languages, composition)
    if contains:
        expansion["contains"] = contains
    answer["expansion"] = expansion
    return answer


def _echo(tree: Tree, sent: _Sent, languages: Languages, composition: Composition) -> list[Row]:
    """What shaped the answer: the parameters, and what was used."""
    found: list[Row] = []
    for one in sent.values:
        key = _ECHOED.get(one.name)
        if key:
            found.append({"name": one.name, key: one.value})
    if languages:
        found.append({"name": "displayLanguage", "valueCode": languages.text})
    for canonical, system in composition.systems.items():
        found.append({"name": "used-codesystem", "valueUri": canonical})
        if system.about.content == "fragment":
            found.append({"name": "used-fragment", "valueUri": canonical})
    found += ({"name": "used-valueset", "valueUri": one} for one in composition.value_sets if one[0] != "#")
    found += ({"name": "used-supplement", "valueUri": one} for one in composition.supplements)
    found += ({"name": "warning-unknown-codesystem", "valueUri": one} for one in composition.unknown)
    own = tree.get("url", "")
    found += _warned(f"{own}|{tree['version']}" if own and tree.get("version") else own, tree, tree)
    for canonical, imported in (*composition.value_sets.items(), *composition.samples.items()):
        found += _warned(canonical, imported, tree)
    for canonical, system in composition.systems.items():
        about = system.about
        if about.status == "active" and not about.experimental and not about.extension:
            continue
        said = {"status": about.status, "experimental": about.experimental, "extension": about.extension}
        found += _warned(canonical, said, tree)
    return found


def _warned(canonical: str, used: Tree, root: Tree) -> Iterable[Row]:
    """What a reader should know of the state of a resource that was used; not what the value set itself is as well."""
    status, standing = used.get("status"), _standing(used)
    warning = ""
    if standing in ("deprecated", "withdrawn"):
        warning = standing
    elif status == "retired":
        warning = "retired"
    elif used.get("experimental") and not root.get("experimental"):
        warning = "experimental"
    elif "draft" in (status, standing) and "draft" not in (root.get("status"), _standing(root)):
        warning = "draft"
    if warning and canonical:
        yield {"name": f"warning-{warning}", "valueUri": canonical}


def _standing(tree: Tree) -> str:
    stated = (one.get("valueCode", "") for one in tree.get("extension", ()) if one.get("url") == STANDARDS_STATUS)
    return next(stated, "")
