"""The invariants of R4 that resources.validation leaves open, judged on every element that they stand at: those of the
resource types, the warnings, and ranges in different units. They are the FHIRPath of their definitions.

https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..definitions import Definitions
from ..elements import Constraint, Element, Structure
from ..fhirpath import Node, Shape, Unevaluable, compile
from ..fhirpath.nodes import add_children, add_named, model
from ..profiles.run import Run
from .invariants import INVARIANTS, JUDGED_ELSEWHERE, brought_in_by, is_whole, said

# Judged on every write by resources.invariants and resources.checks, and so not again; but for rng-2, which needs UCUM
# where the units differ.
IN_TIER_1: Final = (INVARIANTS.keys() | JUDGED_ELSEWHERE | {"dom-2", "dom-3", "dom-4", "dom-5"}) - {"rng-2"}

# Warnings of one invariant that are listed: every resource of a large Bundle may lack its narrative.
MOST_OF_A_KIND = 50

_EXTENSIONS = ("extension", "modifierExtension")


def _distinct(items: Iterable[Mapping[str, Any]], name: str, below: str) -> bool:
    """Whether no two of the items, and of those below them, have the same value of that name."""
    known: set[Any] = set()
    waiting = list(items)
    for item in waiting:  # grows while it is walked
        if name in item and item[name] in known:
            return False
        known.add(item.get(name))
        waiting += item.get(below, ())
    return True


# What is quicker than its FHIRPath, or right where that is not: key → whether a JSON object keeps the invariant.
NATIVE: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "csd-1": lambda v: _distinct(v.get("concept", ()), "code", "concept"),
    "dom-6": lambda v: "div" in v.get("text", ()),
    # Its expression gives nothing of a text that is no number.
    "md-1": lambda v: v.get("max", "*") == "*" or (is_whole(v["max"]) and v["max"].strip("0") != ""),
    "que-2": lambda v: _distinct(v.get("item", ()), "linkId", "item"),
    # Its expression asks for a System.Boolean, which no element is.
    "que-7": lambda v: v.get("operator") != "exists" or "answerBoolean" in v or "_answerBoolean" in v,
}

# An expression that gives nothing refuses nothing: many do so of data that is right (bdl-8 of an entry without fullUrl).
# But these do only where they compare something that is missing, and it is what they ask for: que-13 of two initial
# values without `repeats`.
REFUSED_BY_NOTHING: Final = frozenset(
    ("opd-2", "opd-3", "que-13", "ras-1", "sdf-1", "sdf-5", "sdf-21", "tst-7", "tst-8", "tst-9", "vsd-9")
)


class Rule(NamedTuple):
    """What is asked of one element."""

    url: str  # canonical URL of the structure that brings it in # key of the constraint or id of the element
    severity: str  # error | warning
    code: str  # http://hl7.org/fhir/issue-type
    broken: Callable[[Node, Run], str | None]  # what is wrong, as text that goes on where the path ends


class Constraints:
    """Judges resources that break no base rule; made once and used by all requests of a worker."""

    def __init__(self, definitions: Definitions) -> None:
        self._structures = definitions.structures
        self._model = model(definitions)
        self._rules: dict[tuple[str, str, str], tuple[Rule, ...]] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        # JSON names of what an extension can hold that has rules of its own: valueRange, valueTiming…
        values = self._model.shape("Extension").by_name["value"]
        self._extended = frozenset(one.json for one in values if one.shape and self._has_rules(one.shape))

    def check(self, node: Node, run: Run) -> None:
        """Adds what breaks an invariant in a resource and in all that is inside it: the resources that it contains, the
        entries of a Bundle, those in Parameters. Call it once for a whole resource. Raises TooCostly (403), Enough.

        An invariant that cannot be evaluated on what is there is a warning of code "processing".
        """
        everywhere = _mentions(node.value, self._extended)
        warned: Counter[Rule] = Counter()
        waiting = [node]
        while waiting:
            at = waiting.pop()
            for rule in self._rules_at(at):
                run.step()
                severity, code = rule.severity, rule.code
                try:
                    text = rule.broken(at, run)
                except Unevaluable as error:
                    severity, code, text = "warning", "processing", f"was not checked: {str(error).rstrip('.')}"
                if text is None:
                    continue
                if severity == "warning":
                    warned[rule] += 1
                    if warned[rule] > MOST_OF_A_KIND:
                        continue
                run.add(at, severity, code, text, rule.url)
            below: list[Node] = []
            if everywhere:
                add_children(at, below)
            else:
                for name in self._named(at.shape):
                    add_named(at, name, below)
            waiting.extend(reversed(below))
        for rule, number in warned.items():
            if number > MOST_OF_A_KIND:
                key = rule.url.partition("#")[2]
                run.add(
                    node, "warning", rule.code, f"has {number - MOST_OF_A_KIND} more such elements: {key}", rule.url
                )

    def rules(self, path: str, name: str, shape: Shape) -> tuple[Rule, ...]:
        """The rules of an element: those of its type, and those of the place `name` below the definition of `path`, of
        which "" is that of a whole resource."""
        structure = self._structures.get(shape.path)
        found = [] if structure is None else list(self._of_type(structure))
        if path:
            within = self._structures[path.partition(".")[0]]
            element = within.elements.get(f"{path}.{name}") or within.elements.get(f"{path}.{name}[x]")
            if element is not None:
                found += self._of_element(within, element, shape.name)
        return tuple(dict(found).values())

    def _rules_at(self, node: Node) -> tuple[Rule, ...]:
        field, parent, shape = node.field, node.parent, node.shape
        key = (parent.shape.path, field.json, shape.path) if parent and field else ("", "", shape.path)
        rules = self._rules.get(key)
        if rules is None:
            name = field.name if field else ""
            rules = self._rules[key] = self.rules(key[0], name, shape)
        return rules

    def _of_type(self, structure: Structure) -> Iterator[tuple[str, Rule]]:
        path, root = next(iter(structure.elements.items()))
        for constraint in root.constraints:
            if constraint.key not in IN_TIER_1:
                yield constraint.key, _rule(brought_in_by(self._structures, structure, path, constraint), constraint)
        if structure.name == "Attachment":
            url = f"{structure.url}#Attachment.size"
            yield url, Rule(url, "error", "value", _wrong_size)

    def _of_element(self, within: Structure, element: Element, type_name: str) -> Iterator[tuple[str, Rule]]:
        constraints = element.constraints
        if element.content:
            constraints += within.elements[element.content].constraints
        for constraint in constraints:
            if constraint.key not in IN_TIER_1:
                yield constraint.key, _rule(within.url, constraint)
        for one in element.types:
            if one.code == type_name:
                for profile in one.profiles:
                    yield from self._of_type(self._structures[profile])

    def _named(self, shape: Shape) -> tuple[str, ...]:
        """The children to look at: those with rules, or with something below them that has, extensions set aside."""
        if shape.path not in self._names:
            self._names[shape.path] = tuple(
                name
                for name, fields in shape.by_name.items()
                if name not in _EXTENSIONS
                and any(
                    one.shape is None or self.rules(shape.path, name, one.shape) or self._has_rules(one.shape)
                    for one in fields
                )
            )
        return self._names[shape.path]

    def _has_rules(self, shape: Shape) -> bool:
        """Whether anything of a shape, or below it, has rules, extensions set aside."""
        known, waiting = {shape.path}, [shape]
        if self.rules("", "", shape):
            return True
        for at in waiting:  # grows while it is walked
            for name, fields in at.by_name.items():
                for one in fields if name not in _EXTENSIONS else ():
                    if one.shape is None or self.rules(at.path, name, one.shape):
                        return True
                    if one.shape.path not in known:
                        known.add(one.shape.path)
                        waiting.append(one.shape)
        return False


def _rule(url: str, constraint: Constraint) -> Rule:
    text = f"breaks {constraint.key}: {said(constraint)}"
    native = NATIVE.get(constraint.key)
    if native is not None:
        broken = _broken_by(native, text)
    else:
        truth = compile(constraint.expression).truth
        refused = (False, None) if constraint.key in REFUSED_BY_NOTHING else (False,)

        def broken(node: Node, run: Run) -> str | None:
            holds = truth(run.definitions, node, outside=run.outside, spend=run.look)
            return text if holds in refused else None

    return Rule(f"{url}#{constraint.key}", constraint.severity, "invariant", broken)


def _broken_by(keeps: Callable[[Mapping[str, Any]], bool], text: str) -> Callable[[Node, Run], str | None]:
    return lambda node, run: None if keeps(node.value) else text


def _wrong_size(node: Node, run: Run) -> str | None:
    """https://hl7.org/fhir/R4/datatypes-definitions.html#Attachment.size: "before base64 encoding, if that is done" """
    size, data = node.value.get("size"), node.value.get("data")
    if size is None or data is None:
        return None
    digits = "".join(data.split())
    number = len(digits) // 4 * 3 - digits.endswith("=") - digits.endswith("==")
    return None if size == number else f"states a size of {size} bytes, but its data has {number}"


def _mentions(tree: Any, names: frozenset[str]) -> bool:
    """Whether any object in a tree has a member of one of these names."""
    waiting = [tree]
    for value in waiting:  # grows while it is walked
        if type(value) is dict:
            if not names.isdisjoint(value):
                return True
            waiting += value.values()
        elif type(value) is list:
            waiting += value
    return False
