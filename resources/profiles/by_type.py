"""Slices told by the type of what is at a path, or by the profile that it conforms to.

https://hl7.org/fhir/R4/codesystem-discriminator-type.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from ..definitions import Definitions
from ..elements import CANONICAL, Structure
from ..fhirpath import Node
from ..references import stated_type, target_type
from .definition import Profile, Rule
from .matching import Matcher, some, titled
from .paths import ProfileOf, Step, nodes_at, profiles_of, rules_at
from .run import Run

Structures = Mapping[str, Structure]
CheckOf = Callable[[Definitions, Profile], Callable[[Node, Run], None]]

_MOST_SHOWN: Final = 5  # types or profiles in a text
_UNKNOWN: Final = {"not-found", "not-supported", "processing"}  # codes of issues about what could not be judged


class _Asked(NamedTuple):
    """One type or profile that a slice asks for."""

    canonical: str
    name: str | None  # of a type of R4; None of a profile
    resolves: bool  # it is asked of the target of a reference


_Judge = Callable[[Node, Run, _Asked], "bool | None"]


def by_type(rule: Rule, steps: tuple[Step, ...], path: str, structures: Structures) -> Matcher | None:
    """The matcher of a discriminator `type`; None if the slice names no type."""
    return _by_leaf(rule, steps, f"{titled(path)} is", _has_type, structures, profiles=False)


def by_profile(
    rule: Rule, steps: tuple[Step, ...], path: str, structures: Structures, check_of: CheckOf
) -> Matcher | None:
    """The matcher of a discriminator `profile`; None if the slice names no profile."""

    def conforms(node: Node, run: Run, asked: _Asked) -> bool | None:
        fitting = _has_type(node, run, asked)
        if fitting is False or asked.name is not None:
            return fitting
        profile = run.world.profile(asked.canonical)
        if profile is None or fitting is None or (asked.resolves and not node.shape.is_resource):
            return None  # of a reference whose target is not known the type may fit
        return run.conforms(profile, check_of(run.definitions, profile), node)

    def surely_conforms(node: Node, run: Run, asked: _Asked) -> bool | None:
        if not conforms(node, run, asked):
            return False
        profile = run.world.profile(asked.canonical) if asked.name is None else None
        found = run.found_by(check_of(run.definitions, profile), node) if profile is not None else ()
        return not any(issue.code in _UNKNOWN for issue in found)

    def why(node: Node, run: Run) -> str:
        """What is wrong with an element of the slice's type, by the first of its profiles that is known."""
        for canonical in _canonicals(rule, steps, lambda _: None, profiles=True):
            profile = run.world.profile(canonical)
            for one in _leaves(node, steps, run)[0]:
                if profile is not None and profile.type in one.shape.lineage:
                    found = run.found_by(check_of(run.definitions, profile), one)
                    return next((issue.diagnostics for issue in found if issue.severity == "error"), "")
        return ""

    made = _by_leaf(rule, steps, f"{titled(path)} conforms to", conforms, structures, profiles=True)
    sure = _by_leaf(rule, steps, "", surely_conforms, structures, profiles=True)
    return made._replace(sure=sure.match, why=why) if made is not None and sure is not None else None


def _by_leaf(
    rule: Rule, steps: tuple[Step, ...], text: str, judge: _Judge, structures: Structures, profiles: bool
) -> Matcher | None:
    """Types and profiles are those of the rule at the path, or the targets of a path that ends in resolve()."""
    resolves = bool(steps) and steps[-1].kind == "resolve"

    def asked_by(profile_of: ProfileOf) -> list[_Asked]:
        canonicals = _canonicals(rule, steps, profile_of, profiles)
        return [_asked(canonical, resolves, structures) for canonical in canonicals]

    unknown: list[str] = []
    stated = asked_by(unknown.append)
    if not stated and not unknown:
        return None

    def match(node: Node, run: Run) -> bool | None:
        asked = stated or asked_by(profiles_of(run))
        if not asked:
            return True  # the slice says nothing there
        found, left = _leaves(node, steps, run)
        run.step(len(asked) * (len(found) + len(left)))
        if len(asked) == len(found) == 1 and not left:
            return judge(found[0], run, asked[0])
        return some(judge(one, run, each) for one in (*found, *left) for each in asked)

    shown = " or ".join(one.name or one.canonical for one in stated[:_MOST_SHOWN])
    return Matcher(match, f"{text} {shown or 'what its profile says'}")


def _canonicals(rule: Rule, steps: tuple[Step, ...], profile_of: ProfileOf, profiles: bool) -> list[str]:
    """The profiles or types that a slice asks for at a path."""
    resolves = bool(steps) and steps[-1].kind == "resolve"
    found: list[str] = []
    for one in (kind for leaf in rules_at(rule, steps[: len(steps) - resolves], profile_of) for kind in leaf.types):
        found += one.targets if resolves else one.profiles if profiles else (CANONICAL + one.code,)
    return found


def _leaves(node: Node, steps: tuple[Step, ...], run: Run) -> tuple[list[Node], list[Node]]:
    """What a path leads to; all slices of an element ask the same."""
    kept = run.memory.get("leaves")
    if kept is None or kept[0] is not node or kept[1] != steps:
        kept = run.memory["leaves"] = node, steps, nodes_at(node, steps, run)
    found: tuple[list[Node], list[Node]] = kept[2]
    return found


def _asked(canonical: str, resolves: bool, structures: Structures) -> _Asked:
    name = canonical.partition("|")[0].removeprefix(CANONICAL)
    return _Asked(canonical, name if name in structures else None, resolves)


def _has_type(node: Node, run: Run, asked: _Asked) -> bool | None:
    """Whether an element is of a type, or of the type that a profile is of; a reference whose target is not known is
    judged by its text."""
    name = asked.name
    if name is None:
        profile = run.world.profile(asked.canonical)
        if profile is None:
            return None
        name = profile.type
    if node.shape.is_resource:
        return name in node.shape.lineage
    if not asked.resolves:  # a code is no string, where one of the two is to be told from the other
        return node.type_name == name or (asked.name is None and name in node.shape.lineage)
    is_type = run.definitions.is_resource_type
    held = node.value if type(node.value) is dict else {}
    stated = target_type(held.get("reference", ""), is_type) or stated_type(held.get("type", ""), is_type)
    return None if stated is None else name in (stated, "Resource", "DomainResource")
