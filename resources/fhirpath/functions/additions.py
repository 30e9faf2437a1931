"""What FHIR adds to FHIRPath. https://hl7.org/fhir/R4/fhirpath.html#functions"""

from __future__ import annotations

from typing import Any

from ...elements import CANONICAL
from ...validation.narrative import fault
from ..evaluation import EMPTY, Code, Collection, Evaluation, giving_items, plain, single, text
from ..faults import Unevaluable
from ..nodes import Node, add_named
from .calls import Arguments, Function, comparing, judging, on_collection
from .references import resolved


def _extension(call: Arguments) -> Code:
    source, url = call.of.items, call.codes[0].items

    def extension(env: Evaluation, this: Collection) -> Collection:
        wanted, found = text(url(env, this), "extension()"), []
        for item in source(env, this):
            if type(item) is Node:
                below: Collection = []
                add_named(item, "extension", below)
                found += [one for one in below if one.members is not None and one.members.get("url") == wanted]
        return found if wanted is not None else EMPTY

    return giving_items(extension, "extension()")


def _has_value(env: Evaluation, found: Collection) -> bool:
    if len(found) != 1:
        return False
    item = found[0]
    return type(item) is not Node or (item.value is not None and not item.shape.is_complex)


def _get_value(env: Evaluation, found: Collection) -> Collection:
    value = plain(found[0]) if _has_value(env, found) else None
    return EMPTY if value is None else [value]


def _html_checks(env: Evaluation, found: Collection) -> bool | None:
    if not found:
        return None
    value = single(found, "htmlChecks()")
    if type(value) is not str:
        return False
    env.spend(len(value) >> 3)
    return fault(value) is None


def _tree(found: Collection, what: str) -> Any:
    """A code, Coding or CodeableConcept as JSON has it."""
    if len(found) > 1:
        single(found, what)
    return found[0].value if type(found[0]) is Node else found[0]


def _member_of(env: Evaluation, found: Collection, value_set: Collection) -> bool | None:
    url = text(value_set, "memberOf()")
    if not found or url is None or env.outside.member_of is None:
        return None
    return env.outside.member_of(_tree(found, "memberOf()"), url)


def _subsumes(env: Evaluation, found: Collection, other: Collection) -> bool | None:
    if not found or not other or env.outside.subsumes is None:
        return None
    return env.outside.subsumes(_tree(found, "subsumes()"), _tree(other, "subsumes()"))


def _conforms_to(env: Evaluation, found: Collection, profile: Collection) -> bool | None:
    """Of a type of R4 itself whether it is of that type; of other profiles whoever knows them is asked."""
    url = text(profile, "conformsTo()")
    if not found or url is None:
        return None
    if len(found) > 1:
        single(found, "conformsTo()")
    name = url.partition("|")[0].removeprefix(CANONICAL)
    if name in env.model.structures:
        return type(found[0]) is Node and name in found[0].shape.lineage
    answer = env.outside.conforms_to(_tree(found, "conformsTo()"), url) if env.outside.conforms_to else None
    if answer is None:
        raise Unevaluable(f"conformsTo() does not know the profile {url[:200]!r}.")
    return answer


FUNCTIONS = {
    "extension": Function(_extension, 1, 1),
    "hasValue": judging(_has_value),
    "getValue": on_collection(_get_value),
    "resolve": on_collection(resolved),
    "htmlChecks": judging(_html_checks),
    "memberOf": comparing(_member_of),
    "subsumes": comparing(_subsumes),
    "subsumedBy": comparing(lambda env, found, other: _subsumes(env, other, found)),
    "conformsTo": comparing(_conforms_to),
}
