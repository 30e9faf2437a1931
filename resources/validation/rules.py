"""Validation by all that is known beyond the base rules: the invariants of R4, its extensible bindings, extensions, and
the profiles that a resource claims or is to conform to.

It judges what resources.validation has accepted. https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..definitions import Definitions
from ..fhirpath import Node, Outside, root
from ..fhirpath.nodes import add_children
from ..fhirpath.quantities import Canonical
from ..outcome import Issue
from ..profiles.bindings import check_base_bindings
from ..profiles.compiler import check_of
from ..profiles.extensions import check_extension
from ..profiles.references import resolve
from ..profiles.run import Run
from ..profiles.world import Tree, World
from .constraints import Constraints
from .fields import MOST_ISSUES, Enough
from .special import SPECIAL

_EXTENDING: Final = ("extension", "modifierExtension")
_TRUTHS: Final = {"yes": True, "no": False, "unknown": None}


class Rules:
    """Judges resources; made once and used by all requests of a worker. Trees are as resources.exact decodes them."""

    def __init__(self, definitions: Definitions, canonical: Canonical | None = None) -> None:
        """canonical: of UCUM, see resources.fhirpath.Outside."""
        self._definitions = definitions
        self._constraints = Constraints(definitions)
        self._canonical = canonical

    def issues(
        self, tree: dict[str, Any], world: World, profiles: Sequence[str] = (), *, claimed: bool = True
    ) -> tuple[Issue, ...]:
        """Every issue of a resource that breaks no base rule; of more than 500 the first and a note.

        profiles: canonical URLs it has to conform to. claimed: and to those that its meta.profile names, as have the
        resources in it. Raises TooCostly (403)."""
        run = Run(self._definitions, world, tree)
        run.outside = self._outside(run)
        try:
            self._check(run, profiles, claimed)
        except Enough:
            run.issues.append(Issue("error", "too-costly", f"There are more than these {MOST_ISSUES} issues."))
        if run.omitted:
            run.issues.append(Issue("information", "informational", "There are more warnings than are told here."))
        return tuple(dict.fromkeys(run.issues))

    def _check(self, run: Run, profiles: Sequence[str], claimed: bool) -> None:
        self._constraints.check(run.root, run)
        check_base_bindings(run.root, run)
        for canonical in profiles:
            self._conform(run, run.root, canonical, "error")
        leading: set[int] = set()
        _mark(run.root.value, leading)
        waiting = [run.root]
        while waiting:
            node = waiting.pop()
            run.step()
            if node.shape.is_resource:
                for canonical, place in _claimed(node.value).items() if claimed else ():
                    if node is not run.root or canonical not in profiles:
                        self._conform(run, node, canonical, "warning", f"meta.profile[{place}]")
                if special := SPECIAL.get(node.type_name):
                    special(node, run)
            elif node.type_name == "Extension":
                check_extension(node, run, check_of)
            children: list[Node] = []
            add_children(node, children)
            waiting.extend(
                child for child in reversed(children) if id(child.value) in leading or id(child.element) in leading
            )

    def _conform(self, run: Run, node: Node, canonical: str, unknown: str, place: str = "") -> None:
        """unknown: how severe it is that a profile is not known: one that is asked for cannot be passed over. place: where
        the resource claims it."""
        profile = run.world.profile(canonical)
        if profile is None:
            text = f"was not checked against the profile {canonical[:200]}, which is not known here"
            run.add(node, unknown, "not-found", text, below=place)
        elif profile.type not in node.shape.lineage:
            text = f"is a {node.type_name}, but {canonical[:200]} is a profile of {profile.type[:100]}"
            run.add(node, "error", "structure", text)
        else:
            check_of(self._definitions, profile)(node, run)

    def _outside(self, run: Run) -> Outside:
        world = run.world
        return Outside(
            canonical=self._canonical,
            locate=lambda place, reference: resolve(place, reference, run),
            member_of=lambda item, value_set: _member_of(world, item, value_set),
            subsumes=lambda one, other: world.subsumes(_coding(one), _coding(other)),
            conforms_to=lambda item, url: self._conforms_to(run, item, url),
        )

    def _conforms_to(self, run: Run, item: Tree, url: str) -> bool | None:
        profile = run.world.profile(url)
        if profile is None:
            return None
        node = root(self._definitions, item, None if "resourceType" in item else profile.type)
        return profile.type in node.shape.lineage and run.conforms(profile, check_of(self._definitions, profile), node)


def _mark(held: dict[str, Any], leading: set[int], is_extension: bool = False) -> bool:
    """Adds the ids of the objects that are or have extensions or resources, so that the others need not be walked."""
    leads = is_extension or "resourceType" in held
    for name, value in held.items():
        if type(value) is dict:
            leads = _mark(value, leading) or leads
        elif type(value) is list:
            extends = name in _EXTENDING
            for one in value:
                if type(one) is dict:
                    leads = _mark(one, leading, extends) or leads
    if leads:
        leading.add(id(held))
    return leads


def _claimed(resource: Mapping[str, Any]) -> Mapping[str, int]:
    """The profiles that a resource says it conforms to, and the place of each in its meta.profile."""
    meta = resource.get("meta")
    claimed = meta.get("profile", ()) if isinstance(meta, dict) else ()
    places: dict[str, int] = {}
    for place, canonical in enumerate(claimed):
        if canonical:
            places.setdefault(canonical, place)
    return places


def _member_of(world: World, item: Any, value_set: str) -> bool | None:
    """Whether a code, a Coding or any Coding of a CodeableConcept is in a value set. https://hl7.org/fhir/R4/fhirpath.html"""
    codings: Iterable[Any] = item.get("coding", ()) if isinstance(item, dict) and "code" not in item else (item,)
    verdicts = {world.member_of(value_set, _coding(one)).verdict for one in codings}
    return next((_TRUTHS[one] for one in ("yes", "unknown") if one in verdicts), False)


def _coding(item: Any) -> Mapping[str, Any]:
    """A Coding without a system is of no code system; a mere code may be of any."""
    return {"system": "", **item} if isinstance(item, dict) else {"code": item}
