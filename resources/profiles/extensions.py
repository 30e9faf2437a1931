"""Extensions: whether what is known of an extension's definition allows it where it stands, as it is.

https://hl7.org/fhir/R4/extensibility.html, https://hl7.org/fhir/R4/defining-extensions.html#context
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from ..elements import CANONICAL
from ..fhirpath import Node, compile
from ..outcome import BadRequest
from ..validation.primitives import quoted
from .definition import Context, Profile
from .run import Run

Check = Callable[[Node, Run], None]

MOST_SHOWN: Final = 8  # contexts that are named in a message
COST: Final = 50  # steps that an expression of a definition is counted as
# Where R4's own resources have these, though their definitions forget it (every StructureDefinition has the first), and
# where published guides have the last one (US Core and IPS).
_ALSO: Final = {
    CANONICAL + name: tuple(Context("element", expression) for expression in expressions)
    for name, *expressions in (
        ("structuredefinition-fhir-type", "ElementDefinition.type"),
        ("regex", "ElementDefinition.type"),
        ("structuredefinition-normative-version", "CodeSystem", "ElementDefinition", "OperationDefinition", "ValueSet"),
        ("translation", "ValueSet.expansion.contains"),
        ("valueset-concept-comments", "CodeSystem.concept"),
        (
            "capabilitystatement-expectation",
            "Extension",
            *(
                f"CapabilityStatement.{name}"
                for name in ("format", "implementationGuide", "instantiates", "patchFormat")
            ),
            "CapabilityStatement.rest.resource",
            *(
                f"CapabilityStatement.rest.resource.{name}"
                for name in ("operation", "referencePolicy", "supportedProfile")
            ),
            *(f"SearchParameter.{name}" for name in ("chain", "comparator", "modifier", "multipleAnd", "multipleOr")),
        ),
    )
}
_slice_names = re.compile(r":[^.]*")
_is_absolute = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:").match


def check_extension(node: Node, run: Run, check_of: Callable[[Any, Profile], Check]) -> None:
    """Checks one extension by its definition, if that is known: its content, its place, what is asked of that place.

    Of an extension that is not known nothing is said, for anybody may add one; a modifierExtension that is not known
    leaves a warning, since what it modifies cannot be relied on. One with a relative url is part of the extension that
    it stands in, and judged by the definition of that. https://hl7.org/fhir/R4/extensibility.html#modifierExtension
    """
    url, container = node.value.get("url"), node.parent
    if type(url) is not str or container is None or node.field is None:
        return
    run.step()
    if not _is_absolute(url):
        if container.type_name != "Extension":
            text = f"has the url {quoted(url)}; only an extension within an extension may have a relative one"
            run.add(node, "warning", "extension", text, below="url")
        return
    profile = run.world.profile(url)
    modifies = node.field.name == "modifierExtension"
    if profile is None:
        if modifies:
            text = f"is not known here ({quoted(url)}), and may change the meaning of what it stands in"
            run.add(node, "warning", "extension", text)
        return
    if profile.type != "Extension":
        text = f"has the url {quoted(url)}, which defines no extension but a {profile.type[:64]}"
        return run.add(node, "error", "extension", text)
    where = f"{profile.url}#{profile.root.id}"
    if modifies != profile.root.is_modifier:
        name = "modifierExtension" if profile.root.is_modifier else "extension"
        run.add(node, "error", "extension", f"({quoted(url)}) has to stand in {name} by its definition", where)
    _place(node, container, profile, run, check_of, where)
    _invariants(node, container, profile, run)
    run.judge(profile, check_of(run.definitions, profile), node)


def _place(
    node: Node, container: Node, profile: Profile, run: Run, check_of: Callable[[Any, Profile], Check], where: str
) -> None:
    contexts = profile.contexts + _ALSO.get(profile.url, ())
    run.step(len(contexts))
    answers = [_allows(context, container, run, check_of) for context in contexts]
    if not profile.contexts or True in answers:
        return
    shown = ", ".join(context.expression[:100] for context in profile.contexts[:MOST_SHOWN])
    shown += ", …" if len(profile.contexts) > MOST_SHOWN else ""
    if None in answers:
        text = f"({quoted(profile.url)}) may not stand everywhere, and whether it may here is not known: {shown}"
        return run.add(node, "warning", "not-found", text, where)
    text = f"({quoted(profile.url)}) may not stand in {_definition_path(container)}; its place is {shown}"
    run.add(node, "error", "extension", text, where)


def _definition_path(container: Node) -> str:
    return container.shape.path if container.shape.is_complex else f"{container.path} ({container.type_name})"


def _allows(context: Context, container: Node, run: Run, check_of: Callable[[Any, Profile], Check]) -> bool | None:
    """Whether an extension with this context may stand in the container; None if that cannot be told.

    https://hl7.org/fhir/R4/codesystem-extension-context-type.html
    """
    match context.type:
        case "fhirpath":
            return _selected(context.expression, container, run)
        case "extension":
            return context.expression.partition("|")[0] in _urls(container)
    if context.expression in ("Element", "*"):  # R4's own definitions use Element for resources, too
        return True
    return _is_element(context.expression, container, run, check_of)


def _is_element(expression: str, container: Node, run: Run, check_of: Callable[[Any, Profile], Check]) -> bool | None:
    """Of "Patient.contact", "HumanName", and "http://…/StructureDefinition/own-patient#Patient.contact", where what the
    path begins at conforms to the profile. Slice names in an id are not regarded."""
    url, _, element = expression.rpartition("#") if "#" in expression else ("", "", expression)
    if not url and "://" in element:  # a type by its URL, or a profile as a whole
        url, element = element, ""
    name = url.partition("|")[0].removeprefix(CANONICAL)
    profile = None
    if url and name not in run.definitions.structures:
        profile = run.world.profile(url)
        if profile is None:
            return None
        name = profile.type
    wanted = _slice_names.sub("", element or name).replace("[x]", "")
    for start, path in _starts(container):
        if wanted == path and (profile is None or run.conforms(profile, check_of(run.definitions, profile), start)):
            return True
    kind = run.definitions.structures.get(wanted.partition(".")[0])
    return None if kind is None or kind.kind == "logical" else False  # CanonicalResource, MetadataResource: of which?


def _starts(container: Node) -> Iterator[tuple[Node, str]]:
    """All the paths by which definitions may name an element, and the node each begins at.

    Of Patient.contact.name.family: "string", "Element", "HumanName.family", "Patient.contact.name.family", …; an item
    of an item is "Questionnaire.item" as well as "Questionnaire.item.item", a choice "Observation.value" as well as
    "Observation.valueQuantity"."""
    plain = spelled = ""
    at = container
    while True:
        for owner in {at.shape.path, *at.shape.lineage}:
            yield at, owner + plain
            if spelled != plain:
                yield at, owner + spelled
        if at.shape.is_resource or at.parent is None or at.field is None:
            return
        plain, spelled = f".{at.field.name}{plain}", f".{at.field.json}{spelled}"
        at = at.parent


def _urls(container: Node) -> tuple[str, ...]:
    """The names of the extension that a container is; of a part of one "http://…#part", too."""
    if container.type_name != "Extension":
        return ()
    url = container.value.get("url", "")
    whole = container
    while not _is_absolute(whole.value.get("url", "")) and whole.parent and whole.parent.type_name == "Extension":
        whole = whole.parent
    return (url,) if whole is container else (f"{whole.value.get('url')}#{url}",)


def _selected(expression: str, container: Node, run: Run) -> bool | None:
    """Whether a FHIRPath expression selects the container from its resource."""
    for resource in {id(one.value): one for one in (container.resource(), container.root_resource())}.values():
        key = ("context", expression, id(resource.value))
        if key not in run.memory:
            run.step(COST)
            try:
                found = compile(expression).nodes(run.definitions, resource, outside=run.outside, spend=run.step)
            except BadRequest:
                return None
            run.memory[key] = resource, {_place_of(one) for one in found}  # resource: keeps its id
        if _place_of(container) in run.memory[key][1]:
            return True
    return False


def _place_of(node: Node) -> tuple[int, str | None, int | None]:
    return (id(node.value), None, None) if node.owner is None else (id(node.owner), node.name, node.index)


def _invariants(node: Node, container: Node, profile: Profile, run: Run) -> None:
    """https://hl7.org/fhir/R4/structuredefinition-definitions.html#StructureDefinition.contextInvariant"""
    where = f"{profile.url}#{profile.root.id}"
    for expression in profile.context_invariants:
        run.step(COST)
        given: dict[str, Any] = {"extension": node}
        try:
            holds = compile(expression).truth(
                run.definitions, container, variables=given, outside=run.outside, spend=run.step
            )
        except BadRequest as fault:
            text = f"was not checked by {quoted(expression)}: {fault.issues[0].diagnostics.removesuffix('.')}"
            run.add(node, "warning", "not-supported", text, where)
            continue
        if holds is False:
            text = f"({quoted(profile.url)}) may stand only where {quoted(expression)} holds"
            run.add(node, "error", "extension", text, where)
