"""StructureDefinitions with a snapshot, read into Profiles.

https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from ..elements import SYSTEM_TYPES
from .definition import Binding, Context, Discriminator, Invariant, Profile, Rule, Slicing, Type, Value
from .nesting import Part, nest, refused

Shared = TypeVar("Shared")
MAX_VALUE_SET: Final = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"


def read(tree: Mapping[str, Any]) -> Profile:
    """The Profile that a StructureDefinition (an exact tree with a snapshot) describes.

    Raises Unprocessable (422), with the element as expression, for what makes no sense: no snapshot, an element outside
    the root, two of one id, a value of a wrong type. A slice of an element that is not sliced is taken as it stands."""
    try:
        read = msgspec.convert(tree, _StructureDefinition)
        elements = tree["snapshot"]["element"]
    except msgspec.ValidationError as error:
        raise refused(f"The StructureDefinition cannot be used: {error}.", "snapshot") from None
    except (KeyError, TypeError):
        raise refused(f"The StructureDefinition {read.url} has no snapshot.", "snapshot") from None
    root = nest(elements, "snapshot")
    if root.name != read.type.rpartition("/")[2] and read.kind != "logical":
        raise refused(f"{read.url} is about {read.type}, its snapshot about {root.name}.", "snapshot", 0)
    return Profile(
        url=read.url,
        version=read.version,
        name=read.name,
        type=read.type,
        kind=read.kind,
        derivation=read.derivation,
        base=read.baseDefinition,
        contexts=tuple(Context(one.type, one.expression) for one in read.context),
        context_invariants=read.contextInvariant,
        root=_Reading(read.url).rule(root, root.name, root.name),
        size=len(elements),
    )


class _Reading:
    """Makes the rules of one StructureDefinition; what repeats from element to element is kept once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._kept: dict[Any, Any] = {}

    def rule(self, part: Part, path: str, place: str) -> Rule:
        read = element_definition(part.element or {}, "snapshot", part.index)
        name, choice = part.name.removesuffix("[x]"), part.name.endswith("[x]")
        children, slices = self._below(part, path, place)
        values = _values(part.element or {})
        return Rule(
            id=place,
            path=path,
            name=name,
            choice=choice,
            slice_name=part.slice_name,
            minimum=read.min,
            maximum=_maximum(read.max, part),
            types=tuple(self._once(_type(one, read)) for one in read.type),
            fixed=values.get("fixed"),
            pattern=values.get("pattern"),
            lowest=values.get("minValue"),
            highest=values.get("maxValue"),
            max_length=read.maxLength,
            binding=self._once(_binding(read.binding)),
            slicing=self._once(_slicing(read.slicing)),
            constraints=tuple(self._once(_invariant(one, self._url)) for one in read.constraint),
            is_modifier=read.isModifier,
            must_support=read.mustSupport,
            children=children,
            slices=slices,
        )

    def _below(self, part: Part, path: str, place: str) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
        children = [self.rule(one, f"{path}.{one.name}", f"{place}.{_label(one)}") for one in _children(part)]
        slices = [
            self.rule(one, path, f"{place.removesuffix(f':{part.slice_name}')}:{name}")
            for name, one in part.slices.items()
        ]
        return tuple(children), tuple(slices)

    def _once(self, value: Shared) -> Shared:
        return self._kept.setdefault(value, value)  # type: ignore[no-any-return]


def element_definition(element: Mapping[str, Any], where: str, index: int) -> _ElementDefinition:
    """What is read of an element; raises Unprocessable if it has a value of a wrong type or lacks what it must have."""
    try:
        return msgspec.convert(element, _ElementDefinition)
    except msgspec.ValidationError as error:
        raise refused(f"The element {str(element.get('id'))[:100]!r} cannot be used: {error}.", where, index) from None


def _children(part: Part) -> list[Part]:
    """The elements below a part, with slices by type at the choice that they slice.

    Older snapshots say `Observation.valueQuantity` besides or instead of `Observation.value[x]`."""
    found: dict[str, Part] = {}
    short = {typed: name for name, one in part.children.items() if name.endswith("[x]") for typed in _typed(name, one)}
    choices = {one.name: _choice_of(one) or short.get(one.name) for one in part.children.values()}
    uses = Counter(choices.values())
    for one in list(part.children.values()):
        choice, said = choices[one.name], one.name
        one.name = choice or said
        if choice is None or (uses[choice] == 1 and choice not in part.children):  # nothing else is left of the choice
            found[one.name] = one
            continue
        holder = found.setdefault(choice, part.children.get(choice) or Part(choice, None, one.level))
        one.slice_name = one.slice_name or said
        holder.slices[one.slice_name] = one
    return list(found.values())


def _choice_of(part: Part) -> str | None:
    """The choice that `valueQuantity` is a slice of, by its base path."""
    base = (part.element or {}).get("base")
    path = base.get("path") if isinstance(base, Mapping) else None
    name = path.rpartition(".")[2] if isinstance(path, str) else ""
    is_short = name.endswith("[x]") and part.name.startswith(name[:-3]) and not part.name.endswith("[x]")
    return name if is_short else None


def _typed(choice: str, part: Part) -> list[str]:
    """The short names of a choice: of value[x] valueQuantity, valueString…"""
    types = (part.element or {}).get("type")
    codes = [one.get("code") for one in types if isinstance(one, Mapping)] if isinstance(types, list) else []
    return [choice[:-3] + code[:1].upper() + code[1:] for code in codes if isinstance(code, str)]


def _label(part: Part) -> str:
    return f"{part.name}:{part.slice_name}" if part.slice_name else part.name


def _maximum(text: str, part: Part) -> int | None:
    if text == "*":
        return None
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise refused(f"The max {text[:20]!r} is neither a number nor *.", "snapshot", part.index)


def _type(one: _Type, read: _ElementDefinition) -> Type:
    code = fhir_type(one.code, [(x.url, x.valueUrl or x.valueUri) for x in one.extension])
    if read.base.path == "Resource.id":  # the definitions say string, the specification says id
        code = "id"
    return Type(code, _given(one.profile), _given(one.targetProfile), one.aggregation)


def fhir_type(code: str, extensions: list[tuple[str, str]]) -> str:
    """The FHIR type of an id, a url, the value of a primitive, whose code is one of FHIRPath's types.

    https://hl7.org/fhir/R4/extension-structuredefinition-fhir-type.html"""
    if not code.startswith(SYSTEM_TYPES):
        return code
    return next(
        (value for url, value in extensions if value and url.endswith("structuredefinition-fhir-type")), "string"
    )


def _given(values: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple(value for value in values if value)


def _binding(read: _Binding | None) -> Binding | None:
    if read is None:
        return None
    largest = [one.valueCanonical or one.valueUri for one in read.extension if one.url == MAX_VALUE_SET]
    return Binding(read.strength, read.valueSet, next(iter(largest), ""))


def _slicing(read: _Slicing | None) -> Slicing | None:
    if read is None:
        return None
    return Slicing(tuple(Discriminator(one.type, one.path) for one in read.discriminator), read.rules, read.ordered)


def _invariant(read: _Constraint, url: str) -> Invariant:
    return Invariant(read.key, read.severity, read.human, read.expression, read.source or url)


KINDS: Final = ("fixed", "pattern", "minValue", "maxValue")
PRIMITIVES: Final = frozenset((
    "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer", "markdown",
    "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid", "xhtml",
))  # fmt: skip


def _values(element: Mapping[str, Any]) -> dict[str, Value]:
    """Kind → value of fixed[x], pattern[x], minValue[x], maxValue[x]."""
    found = {}
    for key, value in element.items():
        for kind in KINDS:
            suffix = key[len(kind) :]
            if key.startswith(kind) and suffix[:1].isupper():
                primitive = suffix[0].lower() + suffix[1:]
                found[kind] = Value(primitive if primitive in PRIMITIVES else suffix, value)
    return found


# What is read of a StructureDefinition; everything else in it is passed over.


class _Discriminator(msgspec.Struct):
    type: str
    path: str


class _Slicing(msgspec.Struct):
    discriminator: tuple[_Discriminator, ...] = ()
    rules: str = "open"
    ordered: bool = False


class _Extension(msgspec.Struct):
    url: str
    valueUrl: str = ""
    valueUri: str = ""
    valueCanonical: str = ""


class _Type(msgspec.Struct):
    code: str
    profile: tuple[str | None, ...] = ()
    targetProfile: tuple[str | None, ...] = ()
    aggregation: tuple[str, ...] = ()
    extension: tuple[_Extension, ...] = ()


class _Inherited(msgspec.Struct):
    path: str = ""


class _Binding(msgspec.Struct):
    strength: str
    valueSet: str = ""
    extension: tuple[_Extension, ...] = ()


class _Constraint(msgspec.Struct):
    key: str
    severity: str = "error"
    human: str = ""
    expression: str = ""
    source: str = ""


class _ElementDefinition(msgspec.Struct):
    min: int = 0
    max: str = "*"
    base: _Inherited = msgspec.field(default_factory=_Inherited)
    type: tuple[_Type, ...] = ()
    contentReference: str = ""  # which snapshots are generated by
    maxLength: int | None = None
    binding: _Binding | None = None
    slicing: _Slicing | None = None
    constraint: tuple[_Constraint, ...] = ()
    isModifier: bool = False
    mustSupport: bool = False


class _Context(msgspec.Struct):
    type: str
    expression: str


class _StructureDefinition(msgspec.Struct):
    url: str
    type: str
    kind: str
    version: str = ""
    name: str = ""
    derivation: str = "specialization"
    baseDefinition: str = ""
    context: tuple[_Context, ...] = ()
    contextInvariant: tuple[str, ...] = ()
