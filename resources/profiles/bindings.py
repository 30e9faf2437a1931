"""Bindings: whether coded values are among those that a profile, or R4 itself, wants at an element.

A value set that is not known here, or whose codes are not, leaves a warning; nothing is passed over in silence.
https://hl7.org/fhir/R4/terminologies.html#strength
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ..definitions import Definitions
from ..elements import CANONICAL, Element
from ..fhirpath import Field, Node, Shape
from ..fhirpath.nodes import Model, model
from ..validation.primitives import quoted
from ..validation.suggestions import of_code, of_codings
from .definition import Rule
from .run import Run
from .world import Coding

Check = Callable[[Node, Run], None]

VERSION: Final = "4.0.1"
MOST_NAMED: Final = 5  # codings of the sender's that are named
_EXTENDED: Final = {"id", "extension"}  # what has nothing else says why there is no code, or nothing


class Fault(NamedTuple):
    """What is wrong with a coded value."""

    severity: str
    code: str
    text: str  # goes on where the path of the value ends


def binding_check(definitions: Definitions, rule: Rule, url: str) -> Check | None:
    """The check of a coded element by the binding of a profile; None if there is nothing to check.

    That is so of a binding that is preferred or an example, and of one that R4 itself has: those are judged with the
    base. url: of the profile. https://hl7.org/fhir/R4/elementdefinition.html#ElementDefinition.binding
    """
    binding = rule.binding
    if binding is None:
        return None
    own = _own_element(definitions, rule.path)
    asked = []
    if binding.max_value_set and (own is None or own.limit != binding.max_value_set):
        asked.append(("required" if binding.strength == "extensible" else "limited", binding.max_value_set))
    if binding.strength in ("required", "extensible") and binding.value_set:
        url_alone, _, version = binding.value_set.partition("|")
        judged = own and (own.binding if binding.strength == "required" else own.extensible)
        if url_alone != judged or version not in ("", VERSION):
            asked.append((binding.strength, binding.value_set))
    where = f"{url}#{rule.id}"

    def check(node: Node, run: Run) -> None:
        for strength, value_set in asked:
            if fault := _fault(run, node.value, node.shape, strength, value_set):
                run.add(node, *fault, rule=where)
                return

    return check if asked else None


def check_base_bindings(node: Node, run: Run) -> None:
    """Adds the issues of R4's own bindings that are not required, for a resource and all that is in it: of the
    extensible ones, and of the value sets that no code may be outside of."""
    plans = _plans(model(run.definitions))
    _walk(node, node.value, node.shape, plans, run)


def _walk(node: Node, held: Mapping[str, Any], shape: Shape, plans: _Plans, run: Run) -> None:
    """held: the object with the members of the node."""
    plan = plans.of(shape)
    for name, value in held.items():
        step = plan.get(name)
        if step is None:
            continue
        field = step.field
        many = type(value) is list
        run.step(len(value) if many else 1)
        for index, one in enumerate(value if many else (value,)):
            own = field.shape or plans.model.resource(one)
            if one is None or own is None:
                continue
            beside = name == field.beside
            below = Node(
                None if beside else one, one if beside else None, own, None, field, index if many else None, node
            )
            for strength, value_set in step.asked if not beside else ():
                if fault := _fault(run, one, own, strength, value_set):
                    run.add(below, *fault, rule=f"{CANONICAL}{step.path.partition('.')[0]}#{step.path}")
                    break
            if type(one) is dict:
                _walk(below, one, own, plans, run)


class _Step(NamedTuple):
    """A member that has a binding, or may have one below."""

    field: Field
    asked: tuple[tuple[str, str], ...]  # strength, value set
    path: str  # of the element that is bound


class _Plans:
    """The steps of each shape by the name in JSON, made on first use."""

    def __init__(self, known: Model) -> None:
        self.model = known
        self._made: dict[int, tuple[Shape, Mapping[str, _Step]]] = {}  # the shape keeps its id

    def of(self, shape: Shape) -> Mapping[str, _Step]:
        made = self._made.get(id(shape))
        if made is None:
            made = self._made[id(shape)] = shape, dict(self._steps(shape))
        return made[1]

    def _steps(self, shape: Shape) -> list[tuple[str, _Step]]:
        structures = self.model.structures
        structure = structures.get(shape.path.partition(".")[0])
        elements = {one.name: one for one in structure.children.get(shape.path, ())} if structure else {}
        found = []
        for name, field in shape.fields.items():
            asked, path = _asked(elements.get(field.name))
            if not asked and field.type_name in structures:  # Age has one of its own
                asked, path = _asked(structures[field.type_name].elements.get(field.type_name))
            if asked or field.shape is None or field.shape.is_complex or name == field.beside:
                found.append((name, _Step(field, asked, path)))
        return found


def _asked(element: Element | None) -> tuple[tuple[tuple[str, str], ...], str]:
    """Strengths and value sets by which an element of R4 is judged here, and its path."""
    if element is None:
        return (), ""
    both = (("limited", element.limit), ("extensible", element.extensible))
    return tuple((strength, value_set) for strength, value_set in both if value_set), element.path


@lru_cache(maxsize=4)
def _plans(known: Model) -> _Plans:
    return _Plans(known)


def _own_element(definitions: Definitions, path: str) -> Element | None:
    """R4's own element at the path of a profile's element, also where that goes into data types; None if it is not
    plain which one it is."""
    at, *names = path.split(".")
    found = None
    for name in names:
        structure = definitions.structures.get(at.partition(".")[0])
        found = structure.elements.get(f"{at}.{name}") if structure else None
        if structure is None or found is None:
            return None
        at = found.content or found.path
        if at not in structure.children:
            at = found.types[0].code if len(found.types) == 1 else ""
    return found


def _fault(run: Run, value: Any, shape: Shape, strength: str, value_set: str) -> Fault | None:
    """What is wrong with a value where a value set is bound; None if nothing is, or if the type has no codes.

    strength: required, extensible, or limited: no code may be outside of it, but there need be none.
    https://hl7.org/fhir/R4/extension-elementdefinition-maxvalueset.html"""
    codings = _codings(value, shape)
    if codings is None:
        return None
    run.step(len(codings))
    unknown = None
    for coding in codings:
        # A Coding without a system is of no code system; a code, string or uri may be of any.
        membership = run.world.member_of(value_set, coding if type(value) is str else {"system": "", **coding})
        if membership.verdict == "yes":
            return None
        if membership.verdict == "unknown":
            unknown = unknown or membership.why or "its codes are not known here"
    if unknown:
        text = f"was not checked against the value set {value_set}: {unknown}"
        return Fault("warning", "not-found", text)
    if strength == "limited" and not codings:
        return None
    if strength in ("required", "limited"):
        text = _outside(codings, value, value_set) + _choices(run, codings, value, value_set)
        return Fault("error", "code-invalid", text)
    if not codings:
        text = f"has no code, and should have one of the value set {value_set} unless none of its codes fits"
        return Fault("information", "informational", text)
    text = f"{_outside(codings, value, value_set)}; one of that should be given unless none of its codes fits"
    return Fault("warning", "code-invalid", text)


def _codings(value: Any, shape: Shape) -> list[Coding] | None:
    """The codes of a value; None if it says nothing, or has only extensions in their place, or no codes by its type."""
    if not shape.is_complex:
        return [{"code": value}] if type(value) is str else None
    if value.keys() <= _EXTENDED:
        return None
    if "CodeableConcept" in shape.lineage:
        stated = value.get("coding", [])
    elif "Coding" in shape.lineage:
        stated = [value]
    elif "Quantity" in shape.lineage:
        stated = [{name: value[name] for name in ("system", "code", "_code") if name in value}]
    else:
        return None
    codings = [one for one in stated if "code" in one]
    return None if not codings and any("_code" in one for one in stated) else codings


def _outside(codings: Sequence[Coding], value: Any, value_set: str) -> str:
    if type(value) is str:
        return f"is {quoted(value)}, which is not in the value set {value_set}"
    if not codings:
        return f"has no code, but needs one of the value set {value_set}"
    named = ", ".join(_shown(coding) for coding in codings[:MOST_NAMED])
    more = f" and {len(codings) - MOST_NAMED} more" if len(codings) > MOST_NAMED else ""
    if len(codings) > 1:
        return f"has the codes {named}{more}, none of which is in the value set {value_set}"
    return f"has the code {named}, which is not in the value set {value_set}"


def _shown(coding: Coding) -> str:
    system = coding.get("system")
    return quoted(f"{system}|{coding['code']}") if system else f"{quoted(coding['code'])} without a system"


def _choices(run: Run, codings: Sequence[Coding], value: Any, value_set: str) -> str:
    """What the sender may have meant, and what there is to choose from if that is not much."""
    systems: dict[str, list[str]] = {}
    for system, code in run.world.listed(value_set) or ():
        systems.setdefault(system, []).append(code)
    if not systems:
        return ""
    if type(value) is str:
        return of_code(value, {code for codes in systems.values() for code in codes})
    return of_codings(codings[:MOST_NAMED], systems)
