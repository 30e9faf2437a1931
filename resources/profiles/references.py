"""References: what they may lead to, by the type that they name and, where the target is at hand, by what it is.

https://hl7.org/fhir/R4/references.html, https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ..elements import CANONICAL
from ..fhirpath import Node, root
from ..fhirpath.nodes import add_named, model
from ..references import stated_type, target_type
from .definition import Profile, Rule
from .run import Run

Check = Callable[[Node, Run], None]

MOST_SHOWN: Final = 200  # characters of a canonical URL in a message
LONGEST_REASON: Final = 300  # characters of what is wrong with a target, which may be that of a target of its own
# Of a fullUrl that is an address of the RESTful API: what stands before Type/id.
_restful = re.compile(r"(https?://\S*/)[A-Z][A-Za-z]{0,63}/[A-Za-z0-9\-.]{1,64}", re.ASCII).fullmatch
_AGGREGATIONS: Final = {
    "contained": "a contained resource",
    "referenced": "a resource outside of this one",
    "bundled": "a resource in the same Bundle",
}


def resolve(place: Node, reference: str, run: Run) -> Node | None:
    """The resource that a reference leads to: contained, in the same Bundle, or known to the world; None if it is not
    to be had.

    place: any node of the resource that has the reference. Of several entries of a Bundle that fit none is taken."""
    if reference.startswith("#"):
        return _contained(place.root_resource(), run).get(reference[1:])
    return _bundled(place, reference, run) or _elsewhere(reference, run)


def _contained(whole: Node, run: Run) -> Mapping[str, Node]:
    """The resources in a resource by id, and the resource itself by no id: "#" is a reference to it."""
    key = ("contained", id(whole.value))
    if key not in run.memory:
        found: list[Node] = []
        add_named(whole, "contained", found)
        named = {one.value["id"]: one for one in reversed(found) if type(one.value.get("id")) is str}
        run.memory[key] = {**named, "": whole}
    contained: Mapping[str, Node] = run.memory[key]
    return contained


def _bundled(place: Node, reference: str, run: Run) -> Node | None:
    """The resource of the Bundle that a reference from one of its entries leads to.

    https://hl7.org/fhir/R4/bundle.html#references
    """
    entry = _entry(place)
    if entry is None or entry.parent is None:
        return None
    url, _, version = reference.partition("/_history/")
    if "://" not in url and not url.startswith("urn:"):
        base = _restful(entry.value.get("fullUrl", ""))
        if base is None:
            return None  # it is relative to nothing
        url = base[1] + url
    found = _entries(entry.parent, run).get(url, ())
    if version:
        found = [one for one in found if one.value.get("meta", {}).get("versionId") == version]
    return found[0] if len(found) == 1 else None


def _entry(place: Node) -> Node | None:
    """The entry of the innermost Bundle that a node stands in."""
    at = place
    while at.parent is not None:
        if at.field is not None and at.field.name == "entry" and at.parent.type_name == "Bundle":
            return at
        at = at.parent
    return None


def _entries(bundle: Node, run: Run) -> Mapping[str, Sequence[Node]]:
    """The resources of a Bundle by their fullUrl."""
    key = ("entries", id(bundle.value))
    if key not in run.memory:
        entries: list[Node] = []
        add_named(bundle, "entry", entries)
        found: dict[str, list[Node]] = {}
        for entry in entries:
            url = entry.value.get("fullUrl")
            if type(url) is str:
                add_named(entry, "resource", found.setdefault(url.partition("/_history/")[0], []))
        run.step(len(entries))
        run.memory[key] = bundle, found  # bundle: keeps its id
    by_url: Mapping[str, Sequence[Node]] = run.memory[key][1]
    return by_url


def _elsewhere(reference: str, run: Run) -> Node | None:
    """What the world knows; kept, so that the same reference is the same value throughout one validation."""
    key = ("resource", reference)
    if key not in run.memory:
        tree = run.world.resource(reference)
        run.memory[key] = root(run.definitions, tree) if tree and tree.get("resourceType") else None
    known: Node | None = run.memory[key]
    return known


class _Target(NamedTuple):
    """One thing that a reference may lead to."""

    canonical: str
    type: str | None  # None if the profile is not known
    profile: Profile | None  # None if the type is all that is asked, or the profile is not known


def reference_check(rule: Rule, url: str) -> Check | None:
    """The check of References and canonicals by their targetProfile and aggregation; None if the profile names none.

    A target that is at hand has to conform to one of the profiles; of others only the type is judged, as far as the
    reference tells it. url: of the profile. https://hl7.org/fhir/R4/elementdefinition.html#ElementDefinition.type
    """
    canonicals = {code: _targets(rule, code) for code in ("Reference", "canonical")}
    modes = {mode for one in rule.types if one.code == "Reference" for mode in one.aggregation}
    where = f"{url}#{rule.id}"

    def check(node: Node, run: Run) -> None:
        run.step()
        if node.type_name == "canonical":
            text, named = node.value, None
        elif node.type_name == "Reference":
            text = node.value.get("reference")
            named = stated_type(node.value.get("type", ""), run.definitions.is_resource_type)
        else:
            return
        asked = [_target(canonical, run) for canonical in canonicals[node.type_name]]
        below = "reference" if node.type_name == "Reference" else ""
        target = None
        if type(text) is str:
            if modes and below and not _aggregated(node, text, modes, run):
                allowed = " or ".join(_AGGREGATIONS.get(mode, mode) for mode in sorted(modes))
                run.add(node, "error", "value", f"has to lead to {allowed}", where, below)
            if below or text.startswith("#"):  # other canonicals are no addresses
                target = resolve(node, text, run) if asked else None
            if below:
                named = target_type(text, run.definitions.is_resource_type) or named
        if asked and (named := target.type_name if target else named):
            _judge(node, named, target, asked, run, where, below)

    return check if modes or any(canonicals.values()) else None


def _targets(rule: Rule, code: str) -> tuple[str, ...]:
    """The canonical URLs of all that a value of the type may lead to; none if that is anything."""
    types = [one for one in rule.types if one.code == code]
    if any(not one.targets or CANONICAL + "Resource" in one.targets for one in types):
        return ()
    return tuple(dict.fromkeys(target for one in types for target in one.targets))


def _target(canonical: str, run: Run) -> _Target:
    name = canonical.partition("|")[0].removeprefix(CANONICAL)
    if name in run.definitions.structures:
        return _Target(canonical, name, None)
    profile = run.world.profile(canonical)
    return _Target(canonical, profile.type if profile else None, profile)


def _judge(
    node: Node, named: str, target: Node | None, asked: Sequence[_Target], run: Run, where: str, below: str
) -> None:
    """named: the type of the target."""
    lineage = model(run.definitions).lineage(named)
    fitting = [one for one in asked if one.type is None or one.type in lineage]
    if not fitting:
        allowed = " or ".join(dict.fromkeys(str(one.type) for one in asked))
        return run.add(node, "error", "value", f"points to {named}; allowed is {allowed}", where, below)
    if target is None or any(one.type and one.profile is None for one in fitting):
        return
    from .compiler import check_of  # which makes use of this module

    known = [one.profile for one in fitting if one.profile]
    checks = [(profile, check_of(run.definitions, profile)) for profile in known]
    if any(run.conforms(profile, check, target) for profile, check in checks):
        return
    if unknown := [one.canonical[:MOST_SHOWN] for one in fitting if one.profile is None]:
        text = f"was not checked against the profile {' and '.join(unknown)}, which is not known here"
        return run.add(node, "warning", "not-found", text, where, below)
    text = f"points to {named}, but to none that conforms to {' or '.join(one.url[:MOST_SHOWN] for one in known)}"
    errors = (one.diagnostics for one in run.found_by(checks[0][1], target) if one.severity == "error")
    reason = next(errors, "").removesuffix(".")
    reason = reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"
    run.add(node, "error", "value", f"{text}: {reason}", where, below)


def _aggregated(node: Node, text: str, modes: set[str], run: Run) -> bool:
    """Whether a reference is of a kind that is allowed; one of a resource that is in no Bundle may be bundled yet.

    https://hl7.org/fhir/R4/codesystem-resource-aggregation-mode.html
    """
    if text.startswith("#"):
        return "contained" in modes
    return "referenced" in modes or ("bundled" in modes and (not _entry(node) or bool(_bundled(node, text, run))))
