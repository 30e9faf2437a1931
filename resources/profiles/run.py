"""One validation of one resource by constraints and profiles: what it may ask, and what it has found."""

from __future__ import annotations

from typing import Any

from ..definitions import Definitions
from ..fhirpath import Node, Outside, root
from ..outcome import Issue, TooCostly
from ..validation.fields import MOST_ISSUES, Enough
from .definition import Profile
from .world import Tree, World

MOST_DEPTH = 12  # profiles within profiles, as references lead from resource to resource
MOST_STEPS = 2_000_000  # rules tried in one validation: a Bundle of 50 MB has as many, a hostile profile more
# Elements that R4's own invariants look at in one validation, in some seconds: of R4's own resources less than one for
# each byte, so that a resource as large as a request may send has enough.
MOST_LOOKS = 8_000_000


class Run:
    """The state of one validation. Checks are functions of a Node and a Run; they add issues and raise only Enough."""

    __slots__ = (
        "_conforming",
        "_depth",
        "definitions",
        "issues",
        "looks",
        "memory",
        "omitted",
        "outside",
        "root",
        "steps",
        "world",
    )

    def __init__(self, definitions: Definitions, world: World, tree: Tree, outside: Outside | None = None) -> None:
        """outside: of FHIRPath; see resources.validation.rules, which makes it of the run."""
        self.definitions = definitions
        self.world = world
        self.root = root(definitions, tree)
        self.outside = outside or Outside()
        self.issues: list[Issue] = []
        self.omitted = False  # whether warnings were left out, since there were too many issues already
        self.steps = self.looks = 0
        self.memory: dict[Any, Any] = {}  # what checks found out that is the same for all of them
        self._conforming: dict[tuple[Any, ...], bool] = {}
        self._depth = 0

    def add(self, node: Node, severity: str, code: str, text: str, rule: str = "", below: str = "") -> None:
        """Adds an issue at a node: text goes on where its path ends ("is required"). After 500 a warning is
        left out, for it refuses nothing, and an error raises Enough when it has been added.

        rule: canonical URL # key of the constraint, or # id of the element that asks it. below: name of a child that is
        not there, as part of the path."""
        if severity != "error" and len(self.issues) >= MOST_ISSUES:
            self.omitted = True
            return
        path = f"{node.path}.{below}" if below else node.path
        self._take(Issue(severity, code, f"{path} {text}.", (path,), rule=rule))

    def _take(self, issue: Issue) -> None:
        many = len(self.issues) >= MOST_ISSUES
        if many and issue.severity != "error":
            self.omitted = True
            return
        self.issues.append(issue)
        if many:
            raise Enough

    def step(self, number: int = 1) -> None:
        """Counts rules tried. Raises TooCostly (403)."""
        self.steps += number
        if self.steps > MOST_STEPS:
            raise TooCostly("The resource and its profiles take more than can be checked in one request.")

    def look(self, number: int) -> None:
        """Counts elements that R4's own invariants look at. Raises TooCostly (403)."""
        self.looks += number
        if self.looks > MOST_LOOKS:
            raise TooCostly("The invariants of the resource take more than can be checked in one request.")

    def found_by(self, check: Any, node: Node) -> list[Issue]:
        """The issues that a check finds at a node, which are not added: for slices, choices of profiles, conformsTo."""
        kept, omitted, self.issues = self.issues, self.omitted, []
        try:
            check(node, self)
            return self.issues
        except Enough:
            return self.issues
        except RecursionError:
            raise TooCostly("The profiles and references lead deeper than can be followed in one request.") from None
        finally:
            self.issues, self.omitted = kept, omitted

    def judge(self, profile: Profile, check: Any, node: Node) -> None:
        """Adds the issues that a check of a profile finds at a node; it is run once, however many ask for it there."""
        key = ("judged", id(profile), id(node.owner or node.value), node.name, node.index)
        if key not in self.memory:
            self.memory[key] = profile, []  # which keeps its id
            self.memory[key] = profile, self.found_by(check, node)
        found: list[Issue] = self.memory[key][1]
        if found:
            self.step(len(found) + len(self.issues))
            known = set(self.issues)
            for issue in found:
                if issue not in known:
                    self._take(issue)

    def conforms(self, profile: Profile, check: Any, node: Node) -> bool:
        """Whether a check of a profile finds no error at a node; asked once for each value. A profile that asks for
        itself, by a resource that contains itself, is taken to be met; so is one that only a chain of more than twelve
        references leads to, for chains end where the stack does."""
        key = (profile, id(node.owner or node.value), node.name, node.index)
        if key not in self._conforming:
            if self._depth == MOST_DEPTH:
                return True
            self._conforming[key] = True
            self._depth += 1
            try:
                found = self.found_by(check, node)
            finally:
                self._depth -= 1
            self._conforming[key] = not any(issue.severity == "error" for issue in found)
        return self._conforming[key]
