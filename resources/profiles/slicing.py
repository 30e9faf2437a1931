"""Slicing: which slice each element of a list belongs to, how many there may be of each, and in what order.

https://hl7.org/fhir/R4/profiling.html#slicing
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..fhirpath import Node
from .definition import Discriminator, Rule, Slicing
from .matching import Matcher, every
from .paths import values_at
from .run import Run

Check = Callable[[Node, Run], None]
SliceCheck = Callable[[Node, list[Node], Run], None]  # the element that has the list, the list, the run

DEFAULT: Final = "@default"
_BY_URL: Final = (Discriminator("value", "url"),)
_BY_TYPE: Final = (Discriminator("type", "$this"),)
_MOST_SHOWN = 20  # slices that one issue names
_LONGEST_REASON = 300
_MOST_HINTS = 3  # elements of which it is said why they are not of a slice that is missing


@dataclass(frozen=True)
class Slice:
    """One slice, ready to be judged."""

    name: str
    where: str  # URL of the profile # id of the element
    minimum: int
    maximum: int | None
    matchers: Sequence[Matcher]  # none if the slice is told by conformance alone
    check: Check | None  # what is asked of its elements
    within: SliceCheck | None  # its reslices

    def has(self, node: Node, run: Run) -> bool | None:
        """Whether an element belongs to it; None if that cannot be told."""
        if self.matchers:
            return every(one.match(node, run) for one in self.matchers)
        if self.check is None:
            return True
        return not any(issue.severity == "error" for issue in run.found_by(self.check, node))

    def surely_has(self, node: Node, run: Run) -> bool:
        """Whether an element that belongs to it would do so whatever else was known."""
        return all(one.sure is None or one.sure(node, run) for one in self.matchers)


def slicing_of(rule: Rule) -> Slicing:
    """How the elements of a rule are sliced; extensions by URL and choices by type, if nothing is said.

    https://hl7.org/fhir/R4/profiling.html#slicing: extensions are always sliced by url"""
    stated = rule.slicing or Slicing((), "open", ordered=False)
    if stated.discriminators:
        return stated
    if rule.name in ("extension", "modifierExtension"):
        return Slicing(_BY_URL, stated.rules, stated.ordered)
    return Slicing(_BY_TYPE, stated.rules, stated.ordered) if rule.choice else stated


def slice_check(rule: Rule, slicing: Slicing, slices: Sequence[Slice], profile: str, url: str) -> SliceCheck:
    """Judges a list by its slices. profile: its name in issues."""
    default = next((number for number, one in enumerate(slices) if _last(one.name) == DEFAULT), None)
    places = _Places(slices, default)
    where = f"{url}#{rule.id}"
    names = ", ".join(one.name for one in slices[:_MOST_SHOWN]) + ("…" if len(slices) > _MOST_SHOWN else "")
    closed = slicing.rules == "closed" and default is None
    at_end = slicing.rules == "openAtEnd"
    inspected = closed or at_end or slicing.ordered
    exclusive = bool(slicing.discriminators)
    needed = any(one.minimum for one in slices)

    def check(parent: Node, found: list[Node], run: Run) -> None:
        if not found and not needed:
            return
        run.step(len(slices))
        groups: list[list[Node]] = [[] for _ in slices]
        maybe = [0] * len(slices)
        latest, ended = -1, False
        for node in found:
            matched, open_ = places.of(node, run)
            if exclusive and len(matched) > 1:
                sure = [number for number in matched if slices[number].surely_has(node, run)]
                if len(sure) > 1:
                    several = " and ".join(slices[number].name for number in sure[:_MOST_SHOWN])
                    run.add(node, "error", "structure", f"is of the slices {several}, but may be of one only", where)
                else:
                    matched, open_ = sure, [] if sure else matched
            if open_:
                for number in open_:
                    maybe[number] += 1
                several = " or ".join(slices[number].name for number in open_[:_MOST_SHOWN])
                text = f"may be of slice {several} of {profile}, which cannot be told from what is known here"
                run.add(node, "warning", "not-supported", text, where)
            if not matched and not open_ and default is not None:
                matched = [default]
            for number in matched:
                groups[number].append(node)
            if inspected and not open_:
                first = matched[0] if matched and matched != [default] else None
                if first is None and closed:
                    text = f"is of none of the slices {names}, and {profile} allows no others"
                    run.add(node, "error", "structure", text, where)
                if first is not None and slicing.ordered and first < latest:
                    text = f"is of slice {slices[first].name}, which {profile} puts before {slices[latest].name}"
                    run.add(node, "error", "structure", text, where)
                if first is not None and at_end and ended:
                    text = f"is of slice {slices[first].name}, but follows an element of no slice"
                    run.add(node, "error", "structure", text, where)
                latest, ended = max(latest, first if first is not None else -1), ended or first is None
        for number, one in enumerate(slices):
            _count(one, parent, rule.name, groups[number], maybe[number], found, run, profile)
            for node in groups[number] if one.check is not None else ():
                one.check(node, run)  # type: ignore[misc]
            if one.within is not None and groups[number]:
                one.within(parent, groups[number], run)

    return check


class _Places:
    """Finds the slices of an element: by one look where each slice has its own text at the same plain path."""

    def __init__(self, slices: Sequence[Slice], default: int | None) -> None:
        self._slices = [(number, one) for number, one in enumerate(slices) if number != default]
        self._names, self._numbers = _keyed(self._slices)
        self._cost = sum(1 + len(one.matchers) for _, one in self._slices)

    def of(self, node: Node, run: Run) -> tuple[list[int], list[int]]:
        """The numbers of the slices that it belongs to, and of those where that cannot be told."""
        if self._names is not None:
            texts = values_at(node.value, self._names)
            run.step(len(texts))
            told = dict.fromkeys(text for text in texts if type(text) is str)  # one code may be given by two systems
            return [number for text in told for number in self._numbers.get(text, ())], []
        run.step(self._cost)
        verdicts = [(number, one.has(node, run)) for number, one in self._slices]
        matched = [number for number, verdict in verdicts if verdict]
        return matched, [] if matched else [number for number, verdict in verdicts if verdict is None]


def _keyed(slices: Sequence[tuple[int, Slice]]) -> tuple[tuple[str, ...] | None, Mapping[str, list[int]]]:
    numbers: dict[str, list[int]] = {}
    paths = set()
    for number, one in slices:
        key = one.matchers[0].key if len(one.matchers) == 1 else None
        if key is None:
            return None, {}
        paths.add(key[0])
        numbers.setdefault(key[1], []).append(number)
    return (paths.pop(), numbers) if len(paths) == 1 else (None, {})


def _count(
    one: Slice, parent: Node, name: str, group: list[Node], maybe: int, found: list[Node], run: Run, profile: str
) -> None:
    count = len(group)
    if one.maximum is not None and count > one.maximum:
        allowed = f"at most {one.maximum}" if one.maximum else "none"
        text = f"has {count} of slice {one.name}; {profile} allows {allowed}"
        run.add(parent, "error", "structure", text, one.where, name)
    if count >= one.minimum or count + maybe >= one.minimum:
        return
    text = f"has {count or 'none'} of slice {one.name}; {profile} asks for at least {one.minimum}"
    run.add(parent, "error", "required", text, one.where, name)
    others = [node for node in found if not any(node is member for member in group)] if len(found) < 100 else []
    alike = [(node, why) for node in others if (why := _why(one, node, run))]
    for node, why in alike[:_MOST_HINTS]:
        run.add(node, "information", "informational", f"is not of slice {one.name}: {why}", one.where)
    for node in others[:_MOST_HINTS] if not alike else ():
        missed = [each.text for each in one.matchers if each.match(node, run) is False]
        if missed:
            run.add(node, "information", "informational", f"is not of slice {one.name}, where {missed[0]}", one.where)


def _why(one: Slice, node: Node, run: Run) -> str:
    """What keeps an element from a slice of whose type it is."""
    reason = next((why for each in one.matchers if each.why is not None and (why := each.why(node, run))), "")
    return reason[:_LONGEST_REASON].rstrip(".")


def _last(name: str) -> str:
    """A reslice bears the names of the slices above it: "a/b"."""
    return name.rpartition("/")[2]
