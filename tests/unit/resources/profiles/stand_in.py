"""A world that is told what it knows, and rules and profiles made for one test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from resources import definitions
from resources.fhirpath import Node, Outside
from resources.fhirpath.nodes import add_children
from resources.profiles.definition import Binding, Context, Profile, Rule, Type
from resources.profiles.run import Run
from resources.profiles.world import NO, YES, Coding, Membership, Tree

DEFINITIONS = definitions.load()


class Known:
    """A World of value sets (URL → {(system, code)}), profiles by URL and resources by reference."""

    def __init__(
        self,
        codes: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        profiles: Sequence[Profile] = (),
        resources: Mapping[str, Tree] | None = None,
    ) -> None:
        self.codes = codes or {}
        self.profiles = {one.url: one for one in profiles}
        self.resources = resources or {}
        self.asked: list[str] = []

    def profile(self, canonical: str) -> Profile | None:
        return self.profiles.get(canonical.partition("|")[0])

    def member_of(self, value_set: str, coding: Coding) -> Membership:
        self.asked.append(value_set)
        codes = self.codes.get(value_set.partition("|")[0])
        if codes is None:
            return Membership("unknown", "the value set is not known here")
        if "system" not in coding:
            return YES if coding.get("code") in {code for _, code in codes} else NO
        return YES if (coding["system"], coding.get("code")) in codes else NO

    def subsumes(self, one: Coding, other: Coding) -> bool | None:
        return None

    def listed(self, value_set: str) -> Sequence[tuple[str, str]] | None:
        codes = self.codes.get(value_set.partition("|")[0])
        return codes if codes is not None and len(codes) <= 20 else None

    def resource(self, reference: str) -> Tree | None:
        found = self.resources.get(reference)
        return None if found is None else dict(found)  # another value each time, as one that is read anew


def rule(path: str, *types: Type, binding: Binding | None = None, is_modifier: bool = False) -> Rule:
    last = path.rpartition(".")[2]
    return Rule(
        id=path,
        path=path,
        name=last.removesuffix("[x]"),
        choice=last.endswith("[x]"),
        slice_name=None,
        minimum=0,
        maximum=None,
        types=types,
        fixed=None,
        pattern=None,
        lowest=None,
        highest=None,
        max_length=None,
        binding=binding,
        slicing=None,
        constraints=(),
        is_modifier=is_modifier,
        must_support=False,
        children=(),
        slices=(),
    )


def profile(
    url: str, of: str, *contexts: Context, invariants: tuple[str, ...] = (), is_modifier: bool = False
) -> Profile:
    root = rule(of, is_modifier=is_modifier)
    return Profile(url, "1", "Made", of, "", "constraint", "", contexts, invariants, root)


def run_of(tree: dict[str, Any], world: Known | None = None) -> Run:
    return Run(DEFINITIONS, world or Known(), tree, Outside())


def nodes(run: Run) -> list[Node]:
    """The root and all that is below it, in the order of the tree."""
    found, waiting = [], [run.root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        below: list[Node] = []
        add_children(node, below)
        waiting += reversed(below)
    return found


def at(run: Run, path: str) -> Node:
    return next(node for node in nodes(run) if node.path == path)


def said(run: Run) -> list[tuple[str, str, str]]:
    """Severity, code and place of all issues."""
    return [(issue.severity, issue.code, issue.expression[0]) for issue in run.issues]


def refusing(*urls: str) -> Callable[[Any, Profile], Callable[[Node, Run], None]]:
    """A check_of whose checks find an error by these profiles, and nothing by others."""

    def check_of(_: Any, judged: Profile) -> Callable[[Node, Run], None]:
        def check(node: Node, run: Run) -> None:
            if judged.url in urls:
                run.add(node, "error", "invariant", "is refused", f"{judged.url}#it")

        return check

    return check_of
