"""What a rule asks of the content of one element: its type, fixed values, patterns, bounds, constraints, profiles.

https://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..definitions import Definitions
from ..elements import CANONICAL, Constraint, Element
from ..fhirpath import Node, Unevaluable
from ..fhirpath import compile as fhirpath
from ..outcome import BadRequest
from ..validation.primitives import quoted
from .definition import Invariant, Profile, Rule, Type, Value
from .run import Run
from .values import OPEN, fits, is_fixed, order, shown

Check = Callable[[Node, Run], None]
CheckOf = Callable[[Definitions, Profile], Check]


class Place:
    """Where a rule stands: what of it is judged already, by the base definition or by a rule that it refines."""

    __slots__ = ("base", "definitions", "known", "name", "url")

    def __init__(self, definitions: Definitions, url: str, name: str, base: Element | None, known: Rule | None) -> None:
        self.definitions = definitions
        self.url = url  # of the profile
        self.name = name  # of the profile, for people
        self.base = base  # the element of the base definition; None if there is none
        self.known = known  # the rule of all elements, of which this is a slice


def wanted_types(rule: Rule, place: Place) -> frozenset[str]:
    """The types that an element may have, if they are fewer than before; empty if all may be."""
    codes = frozenset(one.code for one in rule.types)
    refined = place.known or place.base
    if refined is None:
        return codes
    before = {one.code for one in refined.types}
    # A single type cannot become another, but the name of one may differ: an id is a string to some.
    return codes if (len(before) > 1 or "Resource" in before) and not before <= codes else frozenset()


def type_check(rule: Rule, wanted: frozenset[str], place: Place) -> Callable[[Node, Run], bool]:
    """Judges the type of an element; what else is asked has no meaning if it is a wrong one."""
    names, where = " or ".join(sorted(wanted)), f"{place.url}#{rule.id}"

    def check(node: Node, run: Run) -> bool:
        if node.type_name in wanted or (node.shape.is_resource and not wanted.isdisjoint(node.shape.lineage)):
            return True
        text = f"is of type {node.type_name}; {place.name} allows {names}"
        run.add(node, "error", "structure", text, where)
        return False

    return check


def content_checks(rule: Rule, place: Place, check_of: CheckOf) -> Iterator[Check]:
    """The checks of what is asked beyond what is judged already; none of them looks at the children."""
    where, known = f"{place.url}#{rule.id}", place.known
    if rule.fixed is not None and (known is None or known.fixed != rule.fixed):
        yield _fixed(rule.fixed, place.name, where)
    if rule.pattern is not None and (known is None or known.pattern != rule.pattern):
        yield _pattern(rule.pattern, place.name, where)
    if rule.lowest is not None and (known is None or known.lowest != rule.lowest):
        yield _bound(rule.lowest, -1, "below the lowest value", place.name, where)
    if rule.highest is not None and (known is None or known.highest != rule.highest):
        yield _bound(rule.highest, 1, "above the highest value", place.name, where)
    if rule.max_length is not None and (known is None or known.max_length != rule.max_length):
        yield _length(rule.max_length, place.name, where)
    for constraint in rule.constraints:
        if constraint.expression and not _is_judged(constraint, rule, place):
            yield _invariant(constraint, place)
    yield from _type_profiles(rule, place, where, check_of)


def _fixed(fixed: Value, name: str, where: str) -> Check:
    value, text = fixed.value, shown(fixed.value)

    def check(node: Node, run: Run) -> None:
        if not is_fixed(node, value):
            run.add(node, "error", "value", f"{_said(node)}; {name} fixes it to exactly {text}", where)

    return check


def _pattern(pattern: Value, name: str, where: str) -> Check:
    value, text = pattern.value, shown(pattern.value)

    def check(node: Node, run: Run) -> None:
        if not fits(node.value, value, run.step):
            run.add(node, "error", "value", f"{_said(node)}, which does not fit the pattern {text} of {name}", where)

    return check


def _said(node: Node) -> str:
    if node.value is None:
        return "has no value"
    return "is another value" if node.shape.is_complex else f"is {quoted(node.value)}"


def _bound(bound: Value, side: int, words: str, name: str, where: str) -> Check:
    """https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.minValue_x_"""
    text = shown(bound.value)

    def check(node: Node, run: Run) -> None:
        found = order(node, bound, run.outside, side)
        if found == side:
            shown_value = quoted(node.value) if not node.shape.is_complex else shown(node.value)
            run.add(node, "error", "value", f"is {shown_value}, which is {words} {text} of {name}", where)
        elif found is OPEN and node.shape.is_complex:  # an imprecise date may well lie within
            run.add(node, "warning", "value", f"cannot be compared with {text}, a bound of {name}", where)

    return check


def _length(most: int, name: str, where: str) -> Check:
    def check(node: Node, run: Run) -> None:
        if type(node.value) is str and len(node.value) > most:
            text = f"has {len(node.value)} characters; {name} allows at most {most}"
            run.add(node, "error", "value", text, where)

    return check


# constraints


def _is_judged(constraint: Invariant, rule: Rule, place: Place) -> bool:
    """Whether it is one of R4's own (a later wording of those is not followed), or of the rule that this one refines."""
    if place.known is not None and constraint in place.known.constraints:
        return True
    structures = place.definitions.structures
    source = constraint.source.partition("|")[0].removeprefix(CANONICAL)
    owners = [source] if source in structures else []
    elements = [next(iter(structures[owner].elements.values())) for owner in owners]  # of SimpleQuantity: Quantity
    if any(constraint.key == one.key for element in elements for one in element.constraints):
        return True
    elements = [place.base] if place.base is not None else []
    elements += [structures[one.code].elements[one.code] for one in rule.types if one.code in structures]
    return any(_is_same(constraint, one) for element in elements for one in element.constraints)


def _is_same(constraint: Invariant, one: Constraint) -> bool:
    return constraint.key == one.key and constraint.expression == one.expression


def _invariant(constraint: Invariant, place: Place) -> Check:
    """https://hl7.org/fhir/R4/conformance-rules.html#constraints"""
    where = f"{constraint.source or place.url}#{constraint.key}"
    severity = "warning" if constraint.severity == "warning" else "error"
    text = f"breaks {constraint.key}: {constraint.human.strip().rstrip('.')}"
    cost = 1 + len(constraint.expression) // 64
    try:
        expression = fhirpath(constraint.expression)
    except BadRequest as fault:
        unread = f"was not checked by {constraint.key}: {fault.issues[0].diagnostics.rstrip('.')}"
        return lambda node, run: run.add(node, "warning", "processing", unread, where)

    def check(node: Node, run: Run) -> None:
        run.step(cost)
        try:
            if expression.truth(run.definitions, node, outside=run.outside, spend=run.step) is False:
                run.add(node, severity, "invariant", text, where)
        except Unevaluable as fault:
            why = fault.issues[0].diagnostics.rstrip(".")
            run.add(node, "warning", "processing", f"was not checked by {constraint.key}: {why}", where)

    return check


# profiles of types


def _type_profiles(rule: Rule, place: Place, where: str, check_of: CheckOf) -> Iterator[Check]:
    """https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.type.profile"""
    before: dict[str, set[str]] = {}
    if place.base is not None:
        before = {one.code: {CANONICAL + name for name in one.profiles} for one in place.base.types}
    for one in place.known.types if place.known is not None else ():
        before.setdefault(one.code, set()).update(one.profiles)
    asked = {one.code: one.profiles for one in rule.types if one.profiles and not _includes(one, before.get(one.code))}
    if asked:
        yield _conforming(asked, place.name, where, check_of)


def _includes(one: Type, before: set[str] | None) -> bool:
    """Whether what conforms to one of the profiles before conforms to one of these."""
    return (
        before is not None
        and bool(before)
        and before <= {canonical.partition("|")[0] for canonical in one.profiles} | {*one.profiles}
    )


def _conforming(asked: Mapping[str, tuple[str, ...]], name: str, where: str, check_of: CheckOf) -> Check:
    def check(node: Node, run: Run) -> None:
        canonicals = asked.get(node.type_name)
        if canonicals is None and node.shape.is_resource:
            canonicals = next((some for code, some in asked.items() if code in node.shape.lineage), None)
        if canonicals is None:
            return None
        profiles = [(canonical, run.world.profile(canonical)) for canonical in canonicals]
        run.step(len(profiles))
        unknown = [canonical for canonical, profile in profiles if profile is None]
        known = [(canonical, profile) for canonical, profile in profiles if profile is not None]
        if len(known) == 1 and not unknown:
            return _judge(known[0][1], node, run, where, check_of)
        for _, profile in known:
            if _has_its_type(profile, node) and run.conforms(profile, check_of(run.definitions, profile), node):
                return None
        if unknown:
            text = f"was not checked against {' or '.join(unknown)}, which {name} asks for and is not known here"
            return run.add(node, "warning", "not-found", text, where)
        if known:
            text = f"conforms to none of {', '.join(canonical for canonical, _ in known)}, as {name} asks"
            run.add(node, "error", "structure", text, where)
        return None

    return check


def _has_its_type(profile: Profile, node: Node) -> bool:
    return profile.type in node.shape.lineage


def _judge(profile: Profile, node: Node, run: Run, where: str, check_of: CheckOf) -> None:
    """Adds what the only profile finds, so that the sender learns exactly what is wrong."""
    if not _has_its_type(profile, node):
        text = f"is of type {node.type_name}, but {profile.url} is a profile of {profile.type}"
        return run.add(node, "error", "structure", text, where)
    return run.judge(profile, check_of(run.definitions, profile), node)
