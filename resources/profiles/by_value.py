"""Slices told by values: a fixed value, a pattern or a required binding at a path, or that there is something at all.

https://hl7.org/fhir/R4/codesystem-discriminator-type.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..fhirpath import Node
from ..fhirpath.nodes import Shape
from .definition import Rule
from .matching import Matcher, every, some, titled
from .paths import Step, is_plain, nodes_at, urls_of, values_at
from .run import Run
from .values import fits, same, shown

Test = Callable[[Any, Run], "bool | None"]  # of a JSON value


def by_url(rule: Rule, steps: tuple[Step, ...]) -> Matcher | None:
    """Slices of extensions, by far the most frequent, need no other profile to be told apart."""
    if steps != (Step("name", "url"),) or not any(one.code == "Extension" for one in rule.types):
        return None
    urls = urls_of(rule)
    if not urls:
        return None
    key = (("url",), urls[0]) if len(urls) == 1 else None
    return Matcher(lambda node, run: node.value.get("url") in urls, f"url is {' or '.join(urls)}", key)


def by_value(
    rules: list[Rule], steps: tuple[Step, ...], path: str, shape: Shape | None, bound_before: frozenset[str]
) -> Matcher | None:
    if steps and any(rule.maximum == 0 for rule in rules):
        return absent(steps, path)
    tests = [made for rule in rules if (made := test_of(rule, bound_before)) is not None]
    if not tests:
        return None
    said = [rule.fixed.value for rule in rules if rule.fixed is not None and type(rule.fixed.value) is str]
    text = f"{titled(path)} {tests[0][1]}"
    alone = tests[0][0] if len(tests) == 1 else lambda value, run: some(test(value, run) for test, _ in tests)
    if is_plain(shape, steps):
        names = tuple(step.text for step in steps)
        key = (names, said[0]) if len(tests) == 1 and len(said) == 1 else None

        def match_plain(node: Node, run: Run) -> bool | None:
            values = values_at(node.value, names)
            run.step(len(values))
            return alone(values[0], run) if len(values) == 1 else some(alone(value, run) for value in values)

        return Matcher(match_plain, text, key)

    def match(node: Node, run: Run) -> bool | None:
        found, left = nodes_at(node, steps, run)
        return some((*(alone(item.value, run) for item in found), *(None for _ in left)))

    return Matcher(match, text)


def absent(steps: tuple[Step, ...], path: str) -> Matcher:
    def match(node: Node, run: Run) -> bool | None:
        found, left = nodes_at(node, steps, run)
        return False if found else None if left else True

    return Matcher(match, f"{titled(path)} is absent")


def test_of(rule: Rule, bound_before: frozenset[str] | None) -> tuple[Test, str] | None:
    """What a rule says of its value: by a fixed value, a pattern, a required binding, or by values of its children.

    bound_before: value sets of bindings that say nothing new; None if no binding counts."""
    if rule.fixed is not None:
        fixed = rule.fixed.value
        return lambda value, run: same(value, fixed), f"is {shown(fixed)}"
    if rule.pattern is not None:
        pattern = rule.pattern.value
        return lambda value, run: fits(value, pattern, run.step), f"fits the pattern {shown(pattern)}"
    binding = rule.binding
    if (
        bound_before is not None
        and binding
        and binding.strength == "required"
        and binding.value_set not in bound_before
    ):
        return _in_value_set(binding.value_set), f"is in the value set {binding.value_set}"
    inside = [(_spellings(child), *made) for child in rule.children if (made := test_of(child, None)) is not None]
    if not inside:
        return None

    def test(value: Any, run: Run) -> bool | None:
        run.step(len(inside))
        return every(
            some(one(below, run) for name in names for below in values_at(value, (name,))) for names, one, _ in inside
        )

    return test, " and ".join(f"{names[0]} {text}" for names, _, text in inside[:3])


def _spellings(rule: Rule) -> tuple[str, ...]:
    if not rule.choice:
        return (rule.name,)
    return tuple(rule.name + one.code[:1].upper() + one.code[1:] for one in rule.types)


def _in_value_set(value_set: str) -> Test:
    def test(value: Any, run: Run) -> bool | None:
        if type(value) is dict:
            codings = value.get("coding", ()) if "coding" in value or "text" in value else (value,)
        else:
            codings = ({"code": value},)
        run.step(len(codings))
        answers = {run.world.member_of(value_set, coding).verdict for coding in codings}
        return True if "yes" in answers else None if "unknown" in answers else False

    return test


def by_existence(rules: list[Rule], steps: tuple[Step, ...], path: str) -> Matcher | None:
    if steps and any(rule.maximum == 0 for rule in rules):
        return absent(steps, path)
    if not any(rule.minimum for rule in rules):
        return None

    def match(node: Node, run: Run) -> bool | None:
        found, left = nodes_at(node, steps, run)
        return True if found else None if left else False

    return Matcher(match, f"{titled(path)} exists")
