"""Paths of discriminators, which are a small part of FHIRPath: read once, followed in rules and in instances.

`$this`, `code.coding`, `extension('http://…').value`, `resolve().code`, `value.ofType(Quantity)`
https://hl7.org/fhir/R4/profiling.html#discriminator
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..fhirpath import Node
from ..fhirpath.nodes import Shape, add_named
from .definition import Profile, Rule
from .references import resolve
from .run import Run

_STEP = re.compile(
    r"\.?(?:\$this|(?P<resolve>resolve\(\))|extension\(\s*(?P<quote>['\"])(?P<url>[^'\"]*)(?P=quote)\s*\)"
    r"|(?:ofType|as)\((?P<type>[A-Za-z.]+)\)|`?(?P<name>[A-Za-z][A-Za-z0-9]*)(?:\[x\])?`?)(?=\.|$)"
)
_MOST_STEPS = 16
_AT_ONCE = 16  # elements of a profile that are looked at in one step
_MOST_RULES = 64  # rules that one path leads to: each step may branch to the profiles of a type

ProfileOf = Callable[[str], "Profile | None"]


class Step(NamedTuple):
    """One step: to the child of a name, an extension of a URL, values of a type, or the target of a reference."""

    kind: str  # name | extension | type | resolve
    text: str = ""


def read_path(text: str) -> tuple[Step, ...] | None:
    """The steps of a path, none for `$this`; None if it is no path that a discriminator may have."""
    steps: list[Step] = []
    at, text = 0, text.strip()
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or (at > 0) != (found[0][0] == ".") or len(steps) == _MOST_STEPS:
            return None
        kind = found.lastgroup
        if kind == "resolve":
            steps.append(Step("resolve"))
        elif kind == "url":
            steps.append(Step("extension", found["url"]))
        elif kind is not None:
            steps.append(Step(kind, found[kind].removeprefix("FHIR.")))
        at = found.end()
    return tuple(steps)


# in rules


def rules_at(rule: Rule, steps: tuple[Step, ...], profile_of: ProfileOf) -> list[Rule]:
    """The rules that a path leads to, those of the profile itself before those of the profiles of its types.

    A rule on the way that prohibits its element ends the path: what is below it is not there either."""
    found = [rule]
    for number, step in enumerate(steps):
        onward: list[Rule] = []
        for one in found:
            if number and one.maximum == 0:
                return [one]
            onward += _FOLLOWED[step.kind](one, step.text, profile_of)
        found = list({id(one): one for one in onward}.values())[:_MOST_RULES]
    return found


def profiles_of(run: Run) -> ProfileOf:
    """The profiles that the world of a run knows; looking into a large one counts for more."""

    def profile_of(canonical: str) -> Profile | None:
        found = run.world.profile(canonical)
        run.step(1 if found is None else 1 + found.size // _AT_ONCE)
        return found

    return profile_of


def roots_of(rule: Rule, profile_of: ProfileOf) -> list[Rule]:
    """The rules of the profiles of an element's types."""
    profiles = (profile_of(canonical) for one in rule.types for canonical in one.profiles)
    return [profile.root for profile in profiles if profile is not None]


def _named(rule: Rule, name: str, profile_of: ProfileOf) -> list[Rule]:
    found: list[Rule] = []
    for holder in (rule, *roots_of(rule, profile_of)):
        for child in holder.children:
            if child.name == name:  # of a choice its slices, too, each of which is of one type
                found += (child, *(one for one in child.slices if child.choice and one.maximum != 0))
            elif child.choice and name.startswith(child.name):  # `valueQuantity`, which some write
                found += _typed(child, name.removeprefix(child.name), profile_of)
    return found


def _extended(rule: Rule, url: str, profile_of: ProfileOf) -> list[Rule]:
    children = [child for one in (rule, *roots_of(rule, profile_of)) for child in one.children]
    slices = [one for child in children if child.name == "extension" for one in (child, *child.slices)]
    return [one for one in slices if url in urls_of(one)] or [
        child for child in children if child.name == "extension" and child.maximum == 0
    ]


def _typed(rule: Rule, name: str, profile_of: ProfileOf) -> list[Rule]:
    wanted = name.lower()
    slices = [one for one in rule.slices if any(kind.code.lower() == wanted for kind in one.types)]
    return slices or ([rule] if any(kind.code.lower() == wanted for kind in rule.types) else [])


def _target(rule: Rule, name: str, profile_of: ProfileOf) -> list[Rule]:
    profiles = (profile_of(canonical) for one in rule.types for canonical in one.targets)
    return [profile.root for profile in profiles if profile is not None]


_FOLLOWED = {"name": _named, "extension": _extended, "type": _typed, "resolve": _target}


def urls_of(rule: Rule) -> list[str]:
    """The URLs that an extension of a slice may have: a fixed one, or those of its profiles."""
    fixed = [child.fixed.value for child in rule.children if child.name == "url" and child.fixed is not None]
    profiles = [canonical.partition("|")[0] for one in rule.types for canonical in one.profiles]
    return fixed or profiles


# in instances


def nodes_at(node: Node, steps: Iterable[Step], run: Run) -> tuple[list[Node], list[Node]]:
    """The elements that a path leads to, and the references on the way whose targets are not known here."""
    found, left = [node], []
    for kind, text in steps:
        onward: list[Node] = []
        for one in found:
            if kind == "name":
                add_named(one, text, onward)
                if not onward and text in one.shape.fields:
                    field = one.shape.fields[text]
                    add_named(one, field.name, onward)
            elif kind == "extension":
                add_named(one, "extension", onward)
                onward = [x for x in onward if x.type_name != "Extension" or x.value.get("url") == text]
            elif kind == "type":
                onward += [one] if text in one.shape.lineage else []
            elif (target := resolved(one, run)) is not None:
                onward.append(target)
            else:
                left.append(one)
        found = onward
        run.step(len(found))
    return found, left


def resolved(node: Node, run: Run) -> Node | None:
    """The resource that a Reference or canonical leads to; None if it is not known here."""
    reference = node.value.get("reference") if type(node.value) is dict else node.value
    return resolve(node, reference, run) if type(reference) is str else None


def is_plain(shape: Shape | None, steps: Iterable[Step]) -> bool:
    """Whether a path leads through members of JSON objects that can be taken by their names."""
    for step in steps:
        fields = shape.by_name.get(step.text, ()) if shape is not None else ()
        if step.kind != "name" or len(fields) != 1 or fields[0].json != step.text:
            return False
        shape = fields[0].shape
    return True


def values_at(value: Any, names: Iterable[str]) -> list[Any]:
    """The JSON values of a plain path."""
    found = [value]
    for name in names:
        onward: list[Any] = []
        for one in found:
            held = one.get(name) if type(one) is dict else None
            if type(held) is list:
                onward += held
            elif held is not None:
                onward.append(held)
        found = onward
    return found
