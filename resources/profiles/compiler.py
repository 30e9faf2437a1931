"""Profiles compiled to checks: closures that walk an instance and look only where the profile asks more than R4 does.

What the base definition asks is judged before (resources.validation); a rule that repeats it
costs nothing here. An element with a contentReference is as R4 defines it, unless the profile itself says what is below
it: the reference leads to "the non-constrained definition". https://hl7.org/fhir/R4/profiling.html,
https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.contentReference
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from ..definitions import Definitions
from ..elements import CANONICAL, Element
from ..fhirpath import Field, Node, Shape
from ..fhirpath.nodes import add_named, model
from .bindings import binding_check
from .content import Check, Place, content_checks, type_check, wanted_types
from .definition import Discriminator, Profile, Rule
from .discriminators import matcher
from .references import reference_check
from .run import Run
from .slicing import Slice, SliceCheck, slice_check, slicing_of

_KEPT = "_compiled"  # where a profile keeps its check, which goes when it goes
_KINDS = ("type", "exists", "value", "pattern", "profile")  # of discriminators


def check_of(definitions: Definitions, profile: Profile) -> Check:
    """The check of a profile, for the node of an instance of profile.type.

    It adds issues to the run, each with the FHIRPath of its element and the profile's URL # id of the rule, and raises
    TooCostly (403) where profile and instance together take too long. Compiled on first use and kept with the profile."""
    kept = vars(profile).get(_KEPT)
    if kept is None or kept[0] is not definitions.structures:
        kept = vars(profile)[_KEPT] = definitions.structures, Compiler(definitions, profile).root()
    found: Check = kept[1]
    return found


class Compiler:
    """Compiles one profile."""

    def __init__(self, definitions: Definitions, profile: Profile) -> None:
        self._definitions = definitions
        self._profile = profile
        self._name = profile.name or profile.url
        self._model = model(definitions)
        self._by_name: dict[int, dict[str, Rule]] = {}  # the children of rules that are sliced

    def root(self) -> Check:
        root, type_name = self._profile.root, self._profile.type
        shape = self._model.shape(type_name) if type_name in self._definitions.structures else None
        base = self._definitions.structures[type_name].elements[type_name] if shape is not None else None
        check = self._element(replace(root, types=()), shape, base, None)
        return check or _nothing

    # elements

    def _element(self, rule: Rule, shape: Shape | None, base: Element | None, known: Rule | None) -> Check | None:
        """The check of one element by a rule; None if the rule asks nothing that is not judged already.

        shape: of the element, as far as it is known before there is one. known: the rule that this one is a slice of."""
        place = Place(self._definitions, self._profile.url, self._name, base, known)
        checks = list(content_checks(rule, place, check_of))
        checks += self._leaves(rule, base, known)
        checks += self._children(rule, shape, known)
        wanted = wanted_types(rule, place)
        if not wanted:
            return _together(checks)
        has_type = type_check(rule, wanted, place)

        def check(node: Node, run: Run) -> None:
            if has_type(node, run):
                for one in checks:
                    one(node, run)

        return check

    def _leaves(self, rule: Rule, base: Element | None, known: Rule | None) -> Iterable[Check]:
        """Bindings and references, unless the base or the rule that this one refines asks the same."""
        url = self._profile.url
        is_new = rule.binding is not None and (known is None or known.binding != rule.binding)
        if is_new and (check := binding_check(self._definitions, rule, url)) is not None:
            yield check
        if any(one.targets or one.aggregation for one in rule.types) and (known is None or known.types != rule.types):
            same = base is not None and all(
                not one.aggregation and {CANONICAL + name for name in two.targets or ("Resource",)} == {*one.targets}
                for one in rule.types
                for two in base.types
                if one.code == two.code
            )
            if not same and (check := reference_check(rule, url)) is not None:
                yield check

    # children

    def _children(self, rule: Rule, shape: Shape | None, known: Rule | None) -> list[Check]:
        before = self._children_of(known) if known is not None else {}
        made = [self._child(child, shape, before.get(child.name)) for child in rule.children]
        return [check for check in made if check is not None]

    def _children_of(self, known: Rule) -> dict[str, Rule]:
        if id(known) not in self._by_name:
            self._by_name[id(known)] = {child.name: child for child in known.children}
        return self._by_name[id(known)]

    def _child(self, rule: Rule, shape: Shape | None, known: Rule | None) -> Check | None:
        fields = self._fields(rule, shape)
        base = self._base(shape, fields[0].name if fields else rule.name)
        inner = self._inner(rule, fields)
        content = self._element(rule, inner, base, known)
        slices = self._slicing(rule, inner, base) if rule.slices else None
        low = rule.minimum if rule.minimum > max(base.minimum if base else 0, known.minimum if known else 0) else 0
        high = rule.maximum
        if high is not None and (
            (base is not None and not base.many and high > 0) or (known is not None and known.maximum == high)
        ):
            high = None
        if not low and high is None and content is None and slices is None:
            return None
        written = tuple(name for field in fields for name in (field.json, field.beside))
        where = f"{self._profile.url}#{rule.id}"
        if content is None and slices is None and written and low < 2 and not high:
            return _presence(rule, written, bool(low), high == 0, self._name, where)
        return _walk(rule, fields, low, high, content, slices, self._name, where)

    def _fields(self, rule: Rule, shape: Shape | None) -> tuple[Field, ...]:
        """The JSON members of an element; one of a choice if the path names it: Observation.valueQuantity."""
        if shape is None:
            return ()
        found = shape.by_name.get(rule.name)
        if found is None and rule.name in shape.fields:
            return (shape.fields[rule.name],)
        return found or ()

    def _base(self, shape: Shape | None, name: str) -> Element | None:
        if shape is None:
            return None
        children = self._definitions.structures[shape.path.partition(".")[0]].children.get(shape.path, ())
        return next((element for element in children if element.name == name), None)

    def _inner(self, rule: Rule, fields: tuple[Field, ...]) -> Shape | None:
        """The shape of the elements, if there can be only one."""
        codes = {one.code for one in rule.types}
        typed = [field for field in fields if len(fields) == 1 or field.type_name in codes]
        if len(typed) == 1 and typed[0].shape is not None:
            return typed[0].shape
        if len(codes) == 1 and (code := codes.pop()) in self._definitions.structures and fields:
            return self._model.shape(code)
        return None

    # slices

    def _slicing(self, rule: Rule, shape: Shape | None, base: Element | None) -> SliceCheck | None:
        slicing = slicing_of(rule)
        plain = slicing.rules == "open" and not slicing.ordered
        made = []
        for one in rule.slices:
            inner = self._sliced(one, shape, base)
            check = self._element(one, inner, base, rule)
            within = self._slicing(one, inner, base) if one.slices else None
            high = one.maximum
            if high is not None and high > 0 and (high == rule.maximum or (base is not None and not base.many)):
                high = None
            if plain and check is None and within is None and not one.minimum and high is None:
                continue
            found = (
                matcher(each, one, rule, shape, self._definitions.structures, check_of)
                for each in sorted(slicing.discriminators, key=_cost)
            )
            matchers = tuple(each for each in found if each is not None)
            name, where = one.slice_name or one.id, f"{self._profile.url}#{one.id}"
            made.append(Slice(name, where, one.minimum, high, matchers, check, within))
        return slice_check(rule, slicing, made, self._name, self._profile.url) if made else None

    def _sliced(self, one: Rule, shape: Shape | None, base: Element | None) -> Shape | None:
        codes = {each.code for each in one.types}
        if shape is not None or len(codes) != 1:
            return shape
        code = codes.pop()
        return self._model.shape(code) if code in self._definitions.structures else None


def _nothing(node: Node, run: Run) -> None:
    """Where nothing is asked."""


def _cost(one: Discriminator) -> int:
    """What is told by a glance is looked at first."""
    return _KINDS.index(one.type) if one.type in _KINDS else len(_KINDS)


def _together(checks: list[Check]) -> Check | None:
    if len(checks) < 2:
        return checks[0] if checks else None
    several = tuple(checks)

    def check(node: Node, run: Run) -> None:
        run.step()
        for one in several:
            one(node, run)

    return check


def _presence(rule: Rule, written: tuple[str, ...], required: bool, prohibited: bool, name: str, where: str) -> Check:
    """Whether an element is there at all, which takes no node of it."""
    spelt, cardinality = frozenset(written), f"{rule.minimum}..{'*' if rule.maximum is None else rule.maximum}"

    def check(node: Node, run: Run) -> None:
        held = node.members
        is_there = held is not None and not spelt.isdisjoint(held)
        if required and not is_there:
            run.add(node, "error", "required", f"is required ({cardinality}) by {name}", where, rule.name)
        elif prohibited and is_there:
            run.add(node, "error", "structure", f"is not allowed by {name} ({cardinality})", where, rule.name)

    return check


def _walk(
    rule: Rule,
    fields: tuple[Field, ...],
    low: int,
    high: int | None,
    content: Check | None,
    slices: SliceCheck | None,
    name: str,
    where: str,
) -> Check:
    """Counts the elements of a name and goes into each."""
    called, only = rule.name, ""
    if fields and fields[0].name != rule.name:
        called, only = fields[0].name, rule.name
    cardinality = f"{rule.minimum}..{'*' if rule.maximum is None else rule.maximum}"

    def check(node: Node, run: Run) -> None:
        found: list[Any] = []
        add_named(node, called, found)
        if only:
            found = [one for one in found if one.name == only]
        count = len(found)
        if count < low:
            text = "is required" if not count else f"has {count}, too few"
            run.add(node, "error", "required", f"{text} ({cardinality}) by {name}", where, called)
        elif high is not None and count > high:
            text = "is not allowed" if not high else f"has {count}, more than allowed"
            run.add(node, "error", "structure", f"{text} by {name} ({cardinality})", where, called)
        if content is not None:
            run.step(count)
            for one in found:
                content(one, run)
        if slices is not None:
            slices(node, found, run)

    return check
