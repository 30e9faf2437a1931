"""`ValueSet/$related`: whether two value sets have the same codes, one has all of the other's, or some are in both. Pure.

Sets of codes are compared, whatever the versions they come from and however they are defined.
https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/testing.html (suites compare, related2)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from resources.operation import Parameters
from resources.outcome import BadRequest

from ..scope import Scope, Tree, split
from ..valuesets.compose import Composition, unknown_value_set
from ..valuesets.parts import Part, active, difference, intersection
from ..versions import Versions

_NAMED: Final = 500  # codes that one list names
_TEXTS: Final[Mapping[str, str]] = {
    "same": "The value sets {0} and {1} contain the same codes",
    "superset": "The valueSet {0} is a super-set of the valueSet {1}",
    "subset": "The valueSet {0} is a sub-set of the valueSet {1}",
    "overlapping": "Both value sets {0} and {1} contain the codes the other doesn't, but there is some overlap",
    "disjoint": "No shared codes between the value sets {0} and {1}",
    "empty": "Both the value sets {0} and {1} are empty",
    "indeterminate": "The value sets {0} and {1} cannot be compared: nobody can list all their codes",
}


def related(scope: Scope, parameters: Parameters, languages: str = "") -> dict[str, Any]:
    """The relation of `this` to the other value set, as a Parameters resource; with `diagnostics` the codes, too.

    performed-expansion is false where the definitions alone tell: they are alike, or lists and whole code systems."""
    versions, budget = Versions.of(parameters), scope.budget
    composition = Composition(scope, budget, versions, parameters.all("useSupplement"))
    this, other = (_named(scope, parameters, versions, which) for which in ("this", "other"))
    codes: list[tuple[str, list[Part]]] = []
    ours, others = _whole(this), _whole(other)
    if _defined(this) == _defined(other):
        result = "same"
        if _is_listed(this):
            codes = [("common-codes", _evaluated(composition, this, parameters))]
    elif ours is not None and others is not None and _are_comparable(ours, others):
        result = _relation(bool(ours & others), bool(ours - others), bool(others - ours))
    else:
        mine, theirs = (_evaluated(composition, one, parameters) for one in (this, other))
        common = intersection(mine, theirs, budget)
        missing, extra = difference(mine, theirs, budget), difference(theirs, mine, budget)
        result = "indeterminate" if composition.open else _relation(_any(common), _any(missing), _any(extra))
        if result != "same" or (_is_listed(this) and _is_listed(other)):
            codes = [("common-codes", common), ("missing-codes", missing), ("extra-codes", extra)]
    performed = bool(composition.systems) and not all(map(_is_plain, (this, other)))
    answer = [
        _value("result", "valueCode", result),
        _value("message", "valueString", _TEXTS[result].format(_canonical(this), _canonical(other))),
        _value("performed-expansion", "valueBoolean", performed),
    ]
    if parameters.one("diagnostics"):
        several = len({part.url for _, parts in codes for part in parts}) > 1
        answer += (_value(name, "valueString", _codes(parts, several)) for name, parts in codes if _any(parts))
    return {"resourceType": "Parameters", "parameter": answer}


def _evaluated(composition: Composition, tree: Tree, parameters: Parameters) -> list[Part]:
    parts = composition.evaluate(tree)
    return [active(part) for part in parts] if parameters.one("activeOnly") else parts


def _named(scope: Scope, parameters: Parameters, versions: Versions, which: str) -> Tree:
    sent: Tree | None = parameters.one(f"{which}ValueSet")
    stated = parameters.one(f"{which}Url")
    if (sent is None) == (stated is None):
        raise BadRequest(f"One of {which}Url and {which}ValueSet is needed, and not both.", code="required")
    if sent is not None:
        return sent
    url, version = split(str(stated))
    version = version or str(parameters.one(f"{which}Version") or "")
    tree = versions.value_set(scope, url, version)
    if tree is None:
        raise unknown_value_set(f"{url}|{version}" if version else url)
    return tree


def _relation(common: bool, missing: bool, extra: bool) -> str:
    if not common:
        if not missing and not extra:
            return "empty"
        # nothing is a part of anything
        return "disjoint" if missing and extra else ("superset" if missing else "subset")
    if missing and extra:
        return "overlapping"
    if missing or extra:
        return "superset" if missing else "subset"
    return "same"


def _any(parts: Iterable[Part]) -> bool:
    return any(part.size for part in parts)


def _codes(parts: Sequence[Part], several: bool) -> str:
    """Codes in the order of their system, those of a list by themselves; with the system if there are several."""
    found: list[str] = []
    for part in parts:
        codes = [part.code(one) for one in part.page(0, _NAMED)]
        found += (
            f"{part.url}|{code}" if several else code for code in (codes if part.order is None else sorted(codes))
        )
    return ",".join(found[:_NAMED]) + (",…" if sum(part.size for part in parts) > _NAMED else "")


def _value(name: str, key: str, value: Any) -> dict[str, Any]:
    return {"name": name, key: value}


def _canonical(tree: Tree) -> str:
    url, version = tree.get("url", "(without a URL)"), tree.get("version")
    return f"{url}|{version}" if version else str(url)


# Definitions


def _defined(tree: Tree) -> Any:
    """What a definition says, whatever the order of it."""
    compose = tree.get("compose") or {}
    return (
        compose.get("inactive"),
        frozenset(map(_clause, compose.get("include", ()))),
        frozenset(map(_clause, compose.get("exclude", ()))),
        None if tree.get("compose") else id(tree),
        frozenset(one.get("id") for one in tree.get("contained", ())) and id(tree),
    )


def _clause(clause: Tree) -> Any:
    return (
        clause.get("system"),
        clause.get("version"),
        frozenset(one.get("code") for one in clause.get("concept", ())),
        frozenset((one.get("property"), one.get("op"), one.get("value")) for one in clause.get("filter", ())),
        frozenset(clause.get("valueSet", ())),
    )


def _includes(tree: Tree) -> Sequence[Tree]:
    compose = tree.get("compose") or {}
    found: Sequence[Tree] = compose.get("include", ())
    return found


def _is_listed(tree: Tree) -> bool:
    """Whether it only lists codes."""
    return _is_plain(tree) and all(one.get("concept") for one in _includes(tree))


def _whole(tree: Tree) -> frozenset[tuple[str, str]] | None:
    """The code systems it has whole, with their versions; None if there is anything else in it."""
    if not _is_plain(tree) or any(one.get("concept") for one in _includes(tree)):
        return None
    return frozenset((one.get("system", ""), one.get("version", "")) for one in _includes(tree))


def _are_comparable(one: Iterable[tuple[str, str]], other: Iterable[tuple[str, str]]) -> bool:
    """Whether no code system is in both in different versions: then its codes need not be looked at."""
    versions: dict[str, str] = {}
    return all(versions.setdefault(url, version) == version for url, version in (*one, *other))


def _is_plain(tree: Tree) -> bool:
    """Whether its definition tells its codes without an evaluation."""
    compose = tree.get("compose") or {}
    return (
        bool(compose)
        and not compose.get("exclude")
        and not any(one.get("filter") or one.get("valueSet") for one in _includes(tree))
    )
