"""Discriminators: which slice an element belongs to, decided by what the slice says at the discriminator's path.

https://hl7.org/fhir/R4/profiling.html#discriminator
"""

from __future__ import annotations

from collections.abc import Mapping

from ..elements import Structure
from ..fhirpath import Node
from ..fhirpath.nodes import Shape
from .by_type import CheckOf, by_profile, by_type
from .by_value import by_existence, by_url, by_value
from .definition import Discriminator, Profile, Rule
from .matching import Matcher, titled
from .paths import Step, profiles_of, read_path, roots_of, rules_at
from .run import Run


def matcher(
    one: Discriminator,
    rule: Rule,
    known: Rule,
    shape: Shape | None,
    structures: Mapping[str, Structure],
    check_of: CheckOf,
) -> Matcher | None:
    """The matcher of a discriminator for the slice that a rule describes; None if the slice says nothing there.

    known: the rule of all elements that are sliced; shape: theirs. What only the profiles of the slice's types say is
    looked up when it is asked, since only then it is known which profiles there are."""
    steps = read_path(one.path)
    if steps is None:
        return None
    if one.type == "profile":
        return by_profile(rule, steps, one.path, structures, check_of)
    if one.type == "type":
        return by_type(rule, steps, one.path, structures)
    unknown: list[str] = []
    rules = rules_at(rule, steps, unknown.append)
    bound_before = _bindings(known, steps, shape, structures)
    if one.type == "exists":
        made = by_existence(rules, steps, one.path)
    else:
        made = by_url(rule, steps) or by_value(rules, steps, one.path, shape, bound_before)
    if made is not None or not (unknown or any(kind.profiles for leaf in rules for kind in leaf.types)):
        return made
    return _by_what_profiles_say(rule, steps, one, shape, bound_before)


def _bindings(
    known: Rule, steps: tuple[Step, ...], shape: Shape | None, structures: Mapping[str, Structure]
) -> frozenset[str]:
    """The value sets that all elements have to keep to, so that they tell no slice from another."""
    leaves = rules_at(known, steps, lambda canonical: None)
    found = {one.binding.value_set for one in leaves if one.binding is not None and one.binding.strength == "required"}
    for step in steps:
        if shape is None or step.kind != "name":
            return frozenset(found)
        structure = structures[shape.path.partition(".")[0]]
        element = next((one for one in structure.children.get(shape.path, ()) if one.name == step.text), None)
        if element is not None and element.binding is not None and step is steps[-1]:
            found |= {element.binding, f"{element.binding}|4.0.1"}
        fields = shape.by_name.get(step.text, ())
        shape = fields[0].shape if len(fields) == 1 else None
    return frozenset(found)


def _by_what_profiles_say(
    rule: Rule, steps: tuple[Step, ...], one: Discriminator, shape: Shape | None, bound_before: frozenset[str]
) -> Matcher:
    def match(node: Node, run: Run) -> bool | None:
        unknown, known = False, profiles_of(run)

        def profile_of(canonical: str) -> Profile | None:
            nonlocal unknown
            found = known(canonical)
            unknown = unknown or found is None
            return found

        rules = rules_at(rule, steps, profile_of)
        rules += [root for leaf in tuple(rules) for root in roots_of(leaf, profile_of)]
        is_value = one.type != "exists"
        made = by_value(rules, steps, "", shape, bound_before) if is_value else by_existence(rules, steps, "")
        if made is None:
            return None if unknown else True
        return made.match(node, run)

    return Matcher(match, f"{titled(one.path)} is as its profile says")
