"""Judging resources by their constraints, in a world where nothing else is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from resources.fhirpath import Outside
from resources.outcome import Issue
from resources.profiles.definition import Profile
from resources.profiles.run import Run
from resources.profiles.world import Membership
from resources.validation.constraints import Constraints
from resources.validation.validator import Validator

from .minimal import DEFINITIONS, Json

CONSTRAINTS = Constraints(DEFINITIONS)
VALIDATOR = Validator(DEFINITIONS)
OUTSIDE = Outside(canonical=lambda value, unit: {"g": (value, "g"), "mg": (value / 1000, "g")}.get(unit))


class Nowhere:
    """A world in which nothing is known."""

    def profile(self, canonical: str) -> Profile | None:
        return None

    def member_of(self, value_set: str, coding: Mapping[str, Any]) -> Membership:
        return Membership("unknown")

    def subsumes(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool | None:
        return None

    def listed(self, value_set: str) -> Sequence[tuple[str, str]] | None:
        return None

    def resource(self, reference: str) -> Mapping[str, Any] | None:
        return None


def judged(tree: Json, outside: Outside = OUTSIDE) -> list[Issue]:
    run = Run(DEFINITIONS, Nowhere(), tree, outside)
    CONSTRAINTS.check(run.root, run)
    return run.issues


def found(tree: Json) -> list[Issue]:
    """The issues of the base rules, or if none of them is an error those of the constraints."""
    issues = VALIDATOR.issues(tree["resourceType"], tree)
    return list(issues) if any(issue.severity == "error" for issue in issues) else judged(tree)


def key_of(issue: Issue) -> str:
    return issue.rule.partition("#")[2]


def broken_at(tree: Json, key: str) -> list[str]:
    """The expressions of the issues of one constraint."""
    return [issue.expression[0] for issue in judged(tree) if key_of(issue) == key]
