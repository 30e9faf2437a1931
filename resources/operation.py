"""Operations as their OperationDefinitions describe them: what is sent, read and judged; what is answered, put together.

https://hl7.org/fhir/R4/operationdefinition.html, https://hl7.org/fhir/R4/operations.html#executing
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct, convert

from . import exact
from .definitions import Definitions
from .outcome import FhirError, Invalid, Issue, Malformed
from .validation.primitives import NUMBERS, SHAPES, kind_of, primitive, quoted
from .validation.validator import Validator

MOST: Final = 10_000  # parameters of one request
_ANY: Final = frozenset({"Any", "Element", "Resource"})  # what an OperationDefinition says for: no matter which
_TEXTS: Final = frozenset({"string", "uri", "url", "canonical", "markdown", "xhtml"})  # in which a comma is a character
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)


class Parameter(Struct, frozen=True):
    """One parameter of an operation. https://hl7.org/fhir/R4/operationdefinition-definitions.html"""

    name: str
    use: str  # in | out
    min: int
    max: str  # "1" or "*"
    type: str = ""  # "" where it has parts; "Any", "Element" and "Resource" leave it open
    searchType: str = ""  # of a string: the search parameter type by whose rules it is read
    part: tuple[Parameter, ...] = ()
    documentation: str = ""

    @property
    def repeats(self) -> bool:
        return self.max != "1"


class OperationDefinition(Struct, frozen=True):
    """What an operation takes and gives, and where it is."""

    url: str
    code: str
    system: bool
    type: bool
    instance: bool
    resource: tuple[str, ...] = ()  # the types it is on; "Resource" for all
    parameter: tuple[Parameter, ...] = ()
    affectsState: bool = False
    description: str = ""

    @property
    def sent(self) -> tuple[Parameter, ...]:
        return tuple(one for one in self.parameter if one.use == "in")

    @property
    def answered(self) -> tuple[Parameter, ...]:
        return tuple(one for one in self.parameter if one.use == "out")


def defined(tree: Mapping[str, Any]) -> OperationDefinition:
    """A valid OperationDefinition resource as a value."""
    return convert(tree, OperationDefinition)


class Value(Struct, frozen=True):
    """One parameter as it was sent, or is to be answered."""

    name: str
    value: Any = None  # str, bool, int or Decimal of a primitive type, else a tree
    type: str = ""  # "code", "Coding", "Patient"; needed in answers only where the definition leaves it open
    part: Parameters | None = None  # instead of a value
    place: str = ""  # of a resource inside Parameters that were sent: "Parameters.parameter[2].resource"


class Parameters(Struct, frozen=True):
    """The parameters of a request; those that were not sent are not there."""

    values: tuple[Value, ...] = ()

    def all(self, name: str) -> list[Any]:
        """The values of a parameter in their order; of one with parts the Parameters of each."""
        return [one.value if one.part is None else one.part for one in self.values if one.name == name]

    def one(self, name: str, default: Any = None) -> Any:
        """The value of a parameter that is there at most once."""
        return next(iter(self.all(name)), default)

    def has(self, name: str) -> bool:
        return any(one.name == name for one in self.values)


class Reader:
    """Reads what was sent to one operation. Parameters of the query and of the body count together.

    Unknown ones are an error that names those there are, or, where `open`, are kept in `left`. unjudged: a parameter of
    type Resource may be any object at all, which the operation judges."""

    def __init__(
        self,
        operation: OperationDefinition,
        definitions: Definitions,
        validator: Validator,
        *,
        open: bool = False,
        unjudged: bool = False,
    ) -> None:
        self._sent = {one.name: one for one in operation.sent}
        self._operation = operation
        self._definitions = definitions
        self._validator = validator
        self._open = open
        self._unjudged = unjudged
        self._found: list[Value] = []
        self._issues: list[Issue] = []
        self.left: list[tuple[str, str]] = []  # of an open operation: names and values that it has to judge itself

    def pairs(self, given: Iterable[tuple[str, str]]) -> None:
        """Names and values of a query or a form. https://hl7.org/fhir/R4/operations.html#request"""
        for name, text in given:
            parameter = self._sent.get(name)
            if parameter is None:
                self._unknown(name, text, "")
            elif not self._is_primitive(parameter):
                self._wrong("not-supported", f"{name} is sent in a Parameters resource by POST: it is no plain value.")
            elif parameter.searchType or not parameter.repeats or parameter.type in _TEXTS:
                self._plain(parameter, text)
            else:
                for part in text.split(","):
                    self._plain(parameter, part)

    def resource(self, tree: dict[str, Any], *, itself: bool = False) -> None:
        """A Parameters resource, or the resource of the only parameter that is one. Raises Invalid (400).

        itself: it is that resource, though it is a Parameters resource."""
        stated = tree.get("resourceType")
        if itself or stated != "Parameters":
            self._bare(tree, stated)
            return
        entries = tree.get("parameter")
        if isinstance(entries, list) and len(entries) > MOST:
            raise Invalid(f"There are {len(entries)} parameters; {MOST} are the most.", code="too-long")
        self._validator.check("Parameters", _without_resources(tree))
        self._found += self._entries(tree.get("parameter", ()), self._sent, "Parameters.parameter", self._open)

    def result(self) -> Parameters:
        """What was sent, once all of it was read. Raises Invalid (400) with every issue."""
        self._count(self._found, self._sent.values(), "", self._operation.code)
        if self._issues:
            raise Invalid(issues=self._issues[:100])
        return Parameters(tuple(self._found))

    def _is_primitive(self, parameter: Parameter) -> bool:
        structure = self._definitions.structures.get(parameter.type)
        return structure is not None and structure.kind == "primitive-type"

    def _plain(self, parameter: Parameter, text: str) -> None:
        """One value as it stands in a query: it says nothing of its type."""
        value: Any = text
        kinds = NUMBERS.get(parameter.type, ())
        if bool in kinds:
            value = {"true": True, "false": False}.get(text, text)
        elif kinds and (_DECIMAL if Decimal in kinds else _WHOLE).fullmatch(text):
            with contextlib.suppress(Malformed):  # of too many digits
                value = exact.decode(b'{"_":%b}' % text.encode())["_"]
        elif parameter.type in ("instant", "dateTime"):
            value = text.replace(" ", "+")  # a plus in a URL is a space once it is decoded
        if self._is_of(parameter, value, ""):
            self._found.append(Value(parameter.name, value, parameter.type))

    def _bare(self, tree: dict[str, Any], stated: Any) -> None:
        wanted = [one for one in self._sent.values() if self._is_resource(one.type)]
        unjudged = self._unjudged and [one.type for one in wanted] == ["Resource"]
        if not unjudged and (len(wanted) != 1 or not isinstance(stated, str)):
            said = quoted(stated) if isinstance(stated, str) else "missing" if stated is None else kind_of(stated)
            names = f" or the {wanted[0].type} of {wanted[0].name}" if len(wanted) == 1 else ""
            text = f"${self._operation.code} takes a Parameters resource{names}; resourceType is {said}."
            raise Invalid(text, code="structure", expression=["Parameters"])
        self._found += self._resource_value(wanted[0], tree, stated)

    def _is_resource(self, name: str) -> bool:
        return name == "Resource" or self._definitions.is_resource_type(name)

    def _entries(
        self, entries: Sequence[dict[str, Any]], known: Mapping[str, Parameter], path: str, open: bool = False
    ) -> Iterator[Value]:
        for n, entry in enumerate(entries):
            name, here = entry.get("name", ""), f"{path}[{n}]"
            parameter = known.get(name)
            if parameter is not None:
                yield from self._entry(parameter, entry, here)
                continue
            values = [value for key, value in entry.items() if key.startswith("value")]
            if open and len(values) == 1 and isinstance(values[0], str | bool | int | Decimal):
                text = values[0] if isinstance(values[0], str) else exact.encode(values[0]).decode()
                self._unknown(name, text, here)
            else:
                self._wrong("not-supported", self._no_such(name, known), here)

    def _entry(self, parameter: Parameter, entry: dict[str, Any], path: str) -> Iterator[Value]:
        """One entry of a Parameters resource, valid by the base rules."""
        name = parameter.name
        if parameter.part:
            parts = {one.name: one for one in parameter.part}
            found = tuple(self._entries(entry.get("part", ()), parts, f"{path}.part"))
            self._count(found, parameter.part, path, name)
            if not entry.get("part"):
                self._wrong("structure", f"{name} consists of parts: {', '.join(parts)}.", path)
            yield Value(name, part=Parameters(found))
            return
        if "resource" in entry and (self._is_resource(parameter.type) or parameter.type == "Any"):
            resource = entry["resource"]
            stated = resource.get("resourceType") if isinstance(resource, dict) else None
            yield from self._resource_value(parameter, resource, stated, f"{path}.resource")
            return
        key = next((key for key in entry if key.startswith("value")), "")
        if not key:
            self._wrong("structure", f"{name} is {_a(parameter.type)}, which is missing.", path)
            return
        sent = key.removeprefix("value")
        if sent not in self._definitions.structures:
            sent = sent[0].lower() + sent[1:]  # a primitive
        if parameter.type in _ANY - {"Resource"}:
            yield Value(name, entry[key], sent)
        elif self._is_primitive(parameter):
            # A primitive that was sent as another one, say a uri as a string, is judged by the type that it should have.
            if isinstance(entry[key], dict):
                self._wrong("structure", f"{name} is {_a(parameter.type)}, not {_a(sent)}.", f"{path}.value")
            elif self._is_of(parameter, entry[key], f"{path}.value"):
                yield Value(name, entry[key], parameter.type)
        elif sent != parameter.type:
            self._wrong("structure", f"{name} is {_a(parameter.type)}, not {_a(sent)}.", f"{path}.value")
        else:
            yield Value(name, entry[key], sent)

    def _resource_value(self, parameter: Parameter, resource: Any, stated: Any, path: str = "") -> Iterator[Value]:
        """A resource as a value: valid, but where any will do, which the operation itself has to judge."""
        if self._unjudged and parameter.type == "Resource" and isinstance(resource, dict):
            yield Value(parameter.name, resource, stated if isinstance(stated, str) else "", place=path)
        elif not isinstance(stated, str) or not self._definitions.is_resource_type(stated):
            self._wrong("structure", f"{parameter.name} is a resource; it needs the resourceType of one.", path)
        elif parameter.type not in _ANY and stated != parameter.type:
            self._wrong("structure", f"{parameter.name} is {_a(parameter.type)}, not {_a(stated)}.", path or stated)
        else:
            try:
                if parameter.type not in _ANY:
                    self._validator.check(stated, resource)
            except FhirError as error:
                self._issues += (error.within(path) if path else error).issues
                return
            yield Value(parameter.name, resource, stated)

    def _is_of(self, parameter: Parameter, value: Any, path: str) -> bool:
        """Whether a value is one of the parameter's primitive type; if not, it is an issue."""
        kind = parameter.type
        fault = primitive(kind, self._definitions.structures[kind].pattern)(value)
        if fault:
            code, text = fault
            if isinstance(value, str) and not path:  # everything in a query is text
                code, text = "value", f"is {quoted(value)}, which is not {SHAPES.get(kind, _a(kind))}"
            self._wrong(code, f"{parameter.name} {text}.", path)
            return False
        return True

    def _count(self, found: Iterable[Value], known: Iterable[Parameter], path: str, whose: str) -> None:
        """Every parameter as often as it may be there."""
        numbers: dict[str, int] = {}
        for value in found:
            numbers[value.name] = numbers.get(value.name, 0) + 1
        refused = {issue.diagnostics.partition(" ")[0] for issue in self._issues}
        for one in known:
            number = numbers.get(one.name, 0)
            if number < one.min and one.name not in refused:
                self._wrong("required", f"{one.name} is required ({one.min}..{one.max}) for {whose}.", path)
            if one.max != "*" and number > int(one.max):
                self._wrong("structure", f"{one.name} is there {number} times; {one.max} is the most.", path)

    def _unknown(self, name: str, text: str, path: str) -> None:
        if self._open:
            self.left.append((name, text))
        else:
            self._wrong("not-supported", self._no_such(name, self._sent), path)

    def _no_such(self, name: str, known: Mapping[str, Parameter]) -> str:
        there = f"there are {', '.join(known)}" if known else "it has none"
        return f"{name[:100]!r} is not a parameter of ${self._operation.code}; {there}."

    def _wrong(self, code: str, text: str, path: str = "") -> None:
        self._issues.append(Issue("error", code, text, (path,) if path else ()))


def answer(operation: OperationDefinition, definitions: Definitions, values: Iterable[Value]) -> str:
    """The JSON text of an answer: a Parameters resource, or the resource itself where it is the only thing returned.

    A value may be the JSON text of a resource or complex type, as bytes. Raises ValueError for what is not defined.
    https://hl7.org/fhir/R4/operations.html#response"""
    given = tuple(values)
    out = operation.answered
    if [one.name for one in out] == ["return"] and (
        definitions.is_resource_type(out[0].type) or out[0].type == "Resource"
    ):
        [only] = given
        return only.value.decode() if isinstance(only.value, bytes) else exact.encode(only.value).decode()
    entries = _answered(out, definitions, given)
    joined = ",".join(entries)
    return '{"resourceType":"Parameters"' + (f',"parameter":[{joined}]' if joined else "") + "}"


def _answered(known: Sequence[Parameter], definitions: Definitions, values: Sequence[Value]) -> Iterator[str]:
    parameters = {one.name: one for one in known}
    for one in known:
        number = sum(value.name == one.name for value in values)
        if number < one.min or (not one.repeats and number > 1):
            raise ValueError(f"{one.name} is answered {number} times; its cardinality is {one.min}..{one.max}")
    for value in values:
        if value.name not in parameters:
            raise ValueError(f"{value.name} is not defined; there are {', '.join(parameters)}")
        parameter = parameters[value.name]
        name = exact.encode(value.name).decode()
        if value.part is not None:
            inner = ",".join(_answered(parameter.part, definitions, value.part.values))
            yield f'{{"name":{name},"part":[{inner}]}}'
            continue
        kind = value.type or parameter.type
        if not value.type and kind in _ANY:
            raise ValueError(f"the definition leaves the type of {value.name} open, so that its value has to state it")
        text = value.value.decode() if isinstance(value.value, bytes) else exact.encode(value.value).decode()
        key = "resource" if definitions.is_resource_type(kind) else f"value{kind[0].upper()}{kind[1:]}"
        yield f'{{"name":{name},"{key}":{text}}}'


def _a(type_name: str) -> str:
    return "a resource" if type_name == "Resource" else f"{'an' if type_name[:1] in 'aeioAEIO' else 'a'} {type_name}"


def _without_resources(tree: dict[str, Any]) -> dict[str, Any]:
    """Parameters around their resources, which are judged one by one by what is expected of them."""

    def bare(entry: Any, depth: int) -> Any:
        if not isinstance(entry, dict) or depth > exact.LEVELS:
            return entry
        kept = {key: value for key, value in entry.items() if key != "resource"}
        if isinstance(kept.get("part"), list):
            kept["part"] = [bare(one, depth + 1) for one in kept["part"]]
        return kept

    if not isinstance(tree.get("parameter"), list):
        return tree
    return {**tree, "parameter": [bare(entry, 1) for entry in tree["parameter"]]}
